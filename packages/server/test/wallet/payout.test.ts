/**
 * Payouts: only earned and bought money leaves, whatever happens at the same time.
 *
 * The bank that is opened here lies over a real database and a real ledger; what another process or
 * a crash would do is done by hand, by writing what it would have left behind.
 */
import assert from "node:assert/strict";
import { newId, systemRandom } from "../../src/lib/random.ts";
import { insertPayout } from "../../src/store/payout.ts";
import { onEachHost } from "../support/database.ts";
import { type Bank, openBank, totalMicros } from "./support.ts";

const USD = 1_000_000n;
const PLAY = 100n * USD;

async function payable(bank: Bank, caller: Parameters<Bank["pay"]>[0]): Promise<bigint> {
  const page = { beforeId: undefined, limit: 10 };
  return (await bank.payouts.list(caller, page)).payableMicros;
}

onEachHost("play money is not paid out; bought and earned money is", async (t, database) => {
  const bank = openBank(t, database);
  const [alice, bob] = [await bank.member("alice"), await bank.member("bob")];
  assert.equal(await payable(bank, alice), 0n);
  await assert.rejects(bank.payouts.request(alice, 1n), { code: "insufficient_funds" });

  await bank.topups.open(alice, { amountMicros: 10n * USD });
  await bank.pay(alice, bob, 103n * USD);
  assert.equal(await payable(bank, alice), 7n * USD, "her play money was spent first");
  assert.equal(await payable(bank, bob), 103n * USD, "he earned it, wherever it came from");

  const payout = await bank.payouts.request(bob, 103n * USD);
  assert.equal(payout.state, "requested");
  assert.equal((await bank.wallets.balance(bob)).postedMicros, PLAY);
  assert.equal(await payable(bank, bob), 0n);
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("payouts that are asked for at once are covered once", async (t, database) => {
  const bank = openBank(t, database);
  const alice = await bank.member("alice");
  await bank.topups.open(alice, { amountMicros: 10n * USD });

  const asked = Array.from({ length: 20 }, () => bank.payouts.request(alice, 3n * USD));
  const outcomes = await Promise.allSettled(asked);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.equal(outcome.reason.code, "insufficient_funds");
  }
  assert.equal((await bank.wallets.balance(alice)).postedMicros, PLAY + 1n * USD);
  assert.equal(await payable(bank, alice), 1n * USD);
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("a gift that arrives while earnings are spent does not leave", async (t, database) => {
  const bank = openBank(t, database);
  const alice = await bank.member("alice");
  await bank.spend(alice, PLAY);
  for (let round = 0; round < 10; round++) {
    await bank.topups.open(alice, { amountMicros: 10n * USD });
    const { code } = await bank.vouchers.create({ amountMicros: 10n * USD });
    const [payout, spent] = await Promise.allSettled([
      bank.payouts.request(alice, 10n * USD),
      bank.spend(alice, 10n * USD),
      bank.vouchers.redeem(alice, code),
    ]);
    const left = payout.status === "fulfilled" ? 10n * USD : 0n;
    const used = spent.status === "fulfilled" && spent.value ? 10n * USD : 0n;
    const { postedMicros } = await bank.wallets.balance(alice);
    assert.equal(postedMicros, 20n * USD - left - used);
    // Whatever order they took: who spent the bought money cannot have had it paid out as well.
    const bought = await payable(bank, alice);
    if (left > 0n) assert.equal(bought, 0n);
    await bank.spend(alice, postedMicros);
  }
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("the operator pays a payout or sends it back, never both", async (t, database) => {
  const bank = openBank(t, database);
  const alice = await bank.member("alice");
  await bank.topups.open(alice, { amountMicros: 10n * USD });
  const one = await bank.payouts.request(alice, 4n * USD);
  bank.clock.at = new Date(bank.clock.at.getTime() + 1);
  const two = await bank.payouts.request(alice, 6n * USD);
  const waiting = await bank.payouts.listAll({ state: "requested", afterId: undefined, limit: 10 });
  assert.deepEqual(
    waiting.map(({ payout, email }) => [payout.id, email]),
    [one.id, two.id].map((id) => [id, "alice@example.org"]),
  );

  assert.equal((await bank.payouts.markPaid(one.id)).state, "paid");
  assert.equal((await bank.payouts.markPaid(one.id)).state, "paid");
  await assert.rejects(
    bank.wallets.reverse({ transferId: `payout:${one.id}`, reason: "too late" }),
    { code: "conflict" },
  );
  await bank.wallets.reverse({ transferId: `payout:${two.id}`, reason: "wrong account" });
  await bank.payouts.sendBack(two.id);
  await assert.rejects(bank.payouts.markPaid(two.id), { code: "conflict" });
  await assert.rejects(bank.payouts.markPaid("0".repeat(24)), { code: "not_found" });
  assert.equal((await bank.wallets.balance(alice)).postedMicros, PLAY + 6n * USD);
  assert.equal(await payable(bank, alice), 6n * USD, "what came back may be asked for again");
  assert.equal(await totalMicros(database), 0n);
});

onEachHost("what a process that died had begun is gone on with", async (t, database) => {
  const bank = openBank(t, database);
  const alice = await bank.member("alice");
  await bank.topups.open(alice, { amountMicros: 10n * USD });
  const left = await beginPayout(bank, alice.workspaceId, 10n * USD, true);
  const uncovered = await beginPayout(bank, alice.workspaceId, 20n * USD, true);
  const neverLeft = await beginPayout(bank, alice.workspaceId, 30n * USD, false);

  await bank.payouts.tidy();
  bank.clock.at = new Date(bank.clock.at.getTime() + 3_600_000);
  await bank.payouts.tidy();
  const { payouts } = await bank.payouts.list(alice, { beforeId: undefined, limit: 10 });
  const states = new Map(payouts.map(({ id, state }) => [id, state]));
  assert.deepEqual(
    [left, uncovered, neverLeft].map((id) => states.get(id)),
    ["requested", "refused", "pending"],
  );
  assert.equal((await bank.wallets.balance(alice)).postedMicros, PLAY);
  const [unsettled] = await database.query<{ count: number }>(
    "select count(*)::int as count from payouts where settled_at is null",
  );
  assert.equal(unsettled?.count, 1, "only the one that waits for the operator");
});

onEachHost("two processes that follow the transfers count each once", async (t, database) => {
  const [bank, other] = [openBank(t, database), openBank(t, database)];
  const [alice, bob] = [await bank.member("alice"), await bank.member("bob")];
  await bank.topups.open(alice, { amountMicros: 50n * USD });
  await bank.spend(alice, PLAY);
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      await bank.pay(alice, bob, USD);
      if (index % 5 === 0) await Promise.all([bank.origins.catchUp(), other.origins.catchUp()]);
    }),
  );
  assert.equal(await payable(other, bob), 50n * USD);
  assert.equal(await payable(bank, alice), 0n);
});

onEachHost("a key of one agent cannot ask for a payout", async (t, database) => {
  const bank = openBank(t, database);
  const alice = await bank.member("alice");
  await bank.topups.open(alice, { amountMicros: 10n * USD });
  const ofAgent = { ...alice, agentId: "0".repeat(24) };
  await assert.rejects(bank.payouts.request(ofAgent, USD), { code: "forbidden" });
});

/** What is left of a request whose process died after its first or second step. */
async function beginPayout(
  bank: Bank,
  workspaceId: string,
  amountMicros: bigint,
  hasLeft: boolean,
): Promise<string> {
  const at = bank.clock.at;
  const id = newId(bank.clock, systemRandom);
  const pending = { state: "pending", createdAt: at, changedAt: at } as const;
  await insertPayout(bank.database, { id, workspaceId, amountMicros, ...pending });
  if (!hasLeft) return id;
  const step = {
    kind: "transfer",
    fromAccountId: workspaceId,
    toAccountId: "000000000000000000000003",
    amountMicros,
    reference: "payout",
    name: id,
  } as const;
  await bank.ledger.commit({ keyId: undefined, work: undefined, steps: [step] });
  return id;
}
