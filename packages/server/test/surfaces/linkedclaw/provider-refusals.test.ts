/**
 * What a provider refuses or gets wrong, as its requester reads it (LinkedClaw contract §7.5, §15): over
 * real HTTP, from a provider on each wire that says what the input tells it to. Nothing of it is paid.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import {
  curve,
  hire,
  register as registerTalker,
  repliesTo,
  serve,
} from "../../sessions/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../../support/guildhall.ts";
import { balanceOf, invoke, register } from "../../support/hire.ts";
import { verifies } from "./requirements.ts";
import { assertRefused } from "./support.ts";

// biome-ignore lint/suspicious/noExplicitAny: a frame is whatever JSON the test looks into.
type Frame = any;

// biome-ignore format: read as a table
const NATIVE = [
  { says: { refuse: "provider_busy" },            status: 503, code: "provider_busy" },
  { says: { refuse: "requester_limit" },          status: 429, code: "per_requester_limit" },
  { says: { refuse: "capability_not_supported" }, status: 409, code: "capability_not_supported" },
  { says: { refuse: "provider_manual" },          status: 503, code: "provider_manual_mode" },
  { says: { refuse: "provider_unconfigured" },    status: 503, code: "provider_unconfigured" },
  { says: { error: "provider_timeout" },          status: 504, code: "subagent_timeout" },
  { says: { error: "provider_failed" },           status: 502, code: "subagent_error" },
  { says: { error: "provider_bad_output" },       status: 502, code: "subagent_bad_output" },
  { says: { nothing: true },                      status: 504, code: "invoke_timeout" },
] as const;

// biome-ignore format: read as a table
const RELAYED = [
  { says: "provider_busy",            status: 503, code: "provider_busy" },
  { says: "per_requester_limit",      status: 429, code: "per_requester_limit" },
  { says: "capability_not_supported", status: 409, code: "capability_not_supported" },
  { says: "provider_manual_mode",     status: 503, code: "provider_manual_mode" },
  { says: "provider_unconfigured",    status: 503, code: "provider_unconfigured" },
  { says: "subagent_timeout",         status: 504, code: "subagent_timeout" },
  { says: "subagent_error",           status: 502, code: "subagent_error" },
  { says: "subagent_failed",          status: 502, code: "subagent_error" },
  { says: "subagent_bad_output",      status: 502, code: "subagent_bad_output" },
  { says: "its_own_word",             status: 502, code: "subagent_error" },
] as const;

const DECLINED = [
  ["provider_busy", "provider_busy"],
  ["requester_limit", "per_requester_limit"],
  ["capability_not_supported", "capability_not_supported"],
  ["provider_manual", "provider_manual_mode"],
  ["provider_unconfigured", "provider_unconfigured"],
] as const;

for (const host of DATABASE_HOSTS) {
  test(`what providers refuse (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_SESSION_IDLE_TTL_SECONDS: "2" });
    const alice = await hall.member("alice@example.com");
    await t.test("an invoke, on our own wire", (inner) => onNative(inner, hall, alice));
    await t.test("an invoke, on LinkedClaw's", (inner) => onRelay(inner, hall, alice));
    await t.test("a session", (inner) => sessions(inner, hall, alice));
    await t.test("a session that nobody touched is not gone on from", (inner) =>
      abandoned(inner, hall),
    );
    assert.equal((await hall.admin("GET", "/ledger/verify")).ok, true);
  });
}

/** A socket that answers each frame as it is told, once it is let in. */
async function provider(
  t: TestContext,
  url: string,
  hello: { readonly frame: object; readonly answer: string },
  answer: (frame: Frame) => readonly object[],
): Promise<void> {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  t.after(() => socket.terminate());
  const letIn = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      const frame: Frame = JSON.parse(String(data));
      if (frame.type === hello.answer) resolve();
      for (const said of answer(frame)) socket.send(JSON.stringify(said));
    });
  });
  await once(socket, "open");
  socket.send(JSON.stringify(hello.frame));
  await letIn;
}

async function onNative(t: TestContext, hall: Guildhall, alice: Member): Promise<void> {
  verifies("invoke-failure-free", "invoke-busy", "invoke-timeout");
  const { agentId } = await native(t, hall, "native");
  for (const { says, status, code } of NATIVE) {
    await t.test(`${JSON.stringify(says)}: ${status} ${code}`, async () => {
      const { body } = await assertRefused(alice, { status, code }, () =>
        invoke(alice, agentId, { input: says, timeout_seconds: 5 }),
      );
      assert.equal(body.error_code, code);
    });
  }
}

