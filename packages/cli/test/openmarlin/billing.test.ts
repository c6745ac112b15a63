/** `billing` against a server that answers as the contract says: OpenMarlin contract §8, §10.3. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Answer, Received } from "../support.ts";
import { POOR, startMarlin, WORKSPACE } from "./marlin.ts";
import { desk, KEY } from "./scripts.ts";

async function office(t: TestContext, answer?: (received: Received) => Answer | undefined) {
  const marlin = await startMarlin(t, answer);
  const one = desk(t, {
    ...{ OPENMARLIN_SERVER_URL: marlin.url, OPENMARLIN_PLATFORM_API_KEY: KEY },
  });
  const workspace = () => JSON.parse(one.file("billing-state.json")).workspaces[WORKSPACE];
  return { marlin, ...one, workspace };
}

const POOR_JSON = ["--response-json", JSON.stringify(POOR)];
const QUICKLY = ["--interval-seconds", "0"];

test("a refusal for lack of balance is explained without asking anybody", async (t) => {
  const { billing, marlin, workspace, state } = await office(t);
  const { code, stdout, stderr } = await billing("explain-402", ...POOR_JSON);
  assert.deepEqual([code, stderr], [0, ""]);
  const [head, recovery, ...rest] = stdout.split(/(?=^Recovery: )/m);
  assert.equal(
    head,
    `Workspace balance is insufficient for this request.
Workspace ID: ws_123
Current balance: 0.1 credits
Required balance: 0.3 credits
Shortfall: 0.2 credits
`,
  );
  assert.match(
    recovery ?? "",
    /create-topup --amount 0\.2\n.*watch --session-id <topup-session-id>\n/,
  );
  assert.ok(recovery?.endsWith(`Billing state path: ${join(state, "billing-state.json")}\n`));
  assert.deepEqual(rest, []);
  assert.equal(workspace().last_balance_snapshot.required_amount, 0.3);
  const { json } = await billing("explain-402", ...POOR_JSON, "--json");
  assert.deepEqual(Object.keys(json), ["commands", "recovery", "stored"]);
  assert.deepEqual(marlin.received, []);
});

test("with --auto-recover the top-up is made at once, for what is missing", async (t) => {
  const { billing, marlin, workspace } = await office(t);
  const { code, json } = await billing("explain-402", ...POOR_JSON, "--auto-recover", "--json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(marlin.received[0]?.body ?? ""), { amount: 0.2 });
  assert.equal(json.auto_recovered.status, "pending_payment");
  assert.equal(json.stored_session.topup_session_id, "topup_1");
  assert.equal(workspace().topup_sessions.topup_1.status, "pending_payment");
});

test("what is bought is what is missing, in whole parts of a hundredth, or what is named", async (t) => {
  const { billing, marlin, home } = await office(t);
  const bought = async (...args: string[]) => {
    const { code, stderr } = await billing("create-topup", ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(marlin.received.at(-1)?.body ?? "").amount;
  };
  const lack = (current: number, required: number) => {
    const unit = "credits";
    const balances = {
      current_balance: { amount: current, unit },
      required_balance: { amount: required, unit },
    };
    return ["--response-json", JSON.stringify({ ...POOR, ...balances })];
  };
  assert.equal(await bought("--amount", "5"), 5);
  assert.equal(await bought("--amount", "2.5"), 2.5);
  assert.equal(await bought(...lack(0, 1)), 1);
  assert.equal(await bought(...lack(0.9375, 1)), 0.07, "a part of a hundredth is rounded up");
  assert.equal(await bought(...lack(3, 1)), 1, "nothing is missing any more");
  const file = join(home, "response.json");
  writeFileSync(file, JSON.stringify(POOR));
  assert.equal(await bought("--response-file", file), 0.2);
});

test("a payment is waited for, and the balance asked for after it", async (t) => {
  const { billing, workspace, marlin } = await office(t);
  const created = await billing("create-topup", "--amount", "5");
  assert.match(
    created.stdout,
    /^Top-up session ID: topup_1\nWorkspace ID: ws_123\nRequested amount: 5 credits\nStatus: pending_payment\n/,
  );
  assert.match(
    created.stdout,
    /Checkout URL: https:\/\/pay\.example\.org\/1\nCredited ledger entry ID: <unknown>\nNext: Open the checkout URL/,
  );
  const session = ["--session-id", "topup_1"];
  const pending = await billing("status", ...session, "--json");
  assert.deepEqual([pending.json.ok, pending.json.response.status], [true, "pending_payment"]);
  assert.ok(!("refreshed_balance" in pending.json));
  const { code, stdout } = await billing("watch", ...session, ...QUICKLY);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /Status: credit_applied\n[\s\S]*Refreshed balance: 7\.5 credits \(estimated=no\)\n$/,
  );
  assert.equal(workspace().last_balance_snapshot.source, "authoritative_balance_api");
  const again = await billing("watch", ...session, "--json");
  assert.equal(again.json.authoritative_balance_status, 200);
  assert.equal(again.json.authoritative_balance_response.available_balance.amount, 7.5);
  assert.deepEqual(
    [again.json.refreshed_balance.amount, again.json.refreshed_balance.estimated],
    [7.5, false],
  );
  assert.deepEqual(marlin.received.at(-1)?.url.pathname, "/v1/balance");
});

test("where the server does not tell the balance after a payment, it is estimated, once", async (t) => {
  let isSilent = false;
  const { billing, workspace } = await office(t, ({ url }) =>
    isSilent && url.pathname === "/v1/balance"
      ? { status: 503, body: { error: "overloaded" } }
      : undefined,
  );
  await billing("balance");
  await billing("create-topup", "--amount", "0.2");
  isSilent = true;
  const session = ["--session-id", "topup_1"];
  const first = await billing("watch", ...session, ...QUICKLY, "--json");
  assert.equal(first.json.authoritative_balance_status, 503);
  assert.equal(first.json.refreshed_balance.amount, 2.7);
  const { source, reference } = workspace().last_balance_snapshot;
  assert.equal(source, "topup_session_credit_applied");
  assert.equal(reference.topup_session_id, "topup_1");
  const again = await billing("status", ...session, "--json");
  assert.equal(again.json.refreshed_balance.amount, 2.7, "it is not added a second time");
});

test("the balance is the server's; without it, what was last known of it, and a failure", async (t) => {
  let isDown = false;
  const { billing, state } = await office(t, ({ url }) =>
    isDown && url.pathname === "/v1/balance"
      ? { status: 500, body: { error: "internal_error" } }
      : undefined,
  );
  const { code, stdout } = await billing("balance", "--workspace-id", WORKSPACE);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Workspace ID: ws_123\nAuthoritative balance: 2\.5 credits\nObserved at: \S+Z\nSource: authoritative_balance_api\nEstimated: no\nServer updated at: 2026-03-01T10:00:00\.000Z\nBilling state path: /,
  );
  const good = await billing("balance", "--json");
  assert.equal(good.json.balance.amount, 2.5);
  assert.equal(good.json.billing_state_path, join(state, "billing-state.json"));
  assert.match(
    (await billing("balance", "--workspace-id", "ws_9")).stderr,
    /belongs to workspace ws_123/,
  );
  await billing("explain-402", ...POOR_JSON);
  isDown = true;
  const down = await billing("balance", "--workspace-id", WORKSPACE);
  assert.equal(down.code, 1);
  assert.match(down.stderr, /^HTTP 500 internal_error: /);
  assert.match(
    down.stdout,
    /Last known balance: 0\.1 credits\n[\s\S]*Required balance from last 402: 0\.3 credits\nMessage: Workspace/,
  );
  const json = (await billing("balance", ...POOR_JSON, "--json")).json;
  assert.deepEqual([json.ok, json.status, json.fallback_balance.amount], [false, 500, 0.1]);
  const unknown = await billing("balance", "--json");
  assert.equal(unknown.json.fallback_balance, null);
  const env = { OPENMARLIN_SERVER_URL: "http://127.0.0.1:1" };
  const one = desk(t, { ...env, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const alone = await one.billing("balance", ...POOR_JSON);
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /No server answers/);
  assert.match(alone.stdout, /Last known balance: 0\.1 credits/);
});

test("history tells the top-ups that were seen here, and asks nobody", async (t) => {
  const { billing, marlin } = await office(t);
  assert.match((await billing("history")).stdout, /the newest first:\nnone\n$/);
  for (const amount of ["1", "2", "3"]) await billing("create-topup", "--amount", amount);
  const asked = marlin.received.length;
  const { stdout } = await billing("history", "--limit", "2");
  assert.equal(stdout.split("\n").length, 4);
  assert.match(
    stdout,
    /^- topup_\d workspace=ws_123 status=pending_payment amount=\d credits credited_ledger_entry_id=<unknown>$/m,
  );
  const all = (await billing("history", "--workspace-id", WORKSPACE, "--json")).json;
  assert.equal(all.sessions.length, 3);
  assert.equal(
    (await billing("history", "--workspace-id", "ws_9", "--json")).json.sessions.length,
    0,
  );
  assert.equal(marlin.received.length, asked);
});

test("activity tells what was used and booked, the newest first", async (t) => {
  const { billing } = await office(t);
  const { code, stdout } = await billing("activity");
  assert.equal(code, 0);
  assert.equal(
    stdout,
    `API key source: env-or-flag
Recent usage events:
- 2026-03-02T10:00:00.000Z capability=video status=settled provider=<unknown> request=task_1 units=1 final_debit=10 credits
- 2026-03-01T10:00:00.000Z capability=agent_run status=settled provider=node-a request=req_1 units=1 final_debit=1.25 credits final_total=0.0125 usd provider_subtotal=0.01 usd platform_fee=0.0025 usd
- 2026-02-01T10:00:00.000Z capability=agent_run status=failed provider=node-b request=req_0 units=0
Recent ledger entries:
- 2026-03-03T10:00:00.000Z type=topup_credit status=posted amount=5 credits reference_id=topup_1
- 2026-03-01T10:00:00.000Z type=usage_debit status=posted amount=-1.25 credits reference_id=req_1
`,
  );
  const { json } = await billing("activity", "--limit", "1", "--json");
  assert.deepEqual([json.usage_events.length, json.ledger_entries.length], [1, 1]);
  assert.deepEqual([json.usage_events_status, json.ledger_status], [200, 200]);
  const none = await billing("activity", "--limit", "-1");
  assert.match(none.stdout, /usage events:\nnone\nRecent ledger entries:\nnone\n$/);
});

test("the referral link comes with what became of it", async (t) => {
  const { billing } = await office(t);
  const { stdout } = await billing("referral-link");
  assert.equal(
    stdout,
    "API key source: env-or-flag\nReferral code: ABCD2345\nReferral link: https://example.org/r/ABCD2345\nAttribution summary: signed_up=3 qualified=2 rewarded=1\n",
  );
  assert.equal((await billing("referral-link", "--json")).json.referral.referral_code, "ABCD2345");
});

// biome-ignore format: read as a table
const MISTAKES = [
  [2, ["explain-402"],                                                                  /--response-json or --response-file/],
  [2, ["explain-402", "--response-json", "{}", "--response-file", "x"],                 /not both/],
  [1, ["explain-402", "--response-json", "[]"],                                         /JSON object/],
  [1, ["explain-402", "--response-json", "{"],                                          /not JSON/],
  [1, ["explain-402", "--response-file", "/nowhere"],                                   /cannot be read/],
  [1, ["explain-402", "--response-json", '{"error_code":"insufficient_balance"}'],      /no insufficient_balance refusal/],
  [1, ["explain-402", "--response-json", JSON.stringify({ ...POOR, workspace_id: " " })], /workspace_id/],
  [1, ["explain-402", "--response-json", JSON.stringify({ ...POOR, current_balance: { amount: 1, unit: "usd" } })], /one unit/],
  [2, ["create-topup"],                                                                 /--amount/],
  [2, ["create-topup", "--amount", "0"],                                                /above 0/],
  [2, ["create-topup", "--amount", "-5"],                                               /above 0/],
  [2, ["create-topup", "--amount", "five"],                                             /a number/],
  [2, ["create-topup", "--amount", "1", ...POOR_JSON],                                  /not both/],
  [2, ["activity", "--limit", "1.5"],                                                   /whole number/],
  [2, ["status"],                                                                       /--session-id is missing/],
  [2, ["watch", "--session-id", " "],                                                   /must not be empty/],
  [1, ["status", "--session-id", ".."],                                                 /is no id/],
  [1, ["status", "--session-id", "topup_9"],                                            /HTTP 404 topup_session_not_found/],
  [2, ["pay"],                                                                          /no command "pay"/],
  [2, [],                                                                               /Name a command/],
  [2, ["balance", "--nonsense"],                                                        /no option "--nonsense"/],
  [2, ["balance", "everything"],                                                        /no place for "everything"/],
  [2, ["balance", "--json=yes"],                                                        /takes no value/],
  [2, ["balance", "--api-key"],                                                         /needs a value/],
] as const;

test("a command that is not said correctly ends with 2, what does not work with 1, and one line why", async (t) => {
  const { billing, marlin } = await office(t);
  for (const [expected, args, why] of MISTAKES) {
    const { code, stdout, stderr } = await billing(...args);
    assert.deepEqual([code, stdout], [expected, ""], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, why, args.join(" "));
    assert.equal(stderr.split("\n").length, expected === 2 ? 3 : 2, stderr);
  }
  assert.equal(marlin.received.length, 1, "only the one that asks for something unknown asked");
});

test("flags may stand before the command as well, and are not lost there", async (t) => {
  const { billing, marlin } = await office(t);
  const { json } = await billing("--json", "--api-key", "claw_wsk_other", "balance");
  assert.equal(json.balance.amount, 2.5);
  assert.equal(marlin.received[0]?.headers.authorization, "Bearer claw_wsk_other");
});

test("a dry run buys nothing", async (t) => {
  const { billing, marlin } = await office(t);
  const { code, json } = await billing("create-topup", "--amount", "5", "--dry-run", "--json");
  assert.equal(code, 0);
  assert.deepEqual([json.ok, json.command, json.amount], [true, "create-topup", "5"]);
  const local = await billing("history", "--dry-run", "--json");
  assert.ok(!("api_key_source" in local.json));
  assert.deepEqual([...new Set(marlin.received.map(({ url }) => url.pathname))], ["/openapi.json"]);
});
