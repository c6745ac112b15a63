/** Disputed payments on whole servers: the wallet freezes, and who bears what when one is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, accountOf, assertBooks, assertSumIsBalance } from "../openmarlin/money.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { invoke, type Seller, sell } from "../support/hire.ts";
import {
  disputeOf,
  eventOf,
  type FakeSession,
  report,
  type StripeServer,
  startStripe,
} from "../support/stripe-server.ts";

interface World {
  readonly hall: Guildhall;
  readonly stripe: StripeServer;
  readonly seller: Seller;
}

interface Payer {
  readonly member: Member;
  readonly account: Account;
  readonly session: FakeSession;
}

/** Somebody without play money who has paid 100 credits, a dollar, by card. */
async function paidUp({ hall, stripe, seller }: World, name: string): Promise<Payer> {
  const member = await hall.member(`${name}@example.org`);
  const account = accountOf(hall, member);
  await hall.admin("POST", `/transfers/play:${member.workspaceId}/reverse`, { reason: "a test" });
  const { body } = await account.ask("POST", "/v1/topup/sessions", { amount: 100 });
  const session = [...stripe.sessions.values()].at(-1);
  assert.ok(session, JSON.stringify(body));
  const paid = eventOf("checkout.session.completed", stripe.pay(session.id));
  assert.equal(await report(hall, paid), 200);
  assert.equal(await account.balance(), 100);
  assert.equal((await invoke(member, seller.agentId)).status, 200, "it can be spent");
  assert.equal(await account.balance(), 55);
  return { member, account, session };
}

/** A dispute's reports by their names at Stripe. */
const REPORTS = {
  created: "charge.dispute.created",
  updated: "charge.dispute.updated",
  closed: "charge.dispute.closed",
} as const;

async function say(
  { hall }: World,
  { session }: { readonly session: FakeSession },
  name: keyof typeof REPORTS,
  status: string,
  other: { id?: string; amount?: number } = {},
): Promise<void> {
  const event = eventOf(REPORTS[name], disputeOf(session, status, other));
  assert.equal(await report(hall, event), 200);
}

async function isFrozen(hall: Guildhall, { key }: Member): Promise<boolean> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${hall.url}/api/guildhall/v1/wallet`, { headers });
  return ((await response.json()) as { is_frozen: boolean }).is_frozen;
}

async function requestPayout(hall: Guildhall, { key }: Member, usd: string): Promise<void> {
  const response = await fetch(`${hall.url}/api/guildhall/v1/payouts`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ usd }),
  });
  assert.equal(response.status, 201, await response.text());
}

/** What somebody asked to have paid out, as the operator sees it. */
async function payoutsOf(hall: Guildhall, { email }: Member): Promise<object[]> {
  const { payouts } = (await hall.admin("GET", "/payouts")) as unknown as {
    payouts: { usd: string; email: string; is_frozen: boolean }[];
  };
  const theirs = payouts.filter((payout) => payout.email === email);
  return theirs.map(({ usd, is_frozen }) => ({ usd, is_frozen }));
}

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
async function disputes(hall: Guildhall): Promise<any[]> {
  const { disputes: found } = (await hall.admin("GET", "/disputes")) as unknown as {
    disputes: unknown[];
  };
  return found;
}

for (const host of DATABASE_HOSTS) {
  test(`disputed payments (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const stripe = await startStripe(t);
    const hall = await startGuildhall(t, host, stripe.environment);
    // 45 credits of OpenMarlin's.
    const world = { hall, stripe, seller: await sell(t, hall, { priceCredits: 4_500 }) };
    await t.test("one that is won leaves everything as it was", () => won(world));
    await t.test("one that is lost takes what is there", () => lost(world));
    await t.test("what is not there is the house's loss", () => shortOf(world));
    await t.test("what is promised to work is not taken", () => heldBack(t, world));
    await t.test("parts of a payment are lost one after another", () => partsLost(world));
    await t.test("reports come in any order, and again", () => outOfOrder(world));
    await t.test("one that takes all there is, is taken once", () => allThereIs(world));
    await assertBooks(hall);
  });
}

