/**
 * A thousand at once on a budget for fifty are fifty, whatever the budget limits; and where room comes
 * back while they ask, exactly as many as the budget can pay for.
 */
import assert from "node:assert/strict";
import { createBooks } from "../../src/core/books.ts";
import type { Ledger } from "../../src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Budget, BudgetScope } from "../../src/domain/budget.ts";
import type { Refusal } from "../../src/domain/command.ts";
import type { Database } from "../../src/store/database.ts";
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
const CALLERS = 1_000;
const ADMITTED = 50;
const PRICE_MICROS = 700n;
/** Fifty, and all but one micro of a fifty-first. */
const LIMIT_MICROS = BigInt(ADMITTED + 1) * PRICE_MICROS - 1n;
const CAPTURED_MICROS = 300n;
/** Each returns what it did not need, so the last is admitted when less than a price was left before. */
const PAID_FOR = (LIMIT_MICROS - PRICE_MICROS) / CAPTURED_MICROS + 1n;

onEachHost("money for fifty", async (t, database) => {
  const ledger = openLedger(t, database);
  const [rich = "", poor = "", payee = ""] = await openWallets(database, ledger, 3, LIMIT_MICROS);
  requireOk(
    await ledger.commit(transferring(HOUSE_ACCOUNTS.grant, rich, 10n ** 12n, "grant", "rich")),
  );
  for (const scope of SCOPES) {
    await t.test(`a thousand at once are fifty: ${scope}`, async () => {
      const { id: budgetId } = await openBudget(ledger, LIMIT_MICROS, scope);
      await admitFifty(ledger, rich, [budgetId], { code: "budget_exceeded", budgetId });
      const held = BigInt(ADMITTED) * PRICE_MICROS;
      assert.deepEqual(await readBudget(database, budgetId), { held, spent: 0n, works: 50n });
    });
  }
  await t.test("a thousand at once are fifty: wallet", async () => {
    await admitFifty(ledger, poor, [], { code: "insufficient_funds", accountId: poor });
    assert.equal(await ledger.availableMicros(poor), PRICE_MICROS - 1n);
  });
  await t.test("room that comes back is given out again, and once", async () => {
    const budgets = await Promise.all(SCOPES.map((each) => openBudget(ledger, LIMIT_MICROS, each)));
    await spendAll(database, budgets, (budget) => hireUnder(ledger, budget, rich, payee));
  });
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
});

async function admitFifty(
  ledger: Ledger,
  payer: string,
  budgetIds: readonly string[],
  refusal: Refusal,
): Promise<void> {
  const outcomes = await Promise.all(
    Array.from({ length: CALLERS }, () =>
      ledger.commit(opening(holdOf(payer, freshId(), budgetIds), PRICE_MICROS)),
    ),
  );
  const refused = outcomes.filter(({ ok }) => !ok);
  assert.equal(outcomes.length - refused.length, ADMITTED);
  for (const outcome of refused) assert.deepEqual(outcome, { ok: false, refusal });
}

/** A thousand callers at a time, and a thousand questions a budget. */
async function spendAll(
  database: Database,
  budgets: readonly Budget[],
  hire: (budget: Budget) => Promise<boolean>,
): Promise<void> {
  const admitted = new Map(budgets.map(({ id }) => [id, 0]));
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const budget = budgets[caller % budgets.length] as Budget;
    for (let attempt = 0; attempt < budgets.length; attempt++) {
      if (await hire(budget)) admitted.set(budget.id, (admitted.get(budget.id) ?? 0) + 1);
    }
  });
  const isOver = Promise.all(callers).then(() => true);
  while (!(await Promise.race([isOver, findOvershot(database)])));
  for (const budget of budgets) {
    let count = admitted.get(budget.id) ?? 0;
    assert.ok(count > ADMITTED, `${budget.scope}: no room came back while they asked`);
    while (await hire(budget)) count++;
    assert.equal(count, Number(PAID_FOR), budget.scope);
    const expected = { held: 0n, spent: PAID_FOR * CAPTURED_MICROS, works: PAID_FOR };
    assert.deepEqual(await readBudget(database, budget.id), expected, budget.scope);
  }
}

/** Whether there was room for one more, which then needed less than it had asked for. */
async function hireUnder(
  ledger: Ledger,
  { id: budgetId }: Budget,
  payer: string,
  payee: string,
): Promise<boolean> {
  const hold = holdOf(payer, freshId(), [budgetId]);
  const outcome = await ledger.commit(opening(hold, PRICE_MICROS));
  if (outcome.ok) {
    requireOk(await ledger.commit(settling(hold, payee, CAPTURED_MICROS)));
    return true;
  }
  assert.deepEqual(outcome.refusal, { code: "budget_exceeded", budgetId });
  return false;
}

/** Fails where a budget is beyond its limit at this moment; never true. */
async function findOvershot(database: Database): Promise<false> {
  const rows = await database.query(
    "select * from budgets where held_micros + spent_micros > limit_micros",
  );
  assert.deepEqual(rows, []);
  return false;
}

async function readBudget(database: Database, budgetId: string): Promise<unknown> {
  const [row] = await database.query(
    `select b.held_micros as held, b.spent_micros as spent,
            (select count(*) from holds h join work w on w.id = h.work_id
              where h.budget_ids = b.id) as works
       from budgets b where b.id = $1`,
    [budgetId],
  );
  return row;
}
