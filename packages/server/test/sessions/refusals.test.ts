/** Every refusal that callers of sessions can meet (LinkedClaw contract §15): told in words, and nothing done. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { mandate } from "../broadcasts/support.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { assertRefused, type Reply } from "../surfaces/linkedclaw/support.ts";
import {
  curve,
  hire,
  open,
  register,
  repliesTo,
  send,
  serve,
  verified,
  wallet,
} from "./support.ts";

const WALLET = 1_000_000;
const NOBODY = `agt_${"0".repeat(24)}`;
const NO_SESSION = `ses_${"0".repeat(24)}`;

test("refusals of sessions", async (t) => {
  const hall = await startGuildhall(t, "any");
  const alice = await hall.member("alice@example.com");
  for (const [name, rows] of Object.entries(await tables(t, hall, alice))) {
    await t.test(name, async (inner) => {
      for (const [why, status, code, ask, who = alice] of rows) {
        await inner.test(`${why}: ${status} ${code}`, async () => {
          const { body } = await assertRefused(who, { status, code }, ask);
          assert.equal(body.error_code, code);
        });
      }
    });
  }
  await t.test("too many requests: 429, and when to come back", () => tooMany(t, alice));
  await t.test("what is over can be read, and nothing else", () => afterwards(t, hall, alice));
  await verified(hall);
});

type Row = readonly [
  why: string,
  status: number,
  code: string,
  ask: () => Promise<Reply>,
  who?: Member,
];

async function tables(
  t: TestContext,
  hall: Guildhall,
  alice: Member,
): Promise<Record<string, Row[]>> {
  const seller = await serve(t, hall, { slug: "seller", meta: curve("per_message", 10) });
  const id = await hire(alice, seller.agentId, { max_messages: 5 });
  return {
    "whom to hire, and for what": await openingRows(hall, alice, seller.agentId),
    "which money": await moneyRows(hall, seller.agentId),
    "which session": missingRows(alice),
    "what a message may say": messageRows(alice, id),
    "what a page may be": pageRows(alice, id),
    "how it may end": await endingRows(alice, id),
    "how it may go on": extendingRows(alice, id),
    "what only the other side may do": sideRows(alice, seller.member, id),
    "what is not sold by quote": quoteRows(alice, seller.member, id),
  };
}

async function openingRows(hall: Guildhall, alice: Member, agentId: string): Promise<Row[]> {
  const owner = await hall.member("owner@example.com");
  const caller = await register(owner, "by-the-call", curve("per_call", 5));
  const flat = await register(owner, "by-the-session", curve("per_session", 50));
  const gone = await hall.member("gone@example.com");
  const suspended = await register(gone, "gone", curve("per_message", 10));
  await hall.admin("POST", "/members/suspend", { email: gone.email });
  const quoter = await register(owner, "quoter", { open_quote: true, ceiling_credits: 9 });
  const mandate_id = await revokedMandate(alice);
  const ask =
    (rest: object, agent = agentId) =>
    () =>
      open(alice, agent, rest);
  const itemized = { shape: "itemized", amount_credits: 1, max_credits: 2 };
  const bad = (why: string, rest: object): Row => [why, 422, "invalid_request", ask(rest)];
  return [
    ["an agent that there is not", 404, "agent_not_found", ask({}, NOBODY)],
    ["no agent's id", 404, "agent_not_found", ask({}, "somebody")],
    ["what nobody does", 404, "capability_not_found", ask({ capability: "no.such.v1" })],
    ["what is sold by the call", 409, "interaction_mode_not_supported", ask({}, caller)],
    [
      "an open quote of a listed price",
      409,
      "interaction_mode_not_supported",
      ask({ open_quote: true }),
    ],
    [
      "a ceiling for a listed price",
      409,
      "interaction_mode_not_supported",
      ask({ quote: itemized }),
    ],
    [
      "a price for what is quoted",
      422,
      "invalid_request",
      ask({ quote: { shape: "per_session", amount_credits: 1 } }, quoter),
    ],
    bad("no capability", { capability: "" }),
    bad("no messages", { max_messages: 0 }),
    bad("half a message", { max_messages: 1.5 }),
    bad("more messages than a session may have", { max_messages: 10_001 }),
    bad("a price below the listed one", { quote: { shape: "per_message", amount_credits: 9 } }),
    [
      "a price for the session, spread over messages that need not be sent",
      422,
      "invalid_request",
      ask({ max_messages: 50, quote: { shape: "per_message", amount_credits: 1 } }, flat),
    ],
    bad("a price above the most that is named", {
      quote: { shape: "per_message", amount_credits: 10, max_credits: 9 },
    }),
    ["an agent whose owner is suspended", 503, "provider_offline", ask({}, suspended)],
    bad("nothing for what costs something", { quote: { shape: "free" } }),
    bad("a shape that there is not", { quote: { shape: "per_word", amount_credits: 1 } }),
    bad("a negative price", { quote: { shape: "per_message", amount_credits: -10 } }),
    [
      "a ceiling below the estimate",
      422,
      "invalid_request",
      ask({ quote: { ...itemized, amount_credits: 3 } }, quoter),
    ],
    ["a revoked mandate", 409, "conflict", ask({ mandate_id })],
  ];
}

let mandates = 0;

async function revokedMandate(member: Member): Promise<string> {
  mandates += 1;
  const principal = await register(member, `principal-${mandates}`, {});
  const { mandateId } = await mandate(member, principal, 100);
  assert.equal((await member.ask("POST", `/mandates/${mandateId}/revoke`)).status, 200);
  return mandateId;
}

async function moneyRows(hall: Guildhall, agentId: string): Promise<Row[]> {
  const poor = await hall.member("poor@example.com", { daily_usd: "0.0049" });
  const rich = await hall.member("rich@example.com");
  const ask = (who: Member, rest: object) => () => open(who, agentId, rest);
  const dear = { quote: { shape: "per_message", amount_credits: 1_000_001 } };
  return [
    [
      "more than a chain may spend",
      402,
      "ceiling_exceeded",
      ask(rich, { max_messages: 10_000, quote: { shape: "per_message", amount_credits: 11 } }),
      rich,
    ],
    ["more than the wallet has", 402, "insufficient_credits", ask(rich, dear), rich],
    ["a key's limit", 402, "spend_limit_reached", ask(poor, { max_messages: 5 }), poor],
  ];
}

function missingRows(alice: Member): Row[] {
  const of = (why: string, method: string, path: string, body?: object): Row => [
    why,
    404,
    "invalid_session_id",
    () => alice.ask(method, `/sessions/${NO_SESSION}${path}`, body),
  ];
  return [
    of("looked at", "GET", ""),
    of("read", "GET", "/events"),
    of("spoken to", "POST", "/messages", { seq: 1, payload: {} }),
    of("activated", "POST", "/activate", {}),
    of("ended", "POST", "/end", {}),
    of("cancelled", "POST", "/cancel", {}),
    of("gone on from", "POST", "/extend", { tier: "next" }),
    of("quoted", "GET", "/quote-proposal"),
    of("billed", "GET", "/invoice"),
    of("flagged", "POST", "/flag", { reason: "none" }),
    ["what is no id", 404, "invalid_session_id", () => alice.ask("GET", "/sessions/ses_1")],
  ];
}

function messageRows(alice: Member, id: string): Row[] {
  const say = (body: unknown) => () => alice.ask("POST", `/sessions/${id}/messages`, body);
  const bad = (why: string, body: unknown): Row => [why, 422, "invalid_request", say(body)];
  const text = "x".repeat(262_144);
  const file = { file_id: `fil_${"0".repeat(24)}` };
  return [
    bad("no number", { payload: {} }),
    bad("number nought", { seq: 0, payload: {} }),
    bad("a number with a fraction", { seq: 1.5, payload: {} }),
    bad("a number that no log could keep", { seq: 2 ** 31, payload: {} }),
    bad("nothing", { seq: 1 }),
    bad("words that are no object", { seq: 1, payload: "hello" }),
    bad("a list", { seq: 1, payload: [] }),
    ["more than a message may be", 413, "payload_too_large", say({ seq: 1, payload: { text } })],
    [
      "more than a body may be",
      413,
      "payload_too_large",
      say({ seq: 1, payload: { text: text.repeat(4) } }),
    ],
    ["a file of nobody's", 422, "invalid_file_ref", say({ seq: 1, payload: { file } })],
  ];
}

function pageRows(alice: Member, id: string): Row[] {
  const get = (path: string) => () => alice.ask("GET", path);
  const events = (query: string): Row => [
    query,
    422,
    "invalid_request",
    get(`/sessions/${id}/events?${query}`),
  ];
  const list = (query: string): Row => [query, 422, "invalid_request", get(`/sessions?${query}`)];
  return [
    events("since=-1"),
    events("since=soon"),
    events("limit=0"),
    events("limit=201"),
    list("status=open"),
    list("role=owner"),
    list("limit=1000"),
    list("cursor=nowhere"),
  ];
}

async function endingRows(alice: Member, id: string): Promise<Row[]> {
  const mandate_id = await revokedMandate(alice);
  const long = "x".repeat(300_000);
  const post =
    (path: string, body: object, headers = {}) =>
    () =>
      alice.ask("POST", `/sessions/${id}/${path}`, body, headers);
  return [
    ["fewer than no messages", 422, "invalid_request", post("end", { message_count: -1 })],
    ["an output that is no text", 422, "invalid_request", post("end", { final_output: {} })],
    ["an output without end", 413, "payload_too_large", post("end", { final_output: long })],
    ["a mandate that is none", 404, "not_found", post("cancel", { mandate_id: "mine" })],
    ["a revoked mandate", 409, "conflict", post("cancel", { mandate_id })],
    ["a key that is none", 422, "invalid_request", post("cancel", {}, { "idempotency-key": "" })],
    ["activated again", 409, "session_not_pending", post("activate", {})],
  ];
}

function extendingRows(alice: Member, id: string): Row[] {
  const bad = (why: string, body: object): Row => [
    why,
    422,
    "invalid_request",
    () => alice.ask("POST", `/sessions/${id}/extend`, body),
  ];
  const quote = { shape: "per_message", amount_credits: 10 };
  return [
    bad("neither tier nor quote", {}),
    bad("both", { tier: 0, quote }),
    bad("a tier that there is not", { tier: 7 }),
    bad("a tier by name", { tier: "standard" }),
    bad("less than the listed price", { quote: { ...quote, amount_credits: 9 } }),
  ];
}

function sideRows(alice: Member, seller: Member, id: string): Row[] {
  const post = (who: Member, path: string, body: object = {}): Row => [
    path,
    403,
    "forbidden",
    () => who.ask("POST", `/sessions/${id}/${path}`, body),
    who,
  ];
  return [
    post(seller, "messages", { seq: 1, payload: {} }),
    post(seller, "activate"),
    post(seller, "end"),
    post(seller, "cancel"),
    post(seller, "extend", { tier: "next" }),
    post(alice, "flag", { reason: "mine" }),
    post(alice, "quote-proposal", { amount_credits: 1, max_credits: 1 }),
    post(alice, "invoice", { total_credits: 1 }),
  ];
}

function quoteRows(alice: Member, seller: Member, id: string): Row[] {
  const post = (path: string, body: object) => () =>
    seller.ask("POST", `/sessions/${id}/${path}`, body);
  const amounts = { amount_credits: 1, max_credits: 1 };
  return [
    ["a proposal for a listed price", 409, "conflict", post("quote-proposal", amounts)],
    ["a bill for a listed price", 409, "session_not_active", post("invoice", { total_credits: 1 })],
    [
      "a proposal that was not made",
      404,
      "no_quote_proposed",
      () => alice.ask("GET", `/sessions/${id}/quote-proposal`),
    ],
    [
      "a bill that was not sent",
      404,
      "no_invoice_submitted",
      () => alice.ask("GET", `/sessions/${id}/invoice`),
    ],
  ];
}

async function tooMany(t: TestContext, alice: Member): Promise<void> {
  t.diagnostic("messages are counted for each session, 600 a minute");
  const statuses: number[] = [];
  const path = `/sessions/${NO_SESSION}/messages`;
  const ask = () => alice.ask("POST", path, { seq: 1, payload: {} });
  while (statuses.length < 700 && !statuses.includes(429)) {
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    const limited = answers.find(({ status }) => status === 429);
    if (limited) {
      assert.equal(limited.body.code, "rate_limited");
      assert.ok(Number(limited.headers.get("retry-after")) > 0);
    }
    statuses.push(...answers.map(({ status }) => status));
  }
  assert.ok(statuses.includes(429));
  const other = `/sessions/${NO_SESSION.replace("ses_0", "ses_1")}/messages`;
  assert.equal((await alice.ask("POST", other, { seq: 1, payload: {} })).status, 404);
}

async function afterwards(t: TestContext, hall: Guildhall, alice: Member): Promise<void> {
  const before = await wallet(alice);
  const seller = await serve(t, hall, { slug: "closer", meta: curve("per_message", 10) });
  const id = await hire(alice, seller.agentId, { max_messages: 2 });
  await send(alice, id, 1);
  await repliesTo(alice, id, 1);
  await alice.ask("POST", `/sessions/${id}/end`);
  const after = await wallet(alice);
  assert.deepEqual(after, [before[0] - 10, before[1]]);
  const inactive = { status: 409, code: "session_not_active" };
  await assertRefused(alice, inactive, () => send(alice, id, 2));
  await assertRefused(alice, inactive, () => alice.ask("POST", `/sessions/${id}/end`));
  const pending = { status: 409, code: "session_not_pending" };
  await assertRefused(alice, pending, () => alice.ask("POST", `/sessions/${id}/activate`, {}));
  // The same message again is the same message still, and cancelling what is over changes nothing.
  assert.equal((await send(alice, id, 1)).status, 202);
  assert.equal((await alice.ask("POST", `/sessions/${id}/cancel`)).body.status, "ended");
  assert.deepEqual(await wallet(alice), after);
  assert.deepEqual(await wallet(seller.member), [WALLET + 10, 0]);
}
