/** Each command, ours and the Python client's, one after the other against the same server: what comes out is alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPythonMissing, runClient } from "../../../server/test/openmarlin/support.ts";
import { POOR, startMarlin } from "./marlin.ts";
import { desk, KEY, type ScriptName } from "./scripts.ts";

const POOR_JSON = ["--response-json", JSON.stringify(POOR)];
const QUICKLY = ["--interval-seconds", "0.02"];
const task = (prompt: string) => [
  "--body-json",
  JSON.stringify({ kind: "video", input: { prompt } }),
];
const run = (instruction: string, extra: object = {}) => [
  "--body-json",
  JSON.stringify({ instruction, ...extra }),
];

/** The script, the command, and its name where the stand-in has another. */
// biome-ignore format: read as a table
const COMMANDS: readonly (readonly [ScriptName, readonly string[], string?])[] = [
  ["registration_session", ["create"]],
  ["registration_session", ["create", "--auth-flow", "workos_callback"]],
  ["registration_session", ["status", "--session-id", "regsess_1"]],
  ["registration_session", ["watch", "--session-id", "regsess_1"]],
  ["registration_session", ["issue-api-key", "--session-id", "regsess_1", "--store"]],
  ["registration_session", ["bootstrap", "--session-id", "regsess_1", "--store", "--label", "mine"]],
  ["platform_request",     ["models"]],
  ["platform_request",     ["executions", ...run("hi")]],
  ["platform_request",     ["executions", ...run("hi", { model: " a/b " }), "--provider", "node-a", "--label", "a=b"]],
  ["platform_request",     ["executions", ...run("hi", { stream: true })]],
  ["platform_request",     ["executions", ...run("text")]],
  ["platform_request",     ["executions", ...run("expensive")]],
  ["platform_request",     ["executions", ...run("hi"), "--provider", "node-gone"]],
  ["platform_request",     ["executions", ...run("hi"), "--provider", "node-plain", "--label", "a=b"]],
  ["platform_request",     ["tasks-submit", ...task("A plane.")]],
  ["platform_request",     ["tasks-submit", "--watch", ...task("A plane."), ...QUICKLY]],
  ["platform_request",     ["tasks-submit", "--watch", ...task("[fail]"), ...QUICKLY]],
  ["platform_request",     ["tasks-status", "--task-id", "task_1"]],
  ["platform_request",     ["tasks-watch", "--task-id", "task_2"]],
  ["platform_request",     ["tasks-status", "--task-id", "task_9"]],
  ["billing",              ["explain-402", ...POOR_JSON]],
  ["billing",              ["create-topup", "--amount", "5"]],
  ["billing",              ["create-topup", "--amount", "0.25"]],
  ["billing",              ["status", "--session-id", "topup_1"], "topup-status"],
  ["billing",              ["watch", "--session-id", "topup_1", ...QUICKLY], "topup-watch"],
  ["billing",              ["status", "--session-id", "topup_9"], "topup-status"],
  ["billing",              ["balance"]],
  ["billing",              ["history", "--limit", "1"]],
  ["billing",              ["activity", "--limit", "2"]],
  ["billing",              ["referral-link"]],
];

test("each command of ours ends as the Python client's does, and tells the same", async (t) => {
  if (isPythonMissing(t)) return;
  // Each at a server of its own: what one did must not show in what the other is told.
  const [ourServer, theirServer] = [await startMarlin(t), await startMarlin(t)];
  const ours = desk(t, { OPENMARLIN_SERVER_URL: ourServer.url });
  const theirs = desk(t);
  for (const [script, args, name] of COMMANDS) {
    const what = args.join(" ");
    const { code, json, stderr } = await ours.run(script, [...args, "--json"]);
    const [command = "", ...flags] = args;
    const told = await runClient(theirServer, [name ?? command, ...flags], theirs.home);
    assert.equal(code, told.code, `${what}: ${stderr}${told.said}`);
    assert.deepEqual(told.said, "", what);
    for (const field of Object.keys(told.printed)) assert.ok(field in json, `${what}: ${field}`);
    for (const field of ALIKE)
      assert.deepEqual(json[field], told.printed[field], `${what}: ${field}`);
    const [sent, theirSent] = [ourServer, theirServer].map(({ received }) => received.at(-1));
    assert.equal(sent?.url.pathname, theirSent?.url.pathname, what);
    assert.deepEqual(bodyOf(sent?.body), bodyOf(theirSent?.body), what);
    assert.equal(sent?.headers.authorization, theirSent?.headers.authorization, what);
  }
  assert.ok(ourServer.received.some(({ headers }) => headers.authorization === `Bearer ${KEY}`));
});

/** Told by both in the same words; others have a home's path in them, or an instant. */
const ALIKE = [
  ...["ok", "status", "provider", "labels", "response", "stream_events", "state", "handoff"],
  ...["issued", "session", "usage_events", "ledger_entries", "referral", "auto_recovered"],
  ...["authoritative_balance_response", "completion"],
];

/** What was sent, but for the key that each makes up. */
function bodyOf(text = ""): unknown {
  if (text === "") return undefined;
  const { idempotency_key, ...body } = JSON.parse(text);
  return { ...body, hasKey: idempotency_key !== undefined };
}