async function won(world: World): Promise<void> {
  const { hall, seller } = world;
  const ada = await paidUp(world, "won");
  await say(world, ada, "created", "warning_needs_response");
  assert.equal(await isFrozen(hall, ada.member), false, "an inquiry takes no money");
  await requestPayout(hall, ada.member, "0.01");
  await say(world, ada, "created", "needs_response");
  assert.equal(await isFrozen(hall, ada.member), true);
  assert.deepEqual(await payoutsOf(hall, ada.member), [{ usd: "0.01", is_frozen: true }]);
  const refused = await invoke(ada.member, seller.agentId);
  assert.equal(refused.status, 409, JSON.stringify(refused.body));
  await say(world, ada, "updated", "under_review");
  await say(world, ada, "closed", "won");
  assert.equal(await isFrozen(hall, ada.member), false);
  assert.deepEqual(await payoutsOf(hall, ada.member), [{ usd: "0.01", is_frozen: false }]);
  assert.equal(await ada.account.balance(), 54);
  assert.equal((await invoke(ada.member, seller.agentId)).status, 200);
}

async function lost(world: World): Promise<void> {
  const { hall } = world;
  const ada = await paidUp(world, "lost");
  await say(world, ada, "created", "needs_response", { amount: 30 });
  await say(world, ada, "closed", "lost", { amount: 30 });
  assert.equal(await ada.account.balance(), 25);
  assert.equal(await isFrozen(hall, ada.member), false, "nobody owes anything");
  const [dispute] = await disputes(hall);
  assert.deepEqual(
    [dispute.state, dispute.usd, dispute.taken_usd, dispute.lost_usd, dispute.email],
    ["lost", "0.3", "0.3", "0", ada.member.email],
  );
  await assertSumIsBalance(ada.account);
}

async function partsLost(world: World): Promise<void> {
  const { hall } = world;
  const ada = await paidUp(world, "parts");
  const reason = { reason: "sent back in Stripe's dashboard" };
  for (const [id, amount, left] of [
    ["dp_part_1", 20, 35],
    ["dp_part_2", 30, 5],
    ["dp_part_3", 25, 0],
  ] as const) {
    await say(world, ada, "created", "needs_response", { id, amount });
    await Promise.all([1, 2, 3].map(() => say(world, ada, "closed", "lost", { id, amount })));
    assert.equal(await ada.account.balance(), left);
  }
  assert.deepEqual(
    (await disputes(hall)).slice(0, 3).map(({ taken_usd: taken, lost_usd: loss }) => [taken, loss]),
    [
      ["0.05", "0.2"],
      ["0.3", "0"],
      ["0.2", "0"],
    ],
  );
  await hall.admin("POST", "/credits", { email: ada.member.email, usd: "2" });
  const reversal = `/transfers/topup:stripe:${ada.session.id}/reverse`;
  await assert.rejects(hall.admin("POST", reversal, reason), /called back/, "it goes back once");

  const eve = await paidUp(world, "by-hand");
  await hall.admin("POST", "/credits", { email: eve.member.email, usd: "1" });
  await hall.admin("POST", `/transfers/topup:stripe:${eve.session.id}/reverse`, reason);
  await say(world, eve, "closed", "lost", { id: "dp_hand", amount: 30 });
  const [dispute] = await disputes(hall);
  assert.deepEqual([dispute.taken_usd, dispute.lost_usd], ["0.3", "0"]);
  assert.equal(await eve.account.balance(), 55, "nothing is taken a second time");
}

