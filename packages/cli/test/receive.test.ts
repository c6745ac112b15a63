/** Waiting for replies: each is shown once, and none is lost. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openSessionCloud, refused, type SessionCloud } from "./session-cloud.ts";
import { answerOf, errorOf, until } from "./support.ts";

interface Received {
  reply: { offset: number; seq: number; payload: { text: string }; created_at: string }[];
  timed_out: boolean;
  events?: { type: string; offset: number }[];
  session_status?: string;
  next_offset?: number;
}

const recv = async ({ linkedclaw }: SessionCloud, id: string, ...args: string[]) =>
  answerOf(await linkedclaw(["recv", id, ...args])) as Received;

function offsetOf({ config }: SessionCloud, id: string): unknown {
  const path = join(config, "sessions", `${id}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).offset : undefined;
}

test("nothing yet is an empty reply; only a wait can time out", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id } = cloud.session();
  assert.deepEqual(await recv(cloud, id), { reply: [], timed_out: false });
  assert.deepEqual(await recv(cloud, id, "--wait", "1"), { reply: [], timed_out: true });
  assert.equal(cloud.asked("GET", "/events")[0]?.url.search, "?since=0&limit=200");
});

test("a reply ends the wait, is shown once, and waiting again sends nothing again", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  happens("session.activated", "system", {});
  happens("message", "requester", { text: "question" }, 1);
  const waiting = recv(cloud, id, "--wait", "60");
  await until(() => cloud.asked("GET", "/events").length > 0, "it looked");
  happens("session.disconnected", "system", {});
  happens("message", "provider", { text: "answer" }, 1);
  happens("message", "provider", { text: "and more" }, 1);
  const { reply, timed_out } = await waiting;
  assert.deepEqual(
    reply.map(({ payload, seq }) => [payload.text, seq]),
    [
      ["answer", 1],
      ["and more", 1],
    ],
  );
  assert.deepEqual(Object.keys(reply[0] ?? {}), ["offset", "seq", "payload", "created_at"]);
  assert.equal(timed_out, false);
  assert.equal(offsetOf(cloud, id), 5);
  assert.deepEqual(await recv(cloud, id), { reply: [], timed_out: false });
  assert.deepEqual(cloud.asked("POST", "/messages"), []);
});

test("two that wait at once do not both show a reply", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  const both = [recv(cloud, id, "--wait", "6"), recv(cloud, id, "--wait", "6")];
  await until(() => cloud.asked("GET", "/events").length > 1, "both looked");
  happens("message", "provider", { text: "answer" }, 1);
  const found = await Promise.all(both);
  assert.equal(found.flatMap(({ reply }) => reply).length, 1);
});

test("a message is sent while somebody waits", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  const waiting = recv(cloud, id, "--wait", "60");
  await until(() => cloud.asked("GET", "/events").length > 0, "it looked");
  answerOf(await cloud.linkedclaw(["send", id, "meanwhile"]));
  happens("message", "provider", { text: "answer" }, 1);
  assert.equal((await waiting).reply[0]?.payload.text, "answer");
});

test("--since reads the log and moves nothing", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  for (let seq = 1; seq <= 150; seq++) {
    happens("message", "requester", { text: `q${seq}` }, seq);
    happens("message", "provider", { text: `a${seq}` }, seq);
  }
  const all = await recv(cloud, id, "--since", "0");
  assert.deepEqual([all.events?.length, all.reply.length, all.next_offset], [300, 150, 300]);
  const tail = await recv(cloud, id, "--since", "299");
  assert.deepEqual(
    tail.events?.map(({ offset }) => offset),
    [299],
  );
  assert.equal(offsetOf(cloud, id), undefined);
  const events = answerOf(await cloud.linkedclaw(["sessions", "events", id, "--since", "298"]));
  assert.equal((events as object[]).length, 2);
});

const ENDINGS = [
  // what happened            status              what is told
  ["session.ended", "ended", "ended"],
  ["session.cancelled", "cancelled", "cancelled"],
  ["error", "active", undefined],
  ["quote.proposed", "pending", "pending"],
  ["invoice.submitted", "awaiting_invoice", "awaiting_invoice"],
] as const;

for (const [type, status, told] of ENDINGS) {
  test(`nobody waits on after ${type}`, async (t) => {
    const cloud = await openSessionCloud(t);
    const session = cloud.session();
    session.happens(type, "system", { code: "x" });
    session.status = status;
    const { reply, timed_out, events, session_status } = await recv(
      cloud,
      session.session_id,
      "--wait",
      "60",
    );
    assert.deepEqual([reply, timed_out, session_status], [[], false, told]);
    assert.deepEqual(
      events?.map((event) => event.type),
      [type],
    );
  });
}

test("a session that is over is told at once, also where its end was read before", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id } = cloud.session("ended");
  assert.deepEqual(await recv(cloud, id, "--wait", "60"), {
    reply: [],
    timed_out: false,
    session_status: "ended",
  });
});

test("a long wait survives a limit and a server that restarts, but not one that was never there", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  let looks = 0;
  cloud.script = () => {
    looks++;
    if (looks === 1) return { ...refused(429, "rate_limited"), headers: { "retry-after": "0" } };
    if (looks === 3 || looks === 4) return { hangUp: true };
    if (looks === 5) happens("message", "provider", { text: "after all" }, 1);
    return undefined;
  };
  assert.equal((await recv(cloud, id, "--wait", "60")).reply[0]?.payload.text, "after all");
  const nowhere = { LINKEDCLAW_CLOUD_URL: "http://127.0.0.1:1" };
  const finished = await cloud.linkedclaw(["recv", id, "--wait", "600"], { env: nowhere });
  assert.equal(errorOf(finished).code, "relay_unreachable");
  cloud.script = () => refused(404, "invalid_session_id");
  const gone = await cloud.linkedclaw(["recv", id, "--wait", "600"]);
  assert.equal(errorOf(gone).code, "invalid_session_id");
});

test("a reply that nobody read is shown again", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  happens("message", "provider", { text: "x".repeat(500_000) }, 1);
  const { child, finished } = cloud.start("linkedclaw", ["recv", id, "--wait", "60"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  await finished;
  assert.equal(offsetOf(cloud, id), undefined);
  assert.equal((await recv(cloud, id)).reply.length, 1);
  assert.equal(offsetOf(cloud, id), 1);
});

test("people read what was said, and a stranger's text does not drive their terminal", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  happens("message", "provider", { text: "first line\n\u001b[31msecond" }, 1);
  const { stdout } = await cloud.linkedclaw(["recv", id, "--human"]);
  assert.equal(stdout, "first line\n[31msecond\n");
  const later = await cloud.linkedclaw(["recv", id, "--wait", "1", "--human"]);
  assert.match(later.stdout, /No reply yet\.\nnext {2}linkedclaw recv ses_1 --wait 30/);
});

test("a person talks line by line, and decides how it ends", async (t) => {
  const cloud = await openSessionCloud(t);
  cloud.script = ({ url, body }) => {
    const session = cloud.sessions.get("ses_1");
    if (url.pathname.endsWith("/messages") && session) {
      const { seq, payload } = JSON.parse(body) as { seq: number; payload: { text: string } };
      session.happens("message", "requester", payload, seq);
      session.happens("message", "provider", { text: payload.text.toUpperCase() }, seq);
      return { status: 202, body: { accepted: true, seq } };
    }
    return undefined;
  };
  const args = ["hire", "agt_1", "--capability", "chat.v1", "--interactive"];
  const talked = await cloud.linkedclaw(args, { input: "hello\n/help\nbye\n/end\n" });
  const answer = answerOf(talked) as { closed_by: string; session: { status: string } };
  assert.deepEqual([answer.closed_by, answer.session.status], ["end", "ended"]);
  assert.match(talked.stderr, /HELLO\n[\s\S]*BYE\n/);
  assert.match(talked.stderr, /\/cancel takes everything back/);

  const left = answerOf(await cloud.linkedclaw(args, { input: "" })) as { closed_by: string };
  assert.equal(left.closed_by, "quit");
  assert.equal(cloud.sessions.get("ses_2")?.status, "active", "it is left open");
});
