/** Sessions: what is asked of a server, what is kept between two commands, and what people read. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openSessionCloud, refused, type SessionCloud } from "./session-cloud.ts";
import { answerOf, errorOf } from "./support.ts";

const HIRE = ["hire", "agt_1", "--capability", "chat.v1"];

function stateOf({ config }: SessionCloud, sessionId: string): unknown {
  const path = join(config, "sessions", `${sessionId}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

const kept = (session_id: string, seq: number, offset: number) => ({ session_id, seq, offset });

test("hire makes a session, has it taken, and begins to keep count", async (t) => {
  const cloud = await openSessionCloud(t);
  const args = [...HIRE, "--max-messages", "20", "--referred-by", "me", "--mandate-id", "mnd_1"];
  const { session, session_id, activation } = answerOf(await cloud.linkedclaw(args)) as {
    session: { session_id: string; agreed_quote: object };
    session_id: string;
    activation: object;
  };
  assert.deepEqual([session.session_id, session_id], ["ses_1", "ses_1"]);
  assert.deepEqual(session.agreed_quote, { shape: "per_message", amount_credits: 5 });
  assert.deepEqual(activation, { activated: true });
  const [asked] = cloud.asked("POST", "/sessions");
  assert.deepEqual(JSON.parse(asked?.body ?? ""), {
    ...{ agent_id: "agt_1", capability: "chat.v1", max_messages: 20 },
    ...{ referred_by: "me", mandate_id: "mnd_1" },
  });
  assert.match(asked?.headers["idempotency-key"] as string, /^[0-9a-f-]{36}$/);
  assert.deepEqual(stateOf(cloud, "ses_1"), kept("ses_1", 0, 0));
  const { mode } = statSync(join(cloud.config, "sessions", "ses_1.json"));
  assert.equal(mode & 0o777, 0o600);
});

test("hire without a capability, or with a budget, is not said correctly", async (t) => {
  const cloud = await openSessionCloud(t);
  const [missing, budget, both] = await Promise.all([
    cloud.linkedclaw(["hire", "agt_1"]),
    cloud.linkedclaw([...HIRE, "--max-credits", "50"]),
    cloud.linkedclaw([...HIRE, "--open-quote", "--quote", "{}"]),
  ]);
  assert.match(errorOf(missing, 2).message, /--capability/);
  assert.match(errorOf(budget, 2).hint ?? "", /--max-messages/);
  errorOf(both, 2);
  assert.deepEqual(cloud.received, []);
});

test("an open quote and --no-activate leave the provider alone", async (t) => {
  const cloud = await openSessionCloud(t);
  const quoted = answerOf(await cloud.linkedclaw([...HIRE, "--open-quote"]));
  answerOf(await cloud.linkedclaw([...HIRE, "--no-activate", "--quote", '{"shape":"free"}']));
  assert.deepEqual((quoted as { activation: object }).activation, { activated: false });
  const bodies = cloud.asked("POST", "/sessions").map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    bodies.map(({ open_quote, quote }) => ({ open_quote, quote })),
    [
      { open_quote: true, quote: { shape: "itemized", amount_credits: 0 } },
      { open_quote: undefined, quote: { shape: "free" } },
    ],
  );
  assert.deepEqual(cloud.asked("POST", "/activate"), []);
});

test("a provider that is not there leaves a pending session, one that declines leaves none", async (t) => {
  const cloud = await openSessionCloud(t);
  let refusal = refused(408, "provider_timeout");
  cloud.script = ({ url }) => (url.pathname.endsWith("/activate") ? refusal : undefined);
  const pending = errorOf(await cloud.linkedclaw(HIRE));
  assert.deepEqual([pending.code, pending.session_id], ["provider_timeout", "ses_1"]);
  assert.match(pending.hint ?? "", /linkedclaw activate ses_1/);
  assert.deepEqual(stateOf(cloud, "ses_1"), kept("ses_1", 0, 0));

  refusal = { status: 403, body: { detail: "session_rejected: provider_busy", code: "x" } };
  const declined = errorOf(await cloud.linkedclaw(HIRE));
  assert.match(declined.message, /session_rejected: provider_busy/);
  assert.equal(declined.session_id, "ses_2");
  assert.equal(stateOf(cloud, "ses_2"), undefined);

  cloud.script = undefined;
  const activated = answerOf(await cloud.linkedclaw(["activate", "ses_1"]));
  assert.deepEqual((activated as { activation: object }).activation, { activated: true });
  const again = answerOf(await cloud.linkedclaw(["activate", "ses_1"]));
  assert.deepEqual((again as { activation: object }).activation, {
    activated: true,
    already_active: true,
  });
});

test("what cannot be activated any more is a failure that names the session", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id } = cloud.session("cancelled");
  const error = errorOf(await cloud.linkedclaw(["activate", session_id]));
  assert.match(error.message, /not pending \(status='cancelled'\)/);
  assert.equal(error.session_id, session_id);
});

test("a line that breaks while hiring says how to ask for the same session", async (t) => {
  const cloud = await openSessionCloud(t);
  const unreachable = { LINKEDCLAW_CLOUD_URL: "http://127.0.0.1:1" };
  const error = errorOf(await cloud.linkedclaw(HIRE, { env: unreachable }));
  assert.equal(error.code, "relay_unreachable");
  assert.ok(error.hint?.includes(`--idempotency-key ${String(error.idempotency_key)}`));
});

test("messages are numbered one after the other, as text, JSON or stdin", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id } = cloud.session();
  const send = (args: string[], input?: string) =>
    cloud.linkedclaw(["send", id, ...args], input === undefined ? {} : { input });
  assert.deepEqual(answerOf(await send(["hello"])), {
    ...{ accepted: true, seq: 1, messages_used: 1, max_messages: 20 },
  });
  answerOf(await send(["-"], "from stdin\n"));
  answerOf(await send(["--json", '{"city":"Kyoto"}']));
  errorOf(await send(["--json", "[]"]), 2);
  const bodies = cloud.asked("POST", "/messages").map(({ body }) => JSON.parse(body));
  assert.deepEqual(bodies, [
    { seq: 1, payload: { text: "hello" } },
    { seq: 2, payload: { text: "from stdin\n" } },
    { seq: 3, payload: { city: "Kyoto" } },
  ]);
  assert.deepEqual(stateOf(cloud, id), kept(id, 3, 0));
});

test("where nothing is kept, the server says which number comes next", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, happens } = cloud.session();
  happens("message", "requester", { text: "from elsewhere" }, 6);
  happens("message", "provider", { text: "a reply" }, 6);
  assert.equal((answerOf(await cloud.linkedclaw(["send", id, "on"])) as { seq: number }).seq, 7);
  assert.deepEqual(stateOf(cloud, id), kept(id, 7, 0));
  writeFileSync(join(cloud.config, "sessions", `${id}.json`), "not json");
  assert.equal((answerOf(await cloud.linkedclaw(["send", id, "and"])) as { seq: number }).seq, 8);
});

test("commands that send at once take one number each", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, events } = cloud.session();
  const words = ["a", "b", "c", "d", "e", "f"];
  const sent = await Promise.all(words.map((word) => cloud.linkedclaw(["send", id, word])));
  const seqs = sent.map((one) => (answerOf(one) as { seq: number }).seq);
  assert.deepEqual(seqs.toSorted(), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    events.map(({ payload }) => (payload as { text: string }).text).toSorted(),
    words,
  );
  assert.deepEqual(stateOf(cloud, id), kept(id, 6, 0));
});

test("a message whose answer was lost is sent again under its number, and arrives once", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, events } = cloud.session();
  let broken = 1;
  cloud.script = ({ method, url, body }) => {
    if (method !== "POST" || !url.pathname.endsWith("/messages") || broken === 0) return undefined;
    broken--;
    const { seq, payload } = JSON.parse(body) as { seq: number; payload: object };
    cloud.sessions.get(id)?.happens("message", "requester", payload, seq);
    return { hangUp: true };
  };
  assert.equal((answerOf(await cloud.linkedclaw(["send", id, "once"])) as { seq: number }).seq, 1);
  assert.equal(events.length, 1);

  broken = 2;
  const error = errorOf(await cloud.linkedclaw(["send", id, "twice"]));
  assert.deepEqual([error.code, error.seq, error.session_id], ["relay_unreachable", 2, id]);
  assert.match(error.hint ?? "", /--seq 2/);
  assert.deepEqual(stateOf(cloud, id), kept(id, 1, 0), "nobody knows whether it arrived");
});

test("a command that dies after its message arrived costs no message and takes no number", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, events } = cloud.session();
  cloud.script = async ({ url, body }) => {
    if (!url.pathname.endsWith("/messages")) return undefined;
    const { seq, payload } = JSON.parse(body) as { seq: number; payload: object };
    cloud.sessions.get(id)?.happens("message", "requester", payload, seq);
    dying.child.kill("SIGKILL");
    return { hangUp: true };
  };
  const dying = cloud.start("linkedclaw", ["send", id, "the same"]);
  await dying.finished;
  assert.equal(events.length, 1);
  cloud.script = undefined;
  // Said again: the server has it already. The lock of the one that died holds nobody up.
  assert.equal(
    (answerOf(await cloud.linkedclaw(["send", id, "the same", "--seq", "1"])) as { seq: number })
      .seq,
    1,
  );
  assert.equal(events.length, 1);

  writeFileSync(join(cloud.config, "sessions", `${id}.json`), JSON.stringify(kept(id, 0, 0)));
  const { seq } = answerOf(await cloud.linkedclaw(["send", id, "another"])) as { seq: number };
  assert.deepEqual([seq, events.length], [2, 2], "what was behind caught up");
});

test("a number that was said is not changed", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id, events } = cloud.session();
  answerOf(await cloud.linkedclaw(["send", id, "first"]));
  const conflict = await cloud.linkedclaw(["send", id, "other", "--seq", "1"]);
  assert.equal(errorOf(conflict).code, "seq_conflict");
  assert.equal(events.length, 1);
});

test("what is no session's id names no file", async (t) => {
  const cloud = await openSessionCloud(t);
  const all = [
    ["send", "../x", "a"],
    ["recv", "a/b"],
    ["end", ".."],
    ["cancel", ""],
  ];
  for (const finished of await Promise.all(all.map((args) => cloud.linkedclaw(args)))) {
    assert.equal(errorOf(finished).code, "invalid_session_id");
  }
  assert.deepEqual(cloud.received, []);
});

test("a session that ends or is cancelled is forgotten; one that could not be is not", async (t) => {
  const cloud = await openSessionCloud(t);
  const [one, other] = [cloud.session().session_id, cloud.session().session_id];
  answerOf(await cloud.linkedclaw(["send", one, "hi"]));
  answerOf(await cloud.linkedclaw(["send", other, "hi"]));
  const refusal = { status: 409, body: { detail: "No.", code: "session_not_active" } };
  cloud.script = ({ url }) => (url.pathname.endsWith("/end") ? refusal : undefined);
  assert.equal(errorOf(await cloud.linkedclaw(["end", one])).code, "session_not_active");
  assert.deepEqual(stateOf(cloud, one), kept(one, 1, 0));

  cloud.script = undefined;
  const ended = answerOf(
    await cloud.linkedclaw(["end", one, "--message-count", "1", "--final-output", "done"]),
  );
  assert.equal((ended as { receipt_id: string }).receipt_id, "rct_1");
  assert.deepEqual(JSON.parse(cloud.asked("POST", "/end")[1]?.body ?? ""), {
    message_count: 1,
    final_output: "done",
  });
  answerOf(await cloud.linkedclaw(["cancel", other, "--idempotency-key", "k1"]));
  answerOf(await cloud.linkedclaw(["cancel", other]));
  const keys = cloud.asked("POST", "/cancel").map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys[0], "k1");
  assert.notEqual(keys[1], "k1");
  const files = readdirSync(join(cloud.config, "sessions"));
  assert.deepEqual(
    files.filter((name) => name.endsWith(".json")),
    [],
  );
});

test("extend takes exactly one of tier and quote, and goes on under a new id", async (t) => {
  const cloud = await openSessionCloud(t);
  const { session_id: id } = cloud.session();
  answerOf(await cloud.linkedclaw(["send", id, "hi"]));
  errorOf(await cloud.linkedclaw(["extend", id]), 2);
  errorOf(await cloud.linkedclaw(["extend", id, "--tier", "1", "--quote", "{}"]), 2);
  const extended = answerOf(await cloud.linkedclaw(["extend", id, "--tier"])) as {
    session: { session_id: string; status: string };
    activation: object;
    parent_session_id: string;
  };
  assert.deepEqual(
    [extended.session.session_id, extended.session.status, extended.parent_session_id],
    ["ses_2", "active", id],
  );
  assert.deepEqual(extended.activation, { activated: true });
  assert.equal(stateOf(cloud, id), undefined);
  assert.deepEqual(stateOf(cloud, "ses_2"), kept("ses_2", 0, 0));

  const away = refused(503, "provider_offline");
  cloud.script = ({ url }) => (url.pathname.endsWith("/activate") ? away : undefined);
  const quote = '{"shape":"per_session","amount_credits":7}';
  const waiting = answerOf(await cloud.linkedclaw(["extend", "ses_2", "--quote", quote])) as {
    session: { session_id: string };
    activation: { pending: boolean; code: string };
  };
  assert.equal(waiting.session.session_id, "ses_3");
  assert.deepEqual(
    [waiting.activation.pending, waiting.activation.code],
    [true, "provider_offline"],
  );
  const bodies = cloud.asked("POST", "/extend").map(({ body }) => JSON.parse(body) as object);
  assert.deepEqual(bodies, [{ tier: "next" }, { quote: JSON.parse(quote) }]);
});

test("sessions are an array, also over several pages, and those that nobody uses stand out", async (t) => {
  const cloud = await openSessionCloud(t);
  const idle = { session_id: "ses_9", status: "active", idle_warned_at: "2026-03-01T12:00:00Z" };
  cloud.script = ({ url }) =>
    url.searchParams.get("cursor") === null
      ? { body: { sessions: [{ session_id: "ses_8", status: "active" }], next_cursor: "c" } }
      : { body: { sessions: [idle], next_cursor: null } };
  const args = ["sessions", "list", "--status", "active", "--role", "requester"];
  const all = answerOf(await cloud.linkedclaw(args)) as { session_id: string }[];
  assert.deepEqual(
    all.map(({ session_id }) => session_id),
    ["ses_8", "ses_9"],
  );
  assert.equal(cloud.received[0]?.url.search, "?status=active&role=requester&limit=100");
  const [first] = answerOf(await cloud.linkedclaw([...args, "--limit", "1"])) as object[];
  assert.ok(first);
  assert.equal(cloud.received.length, 3, "no page is read that is not shown");
  const { stdout } = await cloud.linkedclaw(["sessions", "list", "--human"]);
  assert.match(stdout, /^SESSION +STATUS /);
  assert.match(stdout, /! ses_9: Nobody uses it/);
});
