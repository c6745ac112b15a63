/** The scripts' executions on a whole server of ours, done by nodes that are real connections. */
import assert from "node:assert/strict";
import { PLAY_CREDITS } from "../../../server/test/openmarlin/money.ts";
import { type NodeSettings, shout, startNode } from "../../../server/test/openmarlin/node.ts";
import { inEachHall } from "../hall.ts";
import { desk } from "./scripts.ts";

const MODEL = "openai-codex/gpt-5.4";
const NODES: readonly NodeSettings[] = [
  { providerId: "node-a", models: [MODEL], labels: { tier: "premium" }, run: shout },
  { providerId: "node-b", models: [MODEL, "acme/small"], defaultModel: "acme/small", run: shout },
];
const hello = (extra: object = {}) => JSON.stringify({ instruction: "say\u2028hello", ...extra });

inEachHall("executions go where they are sent, and are told when they cannot", async (t, hall) => {
  const email = "ada@example.org";
  const member = await hall.server.member(email);
  const made = await hall.server.admin("POST", "/keys", { email, kind: "claw_wsk", label: "desk" });
  const owner = await hall.server.member("owner@example.org");
  for (const node of NODES) await startNode(t, hall.server, owner.key, node);
  const { platform, billing } = desk(t, {
    OPENMARLIN_SERVER_URL: hall.server.url,
    OPENMARLIN_PLATFORM_API_KEY: String(made.key),
  });
  assert.notEqual(member.key, made.key);

  const models = await platform("models");
  assert.equal(models.code, 0, models.stderr);
  assert.match(models.stdout, /^Command: models\nExact models: 2\n/);
  assert.ok(
    models.stdout.includes(`- ${MODEL} via node-a labels={"tier": "premium"}\n`),
    models.stdout,
  );
  assert.match(models.stdout, /- acme\/small via node-b advertises=\[/);

  const named = ["--provider", "node-a", "--label", "tier=premium"];
  const plain = await platform(
    "executions",
    "--body-json",
    hello({ model: MODEL }),
    ...named,
    "--json",
  );
  assert.equal(plain.code, 0, plain.stderr);
  assert.equal(plain.json.response.output, "SAY\u2028HELLO");
  assert.equal(plain.json.response.metadata.provider_id, "node-a");
  const streamed = await platform("executions", "--body-json", hello({ stream: true }));
  assert.equal(streamed.code, 0, streamed.stderr);
  assert.match(
    streamed.stdout,
    /Execution stream:\n- execution\.start: \{[\s\S]*- execution\.chunk: \{[\s\S]*- execution\.end: \{[^\n]*SAY\\u2028HELLO/,
  );

  for (const [args, said] of [
    [["--provider", "nobody"], /^HTTP 503 provider_unavailable: .* Sent provider=nobody\.\n$/],
    [
      ["--provider", "node-b", ...named.slice(2)],
      /^HTTP 409 provider_label_mismatch: .* Sent provider=node-b, labels=\{"tier": "premium"\}\.\n$/,
    ],
    [
      ["--label", "region=mars"],
      /^HTTP 404 execution_provider_not_found: .* Sent labels=\{"region": "mars"\}\.\n$/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await platform("executions", "--body-json", hello(), ...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, said);
  }
  const { json } = await billing("balance", "--json");
  assert.equal(json.balance.amount, PLAY_CREDITS - 2, "a credit for each that was done");
  const unknown = await platform("executions", "--body-json", hello({ model: "acme/none" }));
  assert.match(unknown.stderr, /^HTTP 404 execution_provider_not_found: /);
});

inEachHall(
  "an execution that cannot be paid says what is missing, and a top-up mends it",
  async (t, hall) => {
    const email = "ada@example.org";
    await hall.server.member(email);
    const made = await hall.server.admin("POST", "/keys", {
      email,
      kind: "claw_wsk",
      label: "desk",
    });
    const owner = await hall.server.member("owner@example.org");
    await startNode(t, hall.server, owner.key, { models: [MODEL], run: shout });
    const { platform, billing, file } = desk(t, {
      OPENMARLIN_SERVER_URL: hall.server.url,
      OPENMARLIN_PLATFORM_API_KEY: String(made.key),
    });
    const body = ["--body-json", hello()];
    // Eleven are paid for; for the twelfth too little is left.
    for (let count = 0; count < 11; count++) {
      assert.equal((await platform("executions", ...body)).code, 0);
    }
    const refused = await platform("executions", ...body);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(
      refused.stderr,
      /^HTTP 402 insufficient_balance: .*Current=94\.5 credits required=900\.5 credits shortfall=806 credits\n/,
    );
    const [, amount = ""] = /create-topup --amount (\S+)/.exec(refused.stderr) ?? [];
    assert.equal(amount, "806");
    const { json } = await billing("create-topup", "--amount", amount, "--json");
    const id = String(json.response.topup_session_id);
    await hall.server.admin("POST", `/topups/${id.replace("topup_", "")}/pay`, {});
    const paid = await billing("watch", "--session-id", id);
    assert.match(paid.stdout, /Refreshed balance: 900\.5 credits \(estimated=no\)/);
    assert.match(file("billing-state.json"), /"source": "authoritative_balance_api"/);
    const done = await platform("executions", ...body);
    assert.equal(done.code, 0, done.stderr);
  },
  { GUILDHALL_UNPRICED_CALL_USD: "9.005" },
);
