import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LIMITS } from "@guildhall/protocol";
import { openTestDatabase } from "../support/database.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import { type Hall, onEachHall, Peer, type SeededAgent, startHall, until } from "./support.ts";

async function withHall(t: TestContext, work: (hall: Hall) => Promise<void>): Promise<void> {
  const hall = await startHall(await openTestDatabase(t, "any"));
  try {
    await work(hall);
  } finally {
    await hall.stop();
  }
}

async function identified(hall: Hall, agent: SeededAgent): Promise<Peer> {
  const peer = await Peer.open(`${hall.url}/ws`);
  peer.send({
    type: "IDENTIFY",
    id: "frm_a",
    api_key: agent.key,
    agent_id: `agt_${agent.agentId}`,
  });
  await peer.next("IDENTIFIED");
  return peer;
}

onEachHall("a LinkedClaw provider identifies, is invoked, and answers", async (hall) => {
  verifies("identify");
  const agent = await hall.agent();
  const peer = await Peer.open(`${hall.url}/ws`);
  // Types in any case, names in camel case, fields that nobody knows.
  peer.send({
    type: "identify",
    apiKey: agent.key,
    agentId: `agt_${agent.agentId}`,
    slaTier: "premium",
  });
  const { id: _id, ts, ...welcome } = await peer.next("IDENTIFIED");
  assert.equal(ts, "2026-01-01T00:00:00.000Z");
  assert.deepEqual(welcome, {
    type: "IDENTIFIED",
    reply_to: null,
    connection_id: `con_${agent.agentId}_1`,
    agent_id: `agt_${agent.agentId}`,
    heartbeat_seconds: 10,
    miss_seconds: 30,
    active_sessions: [],
  });

  peer.send({ type: "HEARTBEAT", id: "frm_h", in_flight: 0 });
  assert.equal((await peer.next("HEARTBEAT_ACK")).reply_to, "frm_h");

  const { runId, chainId, requesterWorkspaceId } = hall.offer(agent.agentId);
  assert.deepEqual(await peer.next("INVOKE"), {
    type: "INVOKE",
    id: `frm_${runId}_1`,
    ts: "2026-01-01T00:00:00.000Z",
    reply_to: null,
    invoke_id: `inv_${runId}`,
    capability: "translate",
    input: { text: "hello" },
    manifest: { intention: "test" },
    requester_id: `usr_${requesterWorkspaceId}`,
    chain_id: `chn_${chainId}`,
    max_credits: 3,
    timeout_seconds: 60,
  });
  const result = {
    type: "INVOKE_RESULT",
    id: "frm_r",
    invoke_id: `inv_${runId}`,
    output: { a: 1 },
  };
  peer.send(result);
  await until(() => hall.runs.events.length > 0);
  assert.deepEqual(hall.runs.events, [["succeeded", runId, { a: 1 }]]);
  peer.send(result);
  const { code, reply_to, invoke_id } = await peer.next("ERROR");
  assert.deepEqual([code, reply_to, invoke_id], ["late", "frm_r", `inv_${runId}`]);
});

// biome-ignore format: read as a table (LinkedClaw contract §7.5, §15)
const ERRORS = [
  ["provider_busy",            "refused", "provider_busy"],
  ["per_requester_limit",      "refused", "requester_limit"],
  ["capability_not_supported", "refused", "capability_not_supported"],
  ["provider_manual_mode",     "refused", "provider_manual"],
  ["provider_unconfigured",    "refused", "provider_unconfigured"],
  ["subagent_timeout",         "failed",  "provider_timeout"],
  ["subagent_bad_output",      "failed",  "provider_bad_output"],
  ["subagent_error",           "failed",  "provider_failed"],
  ["something_else",           "failed",  "provider_failed"],
] as const;

