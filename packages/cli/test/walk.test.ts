/** The walk: from nothing to real work, done, paid for and proven, by our commands and a whole server. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../../server/test/support/database.ts";
import { type Hall, invoke, openHall, registerShouter, shouting, startDaemon } from "./hall.ts";
import { answerOf, errorOf, until } from "./support.ts";

const MORE: Readonly<Record<string, (hall: Hall) => Promise<void>>> = {
  "a receipt is checked without any server, and a change to it shows": verifies,
  "a daemon lets what it works on finish, and its file says how it is": drains,
  "what a handler gets wrong costs nothing and is told in this wire's words": isWrong,
  "a handler that cannot be run ends the daemon, and so does a key that is not taken": isRefused,
};

for (const host of DATABASE_HOSTS) {
  test(`the walk (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await openHall(t, host);
    await t.test("somebody logs in, hires an agent, pays for it, and proves what was done", () =>
      walks(hall),
    );
    // Our commands do not know what database is behind the server.
    if (host !== "embedded") return;
    for (const [says, part] of Object.entries(MORE)) await t.test(says, () => part(hall));
  });
}

async function walks(hall: Hall): Promise<void> {
  const provider = await hall.member("provider");
  const { agentId, handler } = await registerShouter(provider);
  const daemon = await startDaemon(provider, ["--handler-cmd", handler]);

  const one = hall.stranger();
  const login = one.start("linkedclaw", ["login"], { env: { CI: "true" } });
  await until(() => /[A-Z]+-[A-Z]+-\d\d/.test(login.stderr()), "a code was shown");
  const [code = ""] = /[A-Z]+-[A-Z]+-\d\d/.exec(login.stderr()) ?? [];
  assert.deepEqual(await hall.told("handoff", "approve", code, "--email", "ann@example.org"), {
    kind: "device",
    state: "approved",
  });
  assert.equal((answerOf(await login.finished) as { handle: string }).handle, "@ann");
  const who = answerOf(await one.linkedclaw(["whoami"])) as Record<string, unknown>;
  assert.deepEqual([who.handle, who.config_exists], ["@ann", true]);

  const found = answerOf(await one.linkedclaw(["search", "--intent", "write it in capitals"]));
  assert.equal((found as { agent_id: string }[])[0]?.agent_id, agentId);
  const before = answerOf(await one.linkedclaw(["credits"])) as { available: number };

  const done = answerOf(await invoke(one, agentId, { text: "hi" }, "--max-credits", "50"));
  const { result, credits_charged, receipt_id } = done as {
    result: { text: string; job: Record<string, unknown> };
    credits_charged: number;
    receipt_id: string;
  };
  const { text, job } = result;
  assert.deepEqual([text, credits_charged], ["HI", 50]);
  assert.deepEqual(
    [job.event, job.agent_id, job.capability, job.requester_id, job.max_credits],
    ["invoke", agentId, "text.shout.v1", who.user_id, 50],
  );
  const after = answerOf(await one.linkedclaw(["credits"])) as Record<string, number>;
  assert.deepEqual([after.available, after.escrowed], [before.available - 50, 0]);
  assert.equal(
    errorOf(await invoke(one, agentId, {}, "--max-credits", "49")).code,
    "budget_exceeded",
  );

  const printed = await one.linkedclaw(["receipt", receipt_id]);
  const receipt = join(one.home, "receipt.json");
  writeFileSync(receipt, printed.stdout);
  const verified = answerOf(await one.guildhall(["receipt", "verify", receipt]));
  assert.equal((verified as { charged_micros: string }).charged_micros, "5000");
  const earned = answerOf(await provider.linkedclaw(["receipts"])) as { receipts: object[] };
  assert.equal(earned.receipts.length, 1);

  daemon.child.kill("SIGTERM");
  const { code: exitCode, stdout, stderr } = await daemon.finished;
  assert.deepEqual([exitCode, stdout], [0, ""]);
  const events = stderr
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { event: string }).event);
  assert.deepEqual(events, [
    "registered",
    "provider_running",
    "connected",
    "invoke_started",
    "invoke_finished",
    "stopping",
    "stopped",
  ]);
  assert.deepEqual(answerOf(await one.linkedclaw(["search", "text.shout.v1"])), []);
  assert.equal(errorOf(await invoke(one, agentId, { text: "hi" })).code, "provider_offline");
}

async function verifies(hall: Hall): Promise<void> {
  const { agentId, one, start } = await shouting(hall, "receipts");
  await start();
  const { receipt_id } = answerOf(await invoke(one, agentId, { text: "hi" })) as {
    receipt_id: string;
  };
  const { stdout } = await one.linkedclaw(["receipt", receipt_id]);
  const keys = join(one.home, "keys.json");
  const published = await fetch(`${hall.server.url}/.well-known/guildhall-keys.json`);
  writeFileSync(keys, await published.text());

  const verify = async (text: string, ...more: string[]) => {
    const env = { LINKEDCLAW_CLOUD_URL: "http://127.0.0.1:1" };
    return one.guildhall(["receipt", "verify", "-", ...more], { env, input: text });
  };
  assert.equal((answerOf(await verify(stdout, "--keys", keys)) as { ok: boolean }).ok, true);
  const reordered = JSON.stringify(
    JSON.parse(stdout, (_name, value) => value),
    null,
    2,
  );
  answerOf(await verify(reordered, "--keys", keys));
  // Nobody vouches for what stands around the signed text, so a page for people does not repeat it.
  const painted = stdout.replace('"credits_charged":50', '"credits_charged":1');
  assert.notEqual(painted, stdout);
  const page = await verify(painted, "--keys", keys, "--human");
  assert.match(page.stdout, /What is signed is genuine[\s\S]*charged +0\.005 USD/);
  for (const [from, to] of [
    ['"charged_micros":"5000"', '"charged_micros":"1"'],
    ['"state":"succeeded"', '"state":"failed"'],
    ['"signature":"', '"signature":"AA'],
  ] as const) {
    assert.ok(stdout.includes(from));
    const error = errorOf(await verify(stdout.replace(from, to), "--keys", keys));
    assert.equal(error.code, "receipt_not_verified");
  }
  writeFileSync(keys, '{"keys":[]}');
  assert.equal(errorOf(await verify(stdout, "--keys", keys)).code, "receipt_not_verified");
  assert.equal(errorOf(await verify("{}", "--keys", keys)).code, "invalid_receipt");
  assert.equal(errorOf(await verify("{", "--keys", keys)).code, "invalid_receipt");
  assert.equal(errorOf(await verify(stdout)).code, "relay_unreachable", "keys are asked for");
}

async function drains(hall: Hall): Promise<void> {
  const { provider, agentId, slug, one, start } = await shouting(hall, "drain");
  const daemon = await start();
  const file = join(provider.config, "providers", `${slug}.status.json`);
  const status = () => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  await until(() => existsSync(file) && status().ws_state === "online", "its file says so");
  assert.equal(status().pid, daemon.child.pid);

  const waiting = invoke(one, agentId, { do: "wait", ms: 1_000 });
  await until(() => daemon.stderr().includes("invoke_started"), "the work began");
  daemon.child.kill("SIGTERM");
  const { result } = answerOf(await waiting) as { result: object };
  assert.deepEqual(result, { waited: true });
  assert.equal((await daemon.finished).code, 0);
  assert.equal(status().ws_state, "stopped");
  const [shown] = answerOf(await provider.linkedclaw(["provider", "status"])) as object[];
  assert.equal((shown as { daemon: string }).daemon, "stopped");
}

async function isWrong(hall: Hall): Promise<void> {
  const { agentId, one, start } = await shouting(hall, "mistakes");
  const daemon = await start();
  const codeOf = async (input: object) => errorOf(await invoke(one, agentId, input)).code;
  assert.equal(await codeOf({ do: "fail", code: "subagent_timeout" }), "subagent_timeout");
  assert.equal(await codeOf({ do: "fail", code: "its_own" }), "subagent_error");
  assert.equal(await codeOf({ do: "nonsense" }), "subagent_bad_output");
  assert.equal(await codeOf({ do: "exit" }), "subagent_error");
  await until(() => daemon.stderr().includes("handler_restarted"), "the handler came back");
  answerOf(await invoke(one, agentId, { text: "again" }));
  const { balance } = answerOf(await one.linkedclaw(["credits"])) as { balance: number };
  assert.equal(balance, 1_000_000 - 50);
}

async function isRefused(hall: Hall): Promise<void> {
  const { args, start } = await shouting(hall, "refused");
  const missing = await start(["--handler-cmd", "/nowhere/handler"]);
  assert.equal(errorOf(await missing.finished).code, "config_error");

  const wrong = { LINKEDCLAW_API_KEY: "lc_aVeryLongKeyThatNobodyMaySee0123456789" };
  const refused = await (await start(args, wrong)).finished;
  assert.equal(errorOf(refused).code, "invalid_api_key");
  assert.doesNotMatch(refused.stderr, /aVeryLong/);

  const first = await start();
  const second = await start();
  assert.equal(errorOf(await first.finished).code, "replaced");
  second.child.kill("SIGINT");
  assert.equal((await second.finished).code, 0);
}
