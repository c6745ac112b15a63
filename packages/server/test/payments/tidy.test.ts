/** What becomes of top-ups of which nothing is heard, as time passes. */
import assert from "node:assert/strict";
import { createStripePayments } from "../../src/outbound/payments/stripe.ts";
import { onEachHost } from "../support/database.ts";
import { startStripe } from "../support/stripe-server.ts";
import { openBank, totalMicros } from "../wallet/support.ts";

const DAY_MS = 86_400_000;
const DOLLAR = 1_000_000n;

onEachHost("a report that was lost is asked for", async (t, database) => {
  const stripe = await startStripe(t);
  const bank = openBank(t, database, cardsOf(stripe));
  const ada = await bank.member("ada");
  const { postedMicros } = await bank.wallets.balance(ada);
  const paid = await bank.topups.open(ada, { amountMicros: DOLLAR });
  const unpaid = await bank.topups.open(ada, { amountMicros: DOLLAR });
  stripe.pay(paid.paymentId);
  await bank.payments.tidy();
  assert.equal((await bank.topups.require(ada, paid.id)).state, "pending", "reports take a while");
  bank.clock.at = new Date(bank.clock.at.getTime() + 6 * 60_000);
  await Promise.all([bank.payments.tidy(), bank.payments.tidy()]);
  assert.equal((await bank.topups.require(ada, paid.id)).state, "paid");
  assert.equal((await bank.topups.require(ada, unpaid.id)).state, "pending");
  assert.equal((await bank.wallets.balance(ada)).postedMicros, postedMicros + DOLLAR);
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("what nobody pays in a day has failed, on either rail", async (t, database) => {
  const stripe = await startStripe(t);
  const bank = openBank(t, database, cardsOf(stripe));
  const ada = await bank.member("ada");
  const card = await bank.topups.open(ada, { amountMicros: DOLLAR });
  const dev = await bank.topups.open(ada, { amountMicros: DOLLAR, rail: "dev", isPaidLater: true });
  const lastMinute = await bank.topups.open(ada, { amountMicros: DOLLAR });
  bank.clock.at = new Date(bank.clock.at.getTime() + DAY_MS - 1);
  assert.equal((await bank.topups.require(ada, dev.id)).state, "pending");
  bank.clock.at = new Date(bank.clock.at.getTime() + 1);
  assert.equal((await bank.topups.require(ada, dev.id)).state, "failed", "time alone says so");
  assert.equal(
    (await bank.topups.require(ada, card.id)).state,
    "pending",
    "Stripe was not asked yet",
  );
  await assert.rejects(bank.topups.pay(dev.id), { code: "conflict" });

  stripe.pay(lastMinute.paymentId);
  await bank.payments.tidy();
  const states = await Promise.all(
    [card, dev, lastMinute].map(async ({ id }) => (await bank.topups.require(ada, id)).state),
  );
  assert.deepEqual(states, ["failed", "failed", "paid"]);
  assert.equal(
    stripe.sessions.get(card.paymentId)?.status,
    "expired",
    "nobody can pay it any more",
  );
  assert.equal((await bank.topups.require(ada, dev.id)).failure, "expired");
});

onEachHost("a payment that Stripe knows nothing of has failed after a day", async (t, database) => {
  const [before, now] = [await startStripe(t), await startStripe(t)];
  const earlier = openBank(t, database, cardsOf(before));
  const ada = await earlier.member("ada");
  const topup = await earlier.topups.open(ada, { amountMicros: DOLLAR });
  // The operator has another account at Stripe from now on.
  const bank = openBank(t, database, cardsOf(now));
  bank.clock.at = new Date(earlier.clock.at.getTime() + DAY_MS - 1);
  await bank.payments.tidy();
  assert.equal((await bank.topups.require(ada, topup.id)).state, "pending");
  bank.clock.at = new Date(bank.clock.at.getTime() + 1);
  await bank.payments.tidy();
  const { state, failure } = await bank.topups.require(ada, topup.id);
  assert.deepEqual([state, failure], ["failed", "expired"]);
});

onEachHost("while Stripe is away everything waits, and goes on afterwards", async (t, database) => {
  const stripe = await startStripe(t);
  const bank = openBank(t, database, cardsOf(stripe));
  const ada = await bank.member("ada");
  const topup = await bank.topups.open(ada, { amountMicros: DOLLAR });
  bank.clock.at = new Date(bank.clock.at.getTime() + 2 * DAY_MS);
  stripe.fail(503);
  await assert.rejects(bank.payments.tidy(), { code: "overloaded" });
  assert.equal((await bank.topups.require(ada, topup.id)).state, "pending");
  stripe.fail(undefined);
  await bank.payments.tidy();
  assert.equal((await bank.topups.require(ada, topup.id)).state, "failed");
});

onEachHost("a workspace has a hundred unpaid top-ups and no more", async (t, database) => {
  const bank = openBank(t, database);
  const [ada, eve] = [await bank.member("ada"), await bank.member("eve")];
  const open = () => bank.topups.open(ada, { amountMicros: DOLLAR, isPaidLater: true });
  for (let count = 0; count < 99; count++) await open();
  const last = await open();
  await assert.rejects(open(), { code: "conflict" });
  await bank.topups.open(eve, { amountMicros: DOLLAR, isPaidLater: true });
  await bank.topups.decideUnpaid(last.id, "fail");
  await open();
  await assert.rejects(open(), { code: "conflict" });
  bank.clock.at = new Date(bank.clock.at.getTime() + DAY_MS);
  await open();
});

function cardsOf({ environment, url }: Awaited<ReturnType<typeof startStripe>>) {
  return createStripePayments({
    secretKey: environment.STRIPE_SECRET_KEY ?? "",
    webhookSecret: environment.STRIPE_WEBHOOK_SECRET ?? "",
    apiUrl: url,
  });
}