async function shortOf(world: World): Promise<void> {
  const { hall, seller } = world;
  const ada = await paidUp(world, "short");
  await say(world, ada, "created", "needs_response");
  await say(world, ada, "closed", "lost");
  assert.equal(await ada.account.balance(), 0);
  const [dispute] = await disputes(hall);
  assert.deepEqual([dispute.taken_usd, dispute.lost_usd], ["0.55", "0.45"]);
  assert.equal(await isFrozen(hall, ada.member), true, "the house lost by it");
  await hall.admin("POST", "/credits", { email: ada.member.email, usd: "1" });
  assert.equal((await invoke(ada.member, seller.agentId)).status, 409);
  const released = await hall.admin("POST", `/disputes/${dispute.dispute_id}/release`, {});
  assert.ok((released as { released_at?: string }).released_at);
  await hall.admin("POST", `/disputes/${dispute.dispute_id}/release`, {});
  assert.equal(await isFrozen(hall, ada.member), false);
  assert.equal((await invoke(ada.member, seller.agentId)).status, 200);
  for (const id of [dispute.topup_id, "0".repeat(24), "x"]) {
    await assert.rejects(hall.admin("POST", `/disputes/${id}/release`, {}), /not_found/);
  }
}

async function heldBack(t: Parameters<typeof sell>[0], world: World): Promise<void> {
  const { hall } = world;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = await sell(t, hall, {
    slug: "slow",
    priceCredits: 2_000,
    handler: async () => {
      await held;
      return { output: {} };
    },
  });
  const ada = await paidUp(world, "held");
  const running = invoke(ada.member, slow.agentId);
  while ((await ada.account.balance()) !== 35) await new Promise((next) => setTimeout(next, 20));
  await say(world, ada, "closed", "lost");
  const [dispute] = await disputes(hall);
  assert.deepEqual([dispute.taken_usd, dispute.lost_usd], ["0.35", "0.65"]);
  release();
  assert.equal((await running).status, 200, "who did the work is paid");
  assert.equal(await accountOf(hall, slow.member).balance(), 10_020);
}

async function outOfOrder(world: World): Promise<void> {
  const { hall, stripe } = world;
  const member = await hall.member("order@example.org");
  const account = accountOf(hall, member);
  await account.ask("POST", "/v1/topup/sessions", { amount: 100 });
  const session = [...stripe.sessions.values()].at(-1);
  assert.ok(session);
  const paid = stripe.pay(session.id);
  const before = await account.balance();
  // Stripe's report of the payment itself comes last.
  await Promise.all(
    Array.from({ length: 10 }, () => say(world, { session }, "closed", "lost", { id: "dp_order" })),
  );
  await say(world, { session }, "created", "needs_response", { id: "dp_order" });
  await say(world, { session }, "closed", "won", { id: "dp_order" });
  assert.equal(await report(hall, eventOf("checkout.session.completed", paid)), 200);
  assert.equal(await account.balance(), before, "it came and went, once");
  assert.equal(await isFrozen(hall, member), false);
  const mine = (await disputes(hall)).filter(({ rail_id: id }) => id === "dp_order");
  assert.deepEqual(
    mine.map(({ state, taken_usd: taken, lost_usd: loss }) => [state, taken, loss]),
    [["lost", "1", "0"]],
  );
  await assertSumIsBalance(account);
}

/** Whoever looks after the wallet was emptied must not take that for a loss. */
async function allThereIs(world: World): Promise<void> {
  const { hall, stripe } = world;
  for (let round = 0; round < 5; round++) {
    const member = await hall.member(`all${round}@example.org`);
    const account = accountOf(hall, member);
    await hall.admin("POST", `/transfers/play:${member.workspaceId}/reverse`, { reason: "a test" });
    await account.ask("POST", "/v1/topup/sessions", { amount: 100 });
    const session = [...stripe.sessions.values()].at(-1);
    assert.ok(session);
    assert.equal(
      await report(hall, eventOf("checkout.session.completed", stripe.pay(session.id))),
      200,
    );
    const id = `dp_all_${round}`;
    await say(world, { session }, "created", "needs_response", { id });
    await Promise.all(
      Array.from({ length: 20 }, () => say(world, { session }, "closed", "lost", { id })),
    );
    assert.equal(await account.balance(), 0);
    const dispute = (await disputes(hall)).find(({ rail_id: railId }) => railId === id);
    assert.deepEqual([dispute.taken_usd, dispute.lost_usd], ["1", "0"]);
    const loss = `/transfers/reversal:dispute:stripe:${id}/reverse`;
    await assert.rejects(
      hall.admin("POST", loss, { reason: "a test" }),
      /not_found/,
      "the house lost nothing",
    );
  }
}