async function native(t: TestContext, hall: Guildhall, slug: string, meta?: object) {
  const owner = await hall.member(`${slug}@example.com`);
  const agentId = meta ? await registerTalker(owner, slug, meta) : await register(owner, slug, 45);
  const agent = agentId.replace(/^agt_/, "");
  const frame = { type: "identify", protocol: 1, key: owner.key, agent };
  const hello = { frame, answer: "welcome" };
  await provider(t, `${hall.url}/provider`, hello, ({ type, run, attempt, session, ...more }) => {
    if (type === "ask") return [{ type: "decline", session, attempt, code: declines.shift() }];
    if (type !== "offer") return [];
    const { refuse, error } = more.input;
    const message = "for a reason";
    if (refuse) return [{ type: "refuse", run, attempt, code: refuse, message }];
    const accept = { type: "accept", run, attempt };
    if (error) return [accept, { type: "error", run, attempt, code: error, message }];
    return [accept];
  });
  return { agentId };
}

async function onRelay(t: TestContext, hall: Guildhall, alice: Member): Promise<void> {
  const owner = await hall.member("relayed@example.com");
  const agentId = await register(owner, "relayed", 45);
  const frame = { type: "IDENTIFY", id: "frm_1", api_key: owner.key, agent_id: agentId };
  const hello = { frame, answer: "IDENTIFIED" };
  await provider(t, `${hall.url}/ws`, hello, ({ type, id, invoke_id, input }) => {
    if (type !== "INVOKE") return [];
    const error = { code: input.code, message: "for a reason" };
    return [{ type: "INVOKE_ERROR", id: `frm_of_${id}`, reply_to: id, invoke_id, ...error }];
  });
  for (const { says, status, code } of RELAYED) {
    await t.test(`${says}: ${status} ${code}`, async () => {
      const ask = () => invoke(alice, agentId, { input: { code: says } });
      const { body } = await assertRefused(alice, { status, code }, ask);
      assert.equal(body.error_code, code);
    });
  }
}

/** What the provider says next, when it is asked about a session. */
const declines: string[] = [];

async function sessions(t: TestContext, hall: Guildhall, alice: Member): Promise<void> {
  const { agentId } = await native(t, hall, "decliner", curve("per_message", 10));
  const before = await balanceOf(alice);
  for (const [code, word] of DECLINED) {
    await t.test(`${code}: 403 session_rejected: ${word}`, async () => {
      declines.push(code);
      const opened = await alice.ask("POST", "/sessions", {
        agent_id: agentId,
        capability: "chat",
      });
      const id = String(opened.body.session_id);
      const refused = await alice.ask("POST", `/sessions/${id}/activate`, {});
      assert.deepEqual([refused.status, refused.body.code], [403, "session_rejected"]);
      assert.match(refused.body.detail, new RegExp(`^session_rejected: ${word}`));
      const { body } = await alice.ask("GET", `/sessions/${id}`);
      assert.deepEqual([body.status, body.escrow_held], ["cancelled", 0]);
      assert.deepEqual(await balanceOf(alice), before);
    });
  }
}

async function abandoned(t: TestContext, hall: Guildhall): Promise<void> {
  const { agentId } = await serve(t, hall, { slug: "left", meta: curve("per_message", 10) });
  const bob = await hall.member("bob@example.com");
  const id = await hire(bob, agentId, { max_messages: 3 });
  await bob.ask("POST", `/sessions/${id}/messages`, { seq: 1, payload: { text: "hello" } });
  await repliesTo(bob, id, 1);
  const givesUpAt = performance.now() + 60_000;
  for (;;) {
    const { body } = await bob.ask("GET", `/sessions/${id}`);
    if (body.status !== "active") break;
    assert.ok(performance.now() < givesUpAt, "it was never ended");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const code = "session_abandoned_not_resumable";
  for (const body of [{ tier: "next" }, { quote: { shape: "per_message", amount_credits: 1 } }]) {
    const ask = () => bob.ask("POST", `/sessions/${id}/extend`, body);
    const refused = await assertRefused(bob, { status: 409, code }, ask);
    assert.equal(refused.body.error_code, code);
  }
}
