/** Top-ups by card on whole servers: what Stripe is asked, and what its reports do, good, forged or late. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertBooks, assertSumIsBalance, openAccount } from "../openmarlin/money.ts";
import { assertRefused } from "../openmarlin/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import {
  eventOf,
  report,
  type StripeServer,
  signatureOf,
  startStripe,
} from "../support/stripe-server.ts";

const SESSIONS = "/v1/topup/sessions";
type Account = Awaited<ReturnType<typeof openAccount>>;

interface World {
  readonly hall: Guildhall;
  readonly stripe: StripeServer;
  readonly ada: Account;
}

/** A top-up that waits to be paid, and the page at Stripe. */
async function topUp({ stripe, ada }: World, amount: number) {
  const { status, body } = await ada.ask("POST", SESSIONS, { amount });
  assert.equal(status, 201, JSON.stringify(body));
  const session = [...stripe.sessions.values()].at(-1);
  assert.ok(session);
  const path = `${SESSIONS}/${body.topup_session_id}`;
  return { told: body, session, path, read: async () => (await ada.ask("GET", path)).body };
}

for (const host of DATABASE_HOSTS) {
  test(`top-ups by card (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const stripe = await startStripe(t);
    const hall = await startGuildhall(t, host, stripe.environment);
    const world = { hall, stripe, ada: await openAccount(hall, "ada@example.org") };
    await t.test("what is paid is credited once", () => paidOnce(world));
    await t.test("reports may overtake each other", () => outOfOrder(world));
    await t.test("nothing but what was asked for is credited", () => otherAmounts(world));
    await t.test("what Stripe did not sign, or signed long ago, is refused", () => forged(world));
    await t.test("what is none of ours changes nothing", () => strangers(world));
    await t.test("amounts that cards cannot pay are refused first", () => badAmounts(world));
    await t.test("Stripe may be away", () => outage(world));
    await assertSumIsBalance(world.ada);
    await assertBooks(hall);
  });
}

async function paidOnce(world: World): Promise<void> {
  const { hall, stripe, ada } = world;
  const before = await ada.balance();
  const { told, session, read } = await topUp(world, 1_250);
  const asked = stripe.asked.at(-1);
  assert.deepEqual(
    ["mode", "allowed_payment_method_types[0]", "client_reference_id"].map((name) =>
      asked?.get(name),
    ),
    ["payment", "card", told.topup_session_id.replace("topup_", "")],
  );
  assert.deepEqual([session.amount_total, session.currency], [1_250, "usd"], "a credit is a cent");
  assert.match(asked?.get("success_url") ?? "", /\/app\/topup\/paid$/);
  assert.deepEqual(
    [told.status, told.checkout_url, told.stripe_reference, told.credited_ledger_entry_id],
    ["pending_payment", session.url, session.id, null],
  );
  assert.equal(await ada.balance(), before);

  const paid = eventOf("checkout.session.completed", stripe.pay(session.id));
  const statuses = await Promise.all(Array.from({ length: 20 }, () => report(hall, paid)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(await report(hall, paid), 200);
  const done = await read();
  assert.deepEqual(
    [done.status, done.stripe_reference, done.requested_amount],
    ["credit_applied", session.payment_intent, { amount: 1_250, unit: "credits" }],
  );
  assert.equal(await ada.balance(), before + 1_250);
  const entries = (await ada.list("/v1/ledger")).filter(({ type }) => type === "topup_credit");
  assert.deepEqual(
    entries.map((entry) => [entry.ledger_entry_id, entry.reference_id, entry.amount.amount]),
    [[done.credited_ledger_entry_id, done.topup_session_id, 1_250]],
  );
  assert.equal(entries[0].created_at, done.completed_at);
}

async function outOfOrder(world: World): Promise<void> {
  const { hall, stripe, ada } = world;
  const before = await ada.balance();
  const early = await topUp(world, 100);
  const open = { ...early.session };
  const completed = eventOf("checkout.session.completed", stripe.pay(early.session.id));
  assert.equal(await report(hall, completed), 200);
  const stale = eventOf("checkout.session.expired", { ...open, status: "expired" });
  assert.equal(await report(hall, stale), 200);
  assert.equal((await early.read()).status, "credit_applied", "what is paid stays paid");

  const late = await topUp(world, 200);
  const expired = eventOf("checkout.session.expired", { ...late.session, status: "expired" });
  assert.equal(await report(hall, expired), 200);
  const failed = await late.read();
  assert.deepEqual([failed.status, failed.credited_ledger_entry_id], ["payment_failed", null]);
  assert.ok(failed.completed_at);
  assert.equal(await ada.balance(), before + 100);
  const after = eventOf("checkout.session.completed", stripe.pay(late.session.id));
  assert.equal(await report(hall, after), 200);
  assert.equal((await late.read()).status, "credit_applied", "money that did arrive is theirs");

  const slow = await topUp(world, 300);
  const waiting = { ...slow.session, status: "complete", payment_status: "unpaid" };
  assert.equal(await report(hall, eventOf("checkout.session.completed", waiting)), 200);
  assert.equal((await slow.read()).status, "pending_payment", "the money is on its way");
  const declined = eventOf("checkout.session.async_payment_failed", waiting);
  assert.equal(await report(hall, declined), 200);
  assert.equal((await slow.read()).status, "payment_failed");
  assert.equal(await ada.balance(), before + 300);
}

async function otherAmounts(world: World): Promise<void> {
  const { hall, stripe, ada } = world;
  const before = await ada.balance();
  const odd = [
    { amount_total: 100_000 },
    { amount_total: 1 },
    { amount_total: 0 },
    { amount_total: -200 },
    { amount_total: 200.5 },
    { amount_total: Number.MAX_VALUE },
    { currency: "eur" },
    { currency: "USDC" },
  ];
  for (const other of odd) {
    const { session, read } = await topUp(world, 200);
    const paid = eventOf("checkout.session.completed", { ...stripe.pay(session.id), ...other });
    assert.equal(await report(hall, paid), 200, "asking again would not mend it");
    assert.equal((await read()).status, "payment_failed", JSON.stringify(other));
  }
  assert.equal(await ada.balance(), before);
  assert.match(hall.output(), /not of the amount that was asked for/, "the operator is told");
}

async function forged(world: World): Promise<void> {
  const { hall, stripe, ada } = world;
  const before = await ada.balance();
  const { session, read } = await topUp(world, 500);
  const good = eventOf("checkout.session.completed", { ...session, ...stripe.pay(session.id) });
  const now = Math.floor(Date.now() / 1000);
  const refused: [string, string][] = [
    [good, ""],
    [good, "nonsense"],
    [good, `t=${now},v1=${"0".repeat(64)}`],
    [good, signatureOf(good, undefined, "whsec_somebody_elses")],
    [good, signatureOf(good, now - 301)],
    [good.replace("500", "5000"), signatureOf(good)],
    [`${good} `, signatureOf(good)],
    ["", signatureOf("")],
    ["{", signatureOf("{")],
    ["null", signatureOf("null")],
    ["[]", "t=,v1="],
  ];
  for (const [body, signature] of refused) {
    assert.equal(await report(hall, body, signature), 400, `${body.slice(0, 40)} ${signature}`);
  }
  assert.equal((await read()).status, "pending_payment");
  assert.equal(await ada.balance(), before);
}

async function strangers(world: World): Promise<void> {
  const { hall, ada, stripe } = world;
  const before = await ada.balance();
  const { session, read } = await topUp(world, 100);
  const foreign = { ...stripe.pay(session.id), id: "cs_test_of_another_shop" };
  const harmless = [
    eventOf("checkout.session.completed", foreign),
    eventOf("customer.created", { id: "cus_1", object: "customer" }),
    eventOf("payment_intent.succeeded", { id: "pi_1", object: "payment_intent" }),
    eventOf("charge.dispute.created", {
      ...{ id: "dp_1", object: "dispute", amount: 100, currency: "usd" },
      ...{ payment_intent: "pi_of_another_shop", status: "needs_response" },
    }),
    eventOf("charge.dispute.created", { id: "dp_2", payment_intent: null, status: "lost" }),
  ];
  for (const event of harmless) assert.equal(await report(hall, event), 200, event);
  assert.equal((await read()).status, "pending_payment");
  assert.equal(await ada.balance(), before);
  const eve = await openAccount(hall, "eve@example.org");
  const path = `${SESSIONS}/${(await read()).topup_session_id}`;
  assertRefused(await eve.ask("GET", path), 404, "topup_session_not_found");
}

async function badAmounts({ stripe, ada }: World): Promise<void> {
  const asked = stripe.asked.length;
  for (const amount of [49, 0.5, 50.01, 50.5]) {
    const reply = await ada.ask("POST", SESSIONS, { amount });
    assertRefused(reply, 400, "invalid_request");
    assert.match(reply.body.message, /whole US cents/);
  }
  assert.equal(stripe.asked.length, asked, "Stripe was not asked");
}

async function outage(world: World): Promise<void> {
  const { stripe, ada } = world;
  const before = stripe.sessions.size;
  stripe.fail(500);
  const reply = await ada.ask("POST", SESSIONS, { amount: 100 });
  assertRefused(reply, 503, "overloaded");
  assert.ok(Number(reply.headers.get("retry-after")) > 0);
  stripe.fail(undefined);
  assert.equal(stripe.sessions.size, before);
  assert.equal((await topUp(world, 100)).told.status, "pending_payment");
}
