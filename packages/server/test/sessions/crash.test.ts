/**
 * The server is killed while sessions are opened, spoken in, extended, billed, ended and cancelled, again
 * and again. In the end every session is over, nothing is held, each cost what its log and its end say by
 * the rules, nothing that was acknowledged is missing from a log, and the books verify.
 */
import assert from "node:assert/strict";
import { randomInt, randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { until } from "../links/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Answer, type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { curve, type Server, serve, wallet } from "./support.ts";

/** A handful of points, fewer where a restart takes longer; and 160 in test:long. */
const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const ROUNDS = IS_LONG ? { embedded: 80, postgresql: 80 } : { embedded: 2, postgresql: 3 };
/** After how many answers the server is killed: at random, and however fast the machine is. */
const ANSWERS_MIN = 5;
const ANSWERS_MAX = 80;
const REQUESTERS = 6;
const WALLET = 1_000_000;
const MESSAGE = 10;
const SESSION = 100;
const CEILING = 300;
const IDLE_SECONDS = 6;
const MICROS = 100n;
const ENVIRONMENT = {
  GUILDHALL_SESSION_IDLE_TTL_SECONDS: String(IDLE_SECONDS),
  GUILDHALL_RATE_LIMITS: "sessions=0,messages=0,events=0",
};

type Kind = "per_message" | "per_session" | "quoted";

interface Story {
  readonly hall: Guildhall;
  readonly requesters: readonly Member[];
  readonly sellers: Readonly<Record<Kind, Server>>;
  /** Messages that the server said it has, by session. */
  readonly accepted: Map<string, Set<number>>;
  /** How often a provider's program began each turn. */
  readonly begun: Map<string, number>;
}

for (const host of DATABASE_HOSTS) {
  const rounds = ROUNDS[host];
  test(`kill -9 in the middle of sessions, ${rounds} times (${host})`, {
    timeout: 1_800_000,
  }, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, ENVIRONMENT);
    const story = await prepare(t, hall);
    for (let round = 0; round < rounds; round++) await crash(story);
    await conclude(t, story, rounds);
  });
}

async function prepare(t: TestContext, hall: Guildhall): Promise<Story> {
  const begun = new Map<string, number>();
  const turn = ({ seq }: { seq: number }, { sessionId }: { sessionId: string }) => {
    const name = `${sessionId} ${seq}`;
    begun.set(name, (begun.get(name) ?? 0) + 1);
    return { to: seq };
  };
  const sell = (slug: string, meta: object, more: object = {}) =>
    serve(t, hall, {
      ...{ slug, meta, handlers: { turn, ...more } },
      options: { backoff: { baseMs: 20, maxMs: 100 } },
    });
  const sellers = {
    per_message: await sell("by-message", curve("per_message", MESSAGE)),
    per_session: await sell("by-session", curve("per_session", SESSION)),
    quoted: await sell(
      "by-quote",
      { open_quote: true },
      {
        quote: () => ({ amountMicros: MICROS, ceilingMicros: BigInt(CEILING) * MICROS }),
        bill: ({ turns }: { turns: number }) => ({ totalMicros: BigInt(turns * 50) * MICROS }),
      },
    ),
  };
  const names = Array.from({ length: REQUESTERS }, (_, index) => `requester-${index}@example.com`);
  const requesters = await Promise.all(names.map((name) => hall.member(name)));
  return { hall, requesters, sellers, accepted: new Map(), begun };
}

interface Run {
  isOver: boolean;
  answers: number;
}

async function crash(story: Story): Promise<void> {
  const { hall, requesters } = story;
  const run: Run = { isOver: false, answers: 0 };
  const load = requesters.flatMap((who) => [live(run, story, who), live(run, story, who)]);
  const answers = randomInt(ANSWERS_MIN, ANSWERS_MAX);
  await until(() => run.answers >= answers, 600_000);
  await hall.kill("SIGKILL");
  run.isOver = true;
  await Promise.all(load);
  await hall.restart();
}

/** Goes through sessions until the server is gone; what fails with it is looked at when all is over. */
async function live(run: Run, story: Story, who: Member): Promise<void> {
  while (!run.isOver) {
    const kinds: readonly Kind[] = ["per_message", "per_session", "quoted"];
    const kind = kinds[randomInt(kinds.length)] ?? "per_message";
    await session(run, story, who, kind).catch(() => pause(5));
  }
}

