import assert from "node:assert/strict";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import { onEachHost } from "../support/database.ts";
import { openBank, totalMicros } from "./support.ts";

const USD = 1_000_000n;
/** What a newcomer is given to play with. */
const PLAY = 100n * USD;

onEachHost(
  "a newcomer's wallet shows the play money and where it came from",
  async (t, database) => {
    const { member, wallets } = openBank(t, database);
    const alice = await member("alice");
    const { availableMicros, heldMicros, postedMicros } = await wallets.balance(alice);
    assert.deepEqual([postedMicros, heldMicros, availableMicros], [PLAY, 0n, PLAY]);
    const { transfers, cursor } = await wallets.listTransfers(alice, {
      cursor: undefined,
      limit: 10,
    });
    assert.deepEqual(
      transfers.map(({ operation, isIncoming, amountMicros }) => [
        operation,
        isIncoming,
        amountMicros,
      ]),
      [["play", true, PLAY]],
    );
    assert.equal(cursor, undefined);
  },
);

onEachHost(
  "the operator's credit is there at once, and once by its reference",
  async (t, database) => {
    const { member, wallets } = openBank(t, database);
    const alice = await member("alice");
    const command = { email: "alice@example.org", amountMicros: 5n * USD, reason: "welcome" };

    const first = await wallets.credit({ ...command, reference: "ticket-7" });
    const again = await wallets.credit({ ...command, reference: "ticket-7" });
    assert.equal(first.transferId, "credit:ticket-7");
    assert.equal(again.balance?.postedMicros, PLAY + 5n * USD);
    await assert.rejects(
      wallets.credit({ ...command, amountMicros: 6n * USD, reference: "ticket-7" }),
      { code: "conflict" },
    );
    assert.equal((await wallets.balance(alice)).postedMicros, PLAY + 5n * USD);
    assert.equal(await totalMicros(database), 0n);
  },
);

onEachHost("a credit to nobody, of nothing or of a fortune is refused", async (t, database) => {
  const { member, wallets } = openBank(t, database);
  await member("alice");
  const command = { email: "alice@example.org", amountMicros: USD, reason: "why" };
  await assert.rejects(wallets.credit({ ...command, email: "bob@example.org" }), {
    code: "not_found",
  });
  for (const amountMicros of [0n, -1n, 1_000_000n * USD + 1n]) {
    await assert.rejects(wallets.credit({ ...command, amountMicros }), { code: "invalid_request" });
  }
  assert.equal(await totalMicros(database), 0n);
});

onEachHost(
  "a transfer is reversed once, and only while the money is there",
  async (t, database) => {
    const { member, wallets, spend } = openBank(t, database);
    const alice = await member("alice");
    const credited = await wallets.credit({
      email: "alice@example.org",
      amountMicros: 5n * USD,
      reason: "by mistake",
    });
    const reverse = () => wallets.reverse({ transferId: credited.transferId, reason: "a mistake" });
    await reverse();
    await reverse();
    assert.equal((await wallets.balance(alice)).postedMicros, PLAY);

    const play = `play:${alice.workspaceId}`;
    assert.ok(await spend(alice, USD));
    await assert.rejects(wallets.reverse({ transferId: play, reason: "too late" }), {
      code: "insufficient_funds",
    });
    await assert.rejects(
      wallets.reverse({ transferId: `reversal:${credited.transferId}`, reason: "no" }),
      { code: "conflict" },
    );
    for (const transferId of ["credit:nothing", "nonsense", ":", "a:", ":b", ""]) {
      await assert.rejects(wallets.reverse({ transferId, reason: "no" }), { code: "not_found" });
    }
    assert.equal((await wallets.balance(alice)).postedMicros, PLAY - USD);
    assert.equal(await totalMicros(database), 0n);
  },
);

onEachHost("transfers come in pages, newest first, none twice", async (t, database) => {
  const { member, wallets } = openBank(t, database);
  const alice = await member("alice");
  for (const reference of ["a", "b", "c", "d"]) {
    const command = { email: "alice@example.org", amountMicros: USD, reason: "why", reference };
    await wallets.credit(command);
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await wallets.listTransfers(alice, { cursor, limit: 2 });
    seen.push(...page.transfers.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.deepEqual(seen, [
    "credit:d",
    "credit:c",
    "credit:b",
    "credit:a",
    `play:${alice.workspaceId}`,
  ]);
  await assert.rejects(wallets.listTransfers(alice, { cursor: "nonsense", limit: 2 }), {
    code: "invalid_request",
  });
});

onEachHost("a top-up counts once, however often its payment is named", async (t, database) => {
  const { member, topups, wallets } = openBank(t, database);
  const [alice, bob] = [await member("alice"), await member("bob")];
  const command = { amountMicros: 10n * USD, paymentId: "pay_1" };

  const pending = await topups.open(alice, { ...command, isPaidLater: true });
  assert.equal(pending.state, "pending");
  assert.equal((await wallets.balance(alice)).postedMicros, PLAY);
  const [paid, again] = await Promise.all([topups.pay(pending.id), topups.open(alice, command)]);
  assert.deepEqual([paid.state, again.state, again.id], ["paid", "paid", pending.id]);
  assert.equal((await wallets.balance(alice)).postedMicros, PLAY + 10n * USD);
  assert.deepEqual(
    (await topups.list(alice, { beforeId: undefined, limit: 10 })).map(({ state }) => state),
    ["paid"],
  );

  await assert.rejects(topups.open(bob, command), { code: "idempotency_conflict" });
  await assert.rejects(topups.open(alice, { ...command, amountMicros: USD }), {
    code: "idempotency_conflict",
  });
  await assert.rejects(topups.open(alice, { amountMicros: USD, paymentId: "a b" }), {
    code: "invalid_request",
  });
  await assert.rejects(topups.pay("0".repeat(24)), { code: "not_found" });
  const [bought] = await database.query<{ posted_micros: bigint }>(
    "select posted_micros from accounts where id = $1",
    [HOUSE_ACCOUNTS.bought],
  );
  assert.equal(bought?.posted_micros, -10n * USD);
});
