/** What holds of the ledger when much happens at once, and when a command or the queue is too much. */
import assert from "node:assert/strict";
import { createBooks } from "../../src/core/books.ts";
import { LEDGER_LIMITS } from "../../src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { BudgetScope } from "../../src/domain/budget.ts";
import type { Command } from "../../src/domain/command.ts";
import { Fault } from "../../src/domain/fault.ts";
import { commitCommands } from "../../src/store/ledger.ts";
import { onEachHost } from "../support/database.ts";
import {
  freshId,
  holdOf,
  openBudget,
  opening,
  openLedger,
  openWallets,
  requireOk,
  settling,
  transferring,
} from "./support.ts";

// biome-ignore format: read as a list
const SCOPES: readonly BudgetScope[] = [
  "run", "chain", "key_day", "key_month", "key_prepaid",
  "workspace_day", "workspace_month", "workspace_prepaid",
];

onEachHost("a hold falls under eight budgets, and the fullest says no", async (t, database) => {
  const ledger = openLedger(t, database);
  const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 10_000n);
  const budgets = await Promise.all(
    SCOPES.map((scope, index) => openBudget(ledger, 1_000n + BigInt(index), scope)),
  );
  const ids = budgets.map(({ id }) => id);
  const hold = holdOf(payer, freshId(), ids);
  requireOk(await ledger.commit(opening(hold, 990n)));
  const late = await ledger.commit(opening(holdOf(payer, freshId(), ids), 11n));
  assert.deepEqual(late, {
    ok: false,
    refusal: { code: "budget_exceeded", budgetId: ids[0] },
  });
  requireOk(await ledger.commit(settling(hold, payee, 900n)));
  requireOk(await ledger.commit(opening(holdOf(payer, freshId(), ids), 100n)));
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
});

onEachHost("a command that cannot be meant is met before it costs others", async (t, database) => {
  const ledger = openLedger(t, database);
  const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 1_000n);
  const tip = transferring(payer, payee, 1n, "tip", "one");
  const hold = holdOf(payer, freshId(), []);
  for (const command of [
    { ...tip, steps: [...tip.steps, ...tip.steps] },
    { ...tip, steps: Array.from({ length: 65 }, () => ({ kind: "close-hold", hold })) },
    transferring(payer, payee, 2n ** 63n, "tip", "two"),
    opening({ ...hold, feeBasisPoints: 10_000 }, 1n),
    opening({ ...hold, budgetIds: ["a", "a"] }, 1n),
    opening({ ...hold, budgetIds: Array.from({ length: 9 }, freshId) }, 1n),
  ] as Command[]) {
    await assert.rejects(ledger.commit(command), { code: "ERR_ASSERTION" });
  }
  await assert.rejects(ledger.commit(opening(hold, 1n, "zero\0byte")), (error: Fault) => {
    return error instanceof Fault && error.code === "invalid_request";
  });
});

onEachHost(
  "a queue that is full refuses at once, and says when to come again",
  async (t, database) => {
    const ledger = openLedger(t, database);
    const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 10n ** 6n);
    const settled = await Promise.allSettled(
      Array.from({ length: LEDGER_LIMITS.waitingMax + 10 }, (_, index) =>
        ledger.commit(transferring(payer, payee, 1n, "tip", String(index))),
      ),
    );
    const refused = settled.flatMap((result) =>
      result.status === "rejected" ? [result.reason] : [],
    );
    assert.equal(refused.length, 10);
    for (const fault of refused) {
      assert.ok(fault instanceof Fault);
      assert.deepEqual([fault.code, fault.facts], ["overloaded", { retryAfterSeconds: 1 }]);
    }
    assert.equal(await ledger.availableMicros(payer), 10n ** 6n - BigInt(LEDGER_LIMITS.waitingMax));
  },
);

onEachHost(
  "frozen money pays for what was promised, and goes back where it came from",
  async (t, database) => {
    const ledger = openLedger(t, database);
    const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 1_000n);
    const hold = holdOf(payer, freshId(), []);
    requireOk(await ledger.commit(opening(hold, 600n)));
    await database.query("update accounts set frozen_at = $2 where id = $1", [payer, new Date(0)]);
    requireOk(await ledger.commit(settling(hold, payee, 500n)));
    const back = (micros: bigint) =>
      transferring(payer, HOUSE_ACCOUNTS.bought, micros, "dispute", String(micros));
    assert.deepEqual(await ledger.commit(back(501n)), {
      ok: false,
      refusal: { code: "insufficient_funds", accountId: payer },
    });
    requireOk(await ledger.commit(back(500n)));
  },
);

onEachHost("hiring oneself moves only the fee, and is in the books", async (t, database) => {
  const ledger = openLedger(t, database);
  const [payer = ""] = await openWallets(database, ledger, 1, 1_000n);
  const budget = await openBudget(ledger, 1_000n);
  const hold = holdOf(payer, freshId(), [budget.id]);
  requireOk(await ledger.commit(opening(hold, 1_000n)));
  requireOk(await ledger.commit(settling(hold, payer, 1_000n)));
  assert.equal(await ledger.availableMicros(payer), 950n);
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
});

onEachHost(
  "a batch is done once, and a number that has passed is not done at all",
  async (t, database) => {
    const ledger = openLedger(t, database);
    const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 1_000n);
    const send = (number: number, ...commands: Command[]) =>
      commitCommands(database, {
        ...{ writerId: payer, number, at: new Date(0), commands, isCareful: false, rows: [] },
      });
    const tip = transferring(payer, payee, 10n, "tip", "one");
    const poor = transferring(payer, payee, 5_000n, "tip", "two");
    const first = await send(1, tip, poor);
    assert.deepEqual(first, [
      { ok: true, version: 0, isDuplicate: false },
      { ok: false, refusal: { code: "insufficient_funds", accountId: payer } },
    ]);
    assert.deepEqual(await send(1, tip, poor), first, "the answers of the first time");
    requireOk((await send(2, transferring(payer, payee, 10n, "tip", "three")))[0] as never);
    await assert.rejects(send(1, tip, poor), { code: "GH001" });
    assert.equal(await ledger.availableMicros(payer), 980n);
  },
);
