/**
 * Two servers on one PostgreSQL: whoever hires asks one of them, whoever works is connected to the other,
 * and in the middle of the conversation moves over. With NATS between them, and with nothing.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { until } from "../links/support.ts";
import type { Guildhall, Member } from "../support/guildhall.ts";
import { at, BUSES, startTwo } from "../support/two-servers.ts";
import {
  curve,
  eventsUntil,
  hire,
  open,
  repliesTo,
  type Server,
  send,
  serve,
  typesOf,
  verified,
  wallet,
} from "./support.ts";

const WALLET = 1_000_000;
const PRICE = 10;

interface Stage {
  readonly here: Guildhall;
  readonly there: Guildhall;
  /** Asks `here`. */
  readonly alice: Member;
  readonly seller: Server;
  /** Where the seller connects next; at first `there`. */
  readonly place: { url: string };
  /** The turns that its program began, in order. */
  readonly begun: number[];
  /** Turns that are answered only once this is done, should they be told for the first time. */
  readonly held: Map<number, Promise<void>>;
}

async function setStage(t: TestContext, [here, there]: readonly [Guildhall, Guildhall]) {
  const begun: number[] = [];
  const held: Stage["held"] = new Map();
  const place = { url: there.url, member: there.member };
  const seller = await serve(t, place, {
    ...{ slug: "seller", meta: curve("per_message", PRICE) },
    handlers: {
      async turn({ seq, payload }) {
        const isAgain = begun.includes(seq);
        begun.push(seq);
        if (!isAgain) await held.get(seq);
        return { echo: payload };
      },
    },
  });
  const alice = await here.member("alice@example.com");
  return { here, there, alice, seller, place, begun, held };
}

for (const bus of BUSES) {
  test(`a session over two servers, whose provider moves in the middle (bus: ${bus})`, async (t) => {
    const servers = await startTwo(t, bus);
    if (!servers) return;
    const stage = await setStage(t, servers);
    await t.test("it is hired, talks and ends across them", () => talks(stage));
    await t.test("its provider moves with a turn in hand", () => moves(stage));
    await t.test("a price is named and a bill is sent across them", () => quotes(t, stage));
    await verified(stage.there);
  });
}

async function talks({ there, alice, seller }: Stage): Promise<void> {
  const id = await hire(alice, seller.agentId, { max_messages: 3 });
  await Promise.all([1, 2].map((seq) => send(alice, id, seq)));
  const events = await repliesTo(alice, id, 2);
  assert.equal(events.filter(({ from }) => from === "provider").length, 2);
  // The other server tells the same, to either side.
  const elsewhere = await at(there, alice).ask("GET", `/sessions/${id}/events?since=0`);
  assert.deepEqual(elsewhere.body.events, events);
  const asProvider = await seller.member.ask("GET", "/sessions?role=provider&status=active");
  assert.deepEqual(
    asProvider.body.sessions.map(({ session_id }: { session_id: string }) => session_id),
    [id],
  );
  // A number is one message, at whichever server it is said.
  assert.equal((await send(at(there, alice), id, 2)).body.messages_used, 2);
  const ends = await Promise.all(
    [alice, at(there, alice)].map((who) => who.ask("POST", `/sessions/${id}/end`)),
  );
  assert.deepEqual(ends.map(({ status }) => status).toSorted(), [200, 409], "one of them ended it");
  assert.deepEqual(await wallet(alice), [WALLET - 2 * PRICE, 0]);
  assert.deepEqual(await wallet(seller.member), [WALLET + 2 * PRICE, 0]);
  await until(() => seller.connection.sessions === 0, 10_000);
}

async function moves({ here, there, alice, seller, place, begun, held }: Stage): Promise<void> {
  begun.length = 0;
  const { promise, resolve: release } = Promise.withResolvers<void>();
  held.set(2, promise);
  const id = await hire(alice, seller.agentId, { max_messages: 5 });
  await send(alice, id, 1);
  await repliesTo(alice, id, 1);
  await send(alice, id, 2);
  await until(() => begun.includes(2), 10_000);
  // The old program is still connected, with turn 2 in hand, when the new one appears at the other server.
  place.url = here.url;
  const next = await seller.connect();
  const old = await seller.connection.stopped;
  assert.equal(old.closing, "replaced");
  release();
  await send(at(there, alice), id, 3);
  const events = await repliesTo(alice, id, 3);
  assert.deepEqual(begun, [1, 2, 2, 3], "what was not answered is told again, to who is there");
  const replies = events.filter(({ from }) => from === "provider");
  assert.deepEqual(
    replies.map(({ seq, payload }) => [seq, payload.echo.text]),
    [1, 2, 3].map((seq) => [seq, `turn ${seq}`]),
    "and answered once",
  );
  assert.ok(!typesOf(events).includes("session.disconnected"), "nobody was away");

  // The server that it came from is gone; nothing of the session was its.
  await there.kill("SIGKILL");
  await send(alice, id, 4);
  await repliesTo(alice, id, 4);
  const { body } = await alice.ask("POST", `/sessions/${id}/end`);
  assert.deepEqual(
    [body.session.status, body.session.termination_reason, body.settlement.settled_credits],
    ["ended", "ended", 4 * PRICE],
  );
  await eventsUntil(alice, id, (all) => all.at(-1).type === "session.ended");
  await until(() => next.sessions === 0, 10_000);
  assert.deepEqual(await wallet(alice), [WALLET - 6 * PRICE, 0]);
  assert.deepEqual(await wallet(at(here, seller.member)), [WALLET + 6 * PRICE, 0]);
  await there.restart();
}

async function quotes(t: TestContext, { here, there }: Stage): Promise<void> {
  const micros = (credits: number) => BigInt(credits) * 100n;
  const quoter = await serve(t, there, {
    ...{ slug: "quoter", meta: { open_quote: true } },
    handlers: {
      turn: () => "done",
      quote: ({ seq }) => ({ amountMicros: micros(20 * seq), ceilingMicros: micros(90) }),
      bill: ({ turns }) => ({ totalMicros: micros(30 * turns) }),
    },
  });
  const bob = await here.member("bob@example.com");
  const { body } = await open(bob, quoter.agentId, { open_quote: true, max_messages: 3 });
  const id: string = body.session_id;
  const ask = (path: string, rest: object = {}) => bob.ask("POST", `/sessions/${id}/${path}`, rest);
  const proposed = async (credits: number) => {
    const look = () => bob.ask("GET", `/sessions/${id}/quote-proposal`);
    await until(async () => (await look()).body.amount_credits === credits, 10_000);
    return (await look()).body.proposal_hash as string;
  };
  await send(bob, id, 1);
  await proposed(20);
  await send(bob, id, 2);
  const proposal_hash = await proposed(40);
  assert.equal((await ask("accept-quote", { proposal_hash })).status, 200);
  assert.equal((await ask("activate")).body.status, "active");
  await send(bob, id, 3);
  await repliesTo(bob, id, 1);
  assert.equal((await ask("end")).body.session.status, "awaiting_invoice");
  const invoice = () => bob.ask("GET", `/sessions/${id}/invoice`);
  await until(async () => (await invoice()).status === 200, 10_000);
  const { invoice_id, total_credits } = (await invoice()).body;
  assert.equal(total_credits, 30);
  await ask("accept-invoice", { invoice_id });
  assert.deepEqual(await wallet(bob), [WALLET - 30, 0]);
}