async function session(run: Run, story: Story, who: Member, kind: Kind): Promise<void> {
  const ask = async (path: string, body: object = {}): Promise<Answer> => {
    const answer = await who.ask("POST", path, body, { "idempotency-key": randomUUID() });
    if (answer.status < 300) run.answers += 1;
    return answer;
  };
  const { agentId } = story.sellers[kind];
  const terms = kind === "quoted" ? { open_quote: true } : {};
  const request = { agent_id: agentId, capability: "chat", max_messages: 3, ...terms };
  const opened = await ask("/sessions", request);
  if (opened.status !== 201) return pause(10);
  let id: string = opened.body.session_id;
  if (kind === "quoted") await agree(story, who, ask, id);
  const activated = await ask(`/sessions/${id}/activate`);
  // Some are left as they are at each step: the janitor has to do with them.
  if (activated.status !== 200 || randomInt(12) === 0) return;
  await talk(story, ask, id, randomInt(1, 4));
  if (kind === "per_message" && randomInt(3) === 0) {
    const extended = await ask(`/sessions/${id}/extend`, { tier: "next" });
    if (extended.status !== 201) return;
    id = extended.body.session.session_id;
    await talk(story, ask, id, randomInt(1, 4));
  }
  if (randomInt(10) === 0) return;
  await ask(`/sessions/${id}/${randomInt(4) === 0 ? "cancel" : "end"}`);
}

type Ask = (path: string, body?: object) => Promise<Answer>;

async function agree(story: Story, who: Member, ask: Ask, id: string): Promise<void> {
  await ask(`/sessions/${id}/messages`, { seq: 1, payload: { text: "How much?" } });
  noteAccepted(story, id, 1);
  for (let attempt = 0; attempt < 50; attempt++) {
    const { status, body } = await who.ask("GET", `/sessions/${id}/quote-proposal`);
    if (status === 200) {
      await ask(`/sessions/${id}/accept-quote`, { proposal_hash: body.proposal_hash });
      return;
    }
    await pause(10);
  }
}

async function talk(story: Story, ask: Ask, id: string, messages: number): Promise<void> {
  for (let seq = 2; seq < 2 + messages; seq++) {
    const { status } = await ask(`/sessions/${id}/messages`, { seq, payload: { seq } });
    if (status === 202) noteAccepted(story, id, seq);
    if (randomInt(2) === 0) await pause(randomInt(20));
  }
}

function noteAccepted({ accepted }: Story, id: string, seq: number): void {
  const known = accepted.get(id) ?? new Set();
  accepted.set(id, known.add(seq));
}

