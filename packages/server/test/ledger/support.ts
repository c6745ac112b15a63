/** Accounts with money, and commands as the run engine makes them. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { budgetId, createLedger, type Ledger, type LedgerOptions } from "../../src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Budget, BudgetScope } from "../../src/domain/budget.ts";
import type { Command, CommandOutcome, HoldTerms } from "../../src/domain/command.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom as random } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";
import { type Row, rowOf } from "../../src/store/rows.ts";
import { RESULT_ROWS } from "../../src/store/run-rows.ts";

export const DEADLINE = new Date(1_900_000_000_000);

export function freshId(): string {
  return newId(clock, random);
}

/** A ledger that is closed after the test. */
export function openLedger(
  t: TestContext,
  database: Database,
  options: Partial<LedgerOptions> = {},
): Ledger {
  const ledger = createLedger({ database, clock, random, log: createLog("silent"), ...options });
  t.after(() => ledger.close());
  return ledger;
}

/** Workspaces with wallets and this much in each. */
export async function openWallets(
  database: Database,
  ledger: Ledger,
  count: number,
  micros: bigint,
): Promise<string[]> {
  const wallets = Array.from({ length: count }, freshId);
  const at = clock.now();
  await database.query(
    `insert into workspaces(id, name, created_at)
     select u.id, 'a workspace', $2 from unnest($1::text[]) u(id)`,
    [wallets, at],
  );
  await database.query(
    `insert into accounts(id, kind, created_at)
     select u.id, 'wallet', $2 from unnest($1::text[]) u(id)`,
    [wallets, at],
  );
  const funded = await Promise.all(
    wallets.map((id) => ledger.commit(transferring(HOUSE_ACCOUNTS.grant, id, micros, "grant", id))),
  );
  assert.ok(funded.every(({ ok }) => ok));
  return wallets;
}

export async function openBudget(
  ledger: Ledger,
  limitMicros: bigint,
  scope: BudgetScope = "key_prepaid",
): Promise<Budget> {
  const of = { scope, ownerId: freshId(), windowStart: undefined };
  const budget = { ...of, id: budgetId(of), limitMicros };
  await ledger.ensureBudgets([budget]);
  return budget;
}

export function transferring(
  fromAccountId: string,
  toAccountId: string,
  amountMicros: bigint,
  reference: string,
  name: string,
): Command {
  const step = {
    kind: "transfer",
    fromAccountId,
    toAccountId,
    amountMicros,
    reference,
    name,
  } as const;
  return { keyId: undefined, work: undefined, steps: [step] };
}

export function holdOf(payerId: string, workId: string, budgetIds: readonly string[]): HoldTerms {
  return {
    id: "hold",
    workId,
    accountId: payerId,
    feeBasisPoints: 500,
    budgetIds,
    deadlineAt: DEADLINE,
  };
}

/** Opens a run with its price held. */
export function opening(hold: HoldTerms, amountMicros: bigint, idempotencyKey?: string): Command {
  return {
    keyId: undefined,
    work: {
      ...{ id: hold.workId, shape: "run", processId: undefined, attempt: 1 },
      ...{ expectedVersion: 0, state: "running", deadlineAt: DEADLINE },
      opening: {
        workspaceId: hold.accountId,
        operation: "test",
        idempotencyKey,
        requestHash: idempotencyKey,
      },
    },
    steps: [{ kind: "open-hold", hold, amountMicros }],
  };
}

/** Ends a run: the provider is paid, and the rest of the hold is free again. */
export function settling(hold: HoldTerms, toAccountId: string, amountMicros: bigint): Command {
  return {
    keyId: undefined,
    work: {
      ...{ id: hold.workId, shape: "run", processId: undefined, attempt: 1 },
      ...{ expectedVersion: 1, state: "succeeded", deadlineAt: undefined },
    },
    steps: [
      {
        kind: "capture-hold",
        hold,
        amountMicros,
        toAccountId,
        feeAccountId: HOUSE_ACCOUNTS.fees,
        name: "payment",
      },
      { kind: "close-hold", hold },
    ],
  };
}

/** How a run ended, to be written with the command that ends it. */
export function resultRow(workId: string, output = "{}"): Row {
  return rowOf(RESULT_ROWS, {
    ...{ runId: workId, attempt: 1, isSuccess: true, output, evidence: undefined },
    ...{ errorCode: undefined, errorMessage: undefined, charge: undefined },
    finishedAt: new Date(0),
  });
}

export function requireOk(outcome: CommandOutcome): void {
  assert.ok(outcome.ok, JSON.stringify(outcome));
}

/** A digest of every row that a command may change. */
export async function digestOf(database: Database): Promise<string> {
  const rows = await database.query<{ digest: string }>(
    `select md5(string_agg(t.row, ' ' order by t.row)) as digest from (
       select w::text as row from work w union all select a::text from accounts a
       union all select b::text from budgets b union all select h::text from holds h
       union all select t::text from transfers t) t`,
  );
  return rows[0]?.digest ?? "";
}