test("what went wrong with an INVOKE is told in our words", (t) =>
  withHall(t, async (hall) => {
    const agent = await hall.agent();
    const peer = await identified(hall, agent);
    const expected = new Map<string, readonly unknown[]>();
    for (const [code, what, ours] of ERRORS) {
      const { runId } = hall.offer(agent.agentId);
      expected.set(runId, [what, ours]);
      peer.send({ type: "INVOKE_ERROR", invoke_id: `inv_${runId}`, code, message: "m" });
    }
    for (const rest of ["", `,"output":"\\ud800"`]) {
      const { runId } = hall.offer(agent.agentId);
      expected.set(runId, ["failed", "provider_bad_output"]);
      peer.send(`{"type":"INVOKE_RESULT","invoke_id":"inv_${runId}"${rest}}`);
    }
    await until(() => hall.runs.events.length === expected.size);
    const isWord = (value: unknown) => typeof value === "string";
    const told = hall.runs.events.map(
      ([what, runId, ...rest]) => [String(runId), [what, rest.find(isWord)]] as const,
    );
    assert.deepEqual(new Map(told), expected);
  }));

test("what is cut of a long message is text that can be told", (t) =>
  withHall(t, async (hall) => {
    const agent = await hall.agent();
    const peer = await identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    // Half of the owl is beyond what is kept.
    const error = { code: "subagent_error", message: `${"o".repeat(1_999)}🦉` };
    peer.send({ type: "INVOKE_ERROR", invoke_id: `inv_${runId}`, ...error });
    await until(() => hall.runs.named("failed").length === 1);
    assert.ok(String(hall.runs.named("failed")[0]?.at(-1)).isWellFormed());
  }));

test("who may not connect is told so in this wire's words and with its close codes", (t) =>
  withHall(t, async (hall) => {
    verifies("identify-rejected");
    const agent = await hall.agent();
    const other = await hall.agent();
    const identify = { type: "IDENTIFY", api_key: agent.key, agent_id: `agt_${agent.agentId}` };
    // biome-ignore format: read as a table (LinkedClaw contract §7.3)
    const cases = [
      [{ ...identify, api_key: "lc_x" },                    "invalid_api_key",   4001],
      [{ ...identify, api_key: undefined },                 "invalid_api_key",   4001],
      [{ ...identify, agent_id: `agt_${other.agentId}` },   "not_owner",         4003],
      [{ ...identify, agent_id: `agt_${"0".repeat(24)}` },  "listing_not_found", 4004],
      [{ ...identify, agent_id: agent.agentId },            "listing_not_found", 4004],
      [{ ...identify, agent_id: { $ne: 1 } },               "listing_not_found", 4004],
      [{ type: "HEARTBEAT" },                               "invalid_frame",     4002],
      ["[]",                                                "invalid_frame",     4002],
    ] as const;
    for (const [frame, code, closeCode] of cases) {
      const peer = await Peer.open(`${hall.url}/ws`);
      peer.send(frame);
      assert.equal((await peer.next("IDENTIFY_REJECTED")).code, code);
      const closed = await peer.closed;
      assert.deepEqual([closed.code, closed.reason], [closeCode, code]);
    }
    assert.equal(hall.hub.size, 0);
  }));

test("a second connection of a listing takes over; its INVOKE is the same frame again", (t) =>
  withHall(t, async (hall) => {
    verifies("relay-replaced", "relay-redelivery");
    const agent = await hall.agent();
    const older = await identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    const first = await older.next("INVOKE");
    const newer = await identified(hall, agent);
    assert.equal((await older.next("IDENTIFY_REJECTED")).code, "replaced");
    assert.equal((await older.closed).code, 4009);
    assert.deepEqual(await newer.next("INVOKE"), first);
    newer.send({ type: "INVOKE_RESULT", invoke_id: `inv_${runId}`, output: 1 });
    await until(() => hall.runs.named("succeeded").length === 1);
  }));