async function conclude(t: TestContext, story: Story, rounds: number): Promise<void> {
  const { hall, requesters, sellers } = story;
  await until(async () => (await hall.admin("GET", "/status")).work_abandoned === 0, 15_000);
  await Promise.all(requesters.map((who) => closeAll(who)));
  let paidInAll = 0;
  let sessions = 0;
  const reasons = new Map<string, number>();
  for (const who of requesters) {
    let paid = 0;
    for (const facts of await allSessions(who)) {
      const cost = costOf(facts, await invoicedOf(who, facts));
      await requireLog(story, who, facts);
      const receipt = await who.ask("GET", `/receipts/rct_${facts.session_id.slice(4)}`);
      assert.equal(receipt.body.credits_charged, cost, JSON.stringify(facts));
      paid += cost;
      sessions += 1;
      const reason = `${facts.status} ${facts.termination_reason}`;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    assert.deepEqual(await wallet(who), [WALLET - paid, 0]);
    paidInAll += paid;
  }
  const earned = await Promise.all(Object.values(sellers).map(({ member }) => wallet(member)));
  assert.equal(
    earned.reduce((sum, [available]) => sum + available - WALLET, 0),
    paidInAll,
    "what was paid was earned",
  );
  const twice = [...story.begun].filter(([, count]) => count > 1);
  assert.deepEqual(twice, [], "no turn was done twice");
  const verdict = await hall.admin("GET", "/ledger/verify?full=1");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
  assert.ok(sessions > rounds * 2, `only ${sessions} sessions: there was no load`);
  t.diagnostic(`${sessions} sessions: ${[...reasons].map((entry) => entry.join(" ")).join(", ")}`);
}

// biome-ignore lint/suspicious/noExplicitAny: a session is whatever JSON the test looks into.
type Facts = any;

/**
 * What is active is left to the janitor, which needs no help. What is pending would wait for a quarter of
 * an hour, and a bill for somebody to look: those are done by hand.
 */
async function closeAll(who: Member): Promise<void> {
  for (const { session_id: id, status } of await allSessions(who)) {
    if (status === "pending") await who.ask("POST", `/sessions/${id}/cancel`);
  }
  await until(async () => {
    const live = (await allSessions(who)).filter(({ status }) => !isOver(status));
    for (const { session_id: id, status } of live) {
      if (status !== "awaiting_invoice") continue;
      const { body } = await who.ask("GET", `/sessions/${id}/invoice`);
      const { invoice_id } = body;
      if (invoice_id) await who.ask("POST", `/sessions/${id}/accept-invoice`, { invoice_id });
    }
    await pause(100);
    return live.length === 0;
  }, 60_000);
}

function isOver(status: string): boolean {
  return status === "ended" || status === "cancelled";
}

async function allSessions(who: Member): Promise<Facts[]> {
  const found: Facts[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await who.ask("GET", `/sessions?limit=200${cursor}`);
    found.push(...body.sessions);
    if (!body.next_cursor) return found;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

/** The rules, said once more in the words of the contract (§10.2). */
function costOf(facts: Facts, invoiced: number): number {
  const { status, termination_reason: reason, messages_answered: answered } = facts;
  assert.ok(isOver(status), JSON.stringify(facts));
  assert.equal(facts.escrow_held, 0);
  assert.ok(facts.messages_used <= facts.max_messages && answered <= facts.messages_used);
  const isPaid =
    reason === "ended" || ((reason === "abandoned" || reason === "max_messages") && answered > 0);
  if (!isPaid) {
    assert.ok(["requester_cancelled", "abandoned", "max_messages", "expired"].includes(reason));
    return 0;
  }
  if (facts.open_quote) return invoiced;
  return facts.agreed_quote.shape === "per_session" ? SESSION : MESSAGE * answered;
}

async function invoicedOf(who: Member, { session_id: id, open_quote }: Facts): Promise<number> {
  if (!open_quote) return 0;
  const { status, body } = await who.ask("GET", `/sessions/${id}/invoice`);
  return status === 200 ? body.total_credits : 0;
}

/** The log has what was acknowledged, each once and in order, and nothing after its end. */
async function requireLog(story: Story, who: Member, facts: Facts): Promise<void> {
  const id = facts.session_id;
  const { events } = await logWithItsEnd(who, facts);
  const offsets = events.map(({ offset }: Facts) => offset);
  assert.deepEqual(
    offsets,
    offsets.map((_: number, index: number) => index),
  );
  const said = events
    .filter(({ from }: Facts) => from === "requester")
    .map(({ seq }: Facts) => seq);
  assert.deepEqual(said, [...new Set(said)].toSorted(), `${id}: each once, in order`);
  const missing = [...(story.accepted.get(id) ?? [])].filter((seq) => !said.includes(seq));
  assert.deepEqual(missing, [], `${id}: acknowledged, and lost`);
  const replies = events.filter(({ from, final }: Facts) => from === "provider" && final);
  assert.equal(replies.length, facts.messages_answered);
  assert.equal(new Set(replies.map(({ seq }: Facts) => seq)).size, replies.length);
  assert.equal(events.filter(isEnd).length, 1, `${id}: told of its end once`);
}

/** Its log is told after its money has moved; where the server died in between, by the next sweep. */
async function logWithItsEnd(who: Member, facts: Facts): Promise<Facts> {
  let log: Facts;
  const isWhole = async () => {
    log = (await who.ask("GET", `/sessions/${facts.session_id}/events?since=0`)).body;
    return log.events.some(isEnd);
  };
  await until(isWhole, 15_000).catch(() => {
    assert.fail(`no end in the log of ${JSON.stringify(facts)}: ${JSON.stringify(log)}`);
  });
  return log;
}

function isEnd({ type }: Facts): boolean {
  return /session\.(?:ended|cancelled)/.test(type);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
