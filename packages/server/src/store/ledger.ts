/** The ledger's rows. Nothing but `commitCommands` changes money or the state of work. */
import { AssertionError } from "node:assert";
import pg from "pg";
import type { AccountKind } from "../domain/account.ts";
import type { Budget } from "../domain/budget.ts";
import type { Command, CommandOutcome, HoldTerms } from "../domain/command.ts";
import { OUTAGE_STATES, type Tx } from "./database.ts";
import { packBatch, readAnswers } from "./ledger-batch.ts";
import { type Row, rowsInStatement } from "./rows.ts";

export interface Batch {
  readonly writerId: string;
  /** Counts up by writer. A number that was done before gives the answers of that time. */
  readonly number: number;
  /** The instant at which all of it happens. */
  readonly at: Date;
  /** No two have a transfer or an idempotency key in common. */
  readonly commands: readonly Command[];
  /** Looks up all transfers: the batch failed because something of it was there. */
  readonly isCareful: boolean;
  /** Written in the same transaction, whatever the commands are answered. */
  readonly rows: readonly Row[];
}

/** As many as `commit_commands` takes. */
const PARAMETER_COUNT = 44;
const PARAMETERS = Array.from({ length: PARAMETER_COUNT }, (_, index) => `$${index + 1}`).join(
  ", ",
);

/** Does a batch, at most once, and answers each command. */
export async function commitCommands(
  tx: Tx,
  { writerId, number, at, commands, isCareful, rows }: Batch,
): Promise<CommandOutcome[]> {
  const packed = packBatch(commands, isCareful);
  const { head, tail, parameters } = rowsInStatement(rows, PARAMETER_COUNT);
  const [row] = await tx.query<{ answers: string }>(
    `${head}select commit_commands(${PARAMETERS}) as answers${tail}`,
    [writerId, number, at, ...packed.parameters, ...parameters],
  );
  return readAnswers(row?.answers ?? "", packed);
}

/**
 * What an error of `commitCommands` says about its batch.
 *
 *   refused    it was not done, and fails again unless it changes
 *   collision  it was not done because of somebody else, and may succeed now
 *   unknown    the database went away, and it may have been done
 */
export function failureOf(error: unknown): "refused" | "collision" | "unknown" {
  if (error instanceof pg.DatabaseError) {
    if (COLLISIONS.has(error.code)) return "collision";
    return OUTAGE_STATES.test(error.code ?? "") ? "unknown" : "refused";
  }
  // What is neither the database's nor a bug here is the driver's: it lost its connection, or got none.
  return error instanceof AssertionError || error instanceof TypeError ? "refused" : "unknown";
}

/** Serialisation failure, deadlock, lock not available, cancelled, and a row that another just wrote. */
const COLLISIONS: ReadonlySet<unknown> = new Set(["40001", "40P01", "55P03", "57014", "23505"]);

/** Opens an account with nothing in it; it may be there already. */
export async function insertAccount(
  tx: Tx,
  account: { readonly id: string; readonly kind: AccountKind; readonly createdAt: Date },
): Promise<void> {
  await tx.query(
    `insert into accounts(id, kind, created_at) values ($1, $2, $3) on conflict (id) do nothing`,
    [account.id, account.kind, account.createdAt],
  );
}

/** Makes the rows of budgets that are not there yet. Sorted, so that two processes cannot deadlock. */
export async function insertBudgets(tx: Tx, budgets: readonly Budget[]): Promise<void> {
  const sorted = [...budgets].sort((a, b) => (a.id < b.id ? -1 : 1));
  await tx.query(
    `insert into budgets(id, scope, owner_id, window_start, limit_micros)
     select u.id, u.scope, u.owner, u.start, u.lim
       from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
            u(id, scope, owner, start, lim)
     on conflict (id) do nothing`,
    [
      sorted.map(({ id }) => id),
      sorted.map(({ scope }) => scope),
      sorted.map(({ ownerId }) => ownerId),
      sorted.map(({ windowStart }) => windowStart),
      sorted.map(({ limitMicros }) => limitMicros),
    ],
  );
}

/** What an account has and has not promised, in micros; 0 where there is no such account. */
export async function findAvailableMicros(tx: Tx, accountId: string): Promise<bigint> {
  const rows = await tx.query<{ available: bigint }>(
    "select posted_micros - held_micros as available from accounts where id = $1",
    [accountId],
  );
  return rows[0]?.available ?? 0n;
}

/** A work's holds, as they were frozen, with what is left of each. */
export async function listHolds(tx: Tx, workId: string): Promise<Hold[]> {
  const rows = await tx.query<HoldRow>(
    `select work_id, id, account_id, amount_micros, captured_micros, fee_basis_points, budget_ids,
            deadline_at, closed_at
       from holds where work_id = $1 order by id`,
    [workId],
  );
  return rows.map(toHold);
}

export interface Hold {
  readonly terms: HoldTerms;
  readonly amountMicros: bigint;
  readonly capturedMicros: bigint;
  readonly closedAt: Date | undefined;
}

interface HoldRow {
  work_id: string;
  id: string;
  account_id: string;
  amount_micros: bigint;
  captured_micros: bigint;
  fee_basis_points: number;
  budget_ids: string;
  deadline_at: Date | null;
  closed_at: Date | null;
}

function toHold(row: HoldRow): Hold {
  return {
    terms: {
      id: row.id,
      workId: row.work_id,
      accountId: row.account_id,
      feeBasisPoints: row.fee_basis_points,
      budgetIds: row.budget_ids === "" ? [] : row.budget_ids.split(" "),
      deadlineAt: row.deadline_at ?? undefined,
    },
    amountMicros: row.amount_micros,
    capturedMicros: row.captured_micros,
    closedAt: row.closed_at ?? undefined,
  };
}