test("transport_shutdown is a goodbye, and silence is noticed unless pings are answered", (t) =>
  withHall(t, async (hall) => {
    const [polite, silent] = [await hall.agent(), await hall.agent()];
    const leaving = await identified(hall, polite);
    leaving.send({ type: "transport_shutdown", reason: "update" });
    assert.equal((await leaving.closed).code, 1000);
    await until(() => hall.runs.named("gone").length === 1);

    const ponging = await identified(hall, silent);
    await hall.pass(LIMITS.heartbeatMissMs);
    ponging.socket.pong();
    ponging.send({ type: "HEARTBEAT" });
    await ponging.next("HEARTBEAT_ACK");
    await hall.pass(LIMITS.heartbeatMissMs);
    assert.ok(hall.hub.holds(silent.agentId));
    await hall.pass(1);
    assert.equal((await ponging.next("ERROR")).code, "heartbeat_missed");
    assert.equal((await ponging.closed).code, 4010);
    assert.deepEqual(hall.runs.named("gone"), [
      ["gone", polite.agentId, 1, "shutdown"],
      ["gone", silent.agentId, 1, "missed"],
    ]);
  }));

test("what is said of a session or a gig task to no avail is answered with an ERROR", (t) =>
  withHall(t, async (hall) => {
    const peer = await identified(hall, await hall.agent());
    const [session_id, task_id] = [`ses_${"f".repeat(24)}`, `gig_${"f".repeat(24)}`];
    const amounts = { amount_credits: 1, max_credits: 2 };
    // biome-ignore format: read as a table (LinkedClaw contract §7.5)
    const cases = [
      [{ type: "SESSION_ACCEPT", session_id },                       "late"],
      [{ type: "SESSION_REJECT", session_id, reason: "no" },         "late"],
      [{ type: "QUOTE_PROPOSAL", session_id, ...amounts },           "late"],
      [{ type: "INVOICE", session_id, total_credits: 1 },            "late"],
      [{ type: "SESSION_REPLY", session_id, payload: {} },           "late"],
      [{ type: "SESSION_ACCEPT" },                                   "invalid_frame"],
      [{ type: "SESSION_REJECT", session_id: "ses_1" },              "invalid_frame"],
      [{ type: "SESSION_ERROR", session_id, in_reply_to_seq: "one" }, "invalid_frame"],
      [{ type: "QUOTE_PROPOSAL", session_id, amount_credits: 1 },    "invalid_frame"],
      [{ type: "INVOICE", session_id, total_credits: 0.5 },          "invalid_frame"],
      [{ type: "GIG_TASK_BID", accept: true },                       "invalid_frame"],
      [{ type: "GIG_TASK_BID", task_id, accept: "yes" },             "invalid_frame"],
      [{ type: "GIG_TASK_ERROR", code: "subagent_error" },           "invalid_frame"],
    ] as const;
    for (const [index, [frame, code]] of cases.entries()) {
      peer.send({ id: `frm_${index}`, ...frame });
      const error = await peer.next("ERROR");
      assert.equal(error.code, code, JSON.stringify(frame));
      if (code === "late") assert.equal(error.session_id, session_id);
      else assert.equal(error.reply_to, `frm_${index}`);
    }
    assert.deepEqual(hall.runs.events, []);
  }));

test("unknown types are answered, frames beyond a megabyte end the connection with 1009", (t) =>
  withHall(t, async (hall) => {
    const peer = await identified(hall, await hall.agent());
    for (const type of ["SESSION_TELEPORT", "constructor", "IDENTIFIED"]) {
      peer.send({ type, id: "frm_1" });
      const { code, reply_to } = await peer.next("ERROR");
      assert.deepEqual([code, reply_to], ["unknown_type", "frm_1"]);
    }
    peer.send({ type: "ERROR", code: "x" });
    peer.send({ type: 7 });
    assert.equal((await peer.next("ERROR")).code, "invalid_frame");
    peer.send({ type: "HEARTBEAT", filler: "x".repeat(LIMITS.bodyBytesMax) });
    assert.equal((await peer.closed).code, 1009);
  }));
