/**
 * Checks the books, while they are being written.
 *
 *   1. Transfers are added up, in slices of about a tenth of a second, from where the last check ended.
 *      They are immutable, so what was added stays added; a full check forgets it and begins anew.
 *   2. Each hold that a slice names must have captured exactly its transfers.
 *   3. Each account and budget, in slices of one snapshot each, must say what these sums, the transfers
 *      since, and the open holds of live work say.
 *   4. Live work has its hold, a broadcast its seats and slots what was promised, an open hold its live
 *      work, and all accounts together come to nothing.
 */
import {
  addTransfers,
  countBooks,
  type Drift,
  type DriftSlice,
  findAccountDrift,
  findBudgetDrift,
  findCaptureDrift,
  findHoldsWithoutWork,
  forgetBooks,
  listWorkWithoutHold,
  lockBooks,
} from "../store/books.ts";
import { listBroadcastProblems } from "../store/broadcast-books.ts";
import type { Database, Tx } from "../store/database.ts";
import { settledSeq } from "./settled-seq.ts";

export interface Verdict {
  readonly ok: boolean;
  readonly accounts: number;
  readonly transfers: number;
  readonly holds: number;
  /** What rows say too much and too little, added up. */
  readonly driftMicros: bigint;
  /** In words, the first hundred. */
  readonly problems: readonly string[];
}

export interface Books {
  /** With `isFull`, from the first transfer on, and every hold that there ever was. */
  verify(options?: { readonly isFull?: boolean }): Promise<Verdict>;
}

/** About a tenth of a second's work for the embedded host, which serves nobody else meanwhile. */
const TRANSFERS_A_SLICE = 5_000n;
const ROWS_A_SLICE = 5_000;
const PROBLEMS_MAX = 100;

export function createBooks({ database }: { readonly database: Database }): Books {
  return {
    async verify({ isFull = false } = {}) {
      if (isFull) await database.transaction(forgetBooks);
      const drift = await readTransfers(database);
      drift.push(...(await inSlices(findAccountDrift, database)));
      drift.push(...(await inSlices(findBudgetDrift, database)));
      const problems = drift.map(inWords);
      const unheld = await listWorkWithoutHold(database);
      problems.push(...unheld.map((id) => `work ${id} is live and has no open hold`));
      problems.push(...(await listBroadcastProblems(database)));
      if (isFull) problems.push(...(await orphanHolds(database)));
      const { accounts, transfers, holds, sumMicros } = await countBooks(database);
      if (sumMicros !== 0n)
        problems.push(`all accounts together come to ${sumMicros} micros, not 0`);
      return {
        ok: problems.length === 0,
        accounts,
        transfers: Number(transfers),
        holds,
        driftMicros: drift.reduce((sum, { isMicros, shouldBeMicros }) => {
          const difference = isMicros - shouldBeMicros;
          return sum + (difference < 0n ? -difference : difference);
        }, 0n),
        problems: problems.slice(0, PROBLEMS_MAX),
      };
    },
  };
}

/** Steps 1 and 2. */
async function readTransfers(database: Database): Promise<Drift[]> {
  const horizon = await settledSeq(database);
  const drift: Drift[] = [];
  for (;;) {
    const from = await database.transaction(async (tx) => {
      const checked = await lockBooks(tx);
      if (checked < horizon) await addTransfers(tx, checked, endOf(checked, horizon));
      return checked;
    });
    if (from >= horizon) return drift;
    drift.push(...(await findCaptureDrift(database, from, endOf(from, horizon))));
  }
}

function endOf(from: bigint, horizon: bigint): bigint {
  const until = from + TRANSFERS_A_SLICE;
  return until < horizon ? until : horizon;
}

/** Step 3. */
async function inSlices(
  find: (tx: Tx, afterId: string, limit: number) => Promise<DriftSlice>,
  database: Database,
): Promise<Drift[]> {
  const drift: Drift[] = [];
  let afterId: string | undefined = "";
  while (afterId !== undefined) {
    const slice: DriftSlice = await find(database, afterId, ROWS_A_SLICE);
    drift.push(...slice.drift);
    afterId = slice.lastId;
  }
  return drift;
}

async function orphanHolds(database: Database): Promise<string[]> {
  const problems: string[] = [];
  let after: { workId: string; id: string } | undefined = { workId: "", id: "" };
  while (after) {
    const slice = await findHoldsWithoutWork(database, after, ROWS_A_SLICE);
    problems.push(...slice.ids.map((id) => `hold ${id} is open and its work is over`));
    after = slice.last;
  }
  return problems;
}

function inWords({ kind, id, field, isMicros, shouldBeMicros }: Drift): string {
  return `${kind} ${id}: ${field} is ${isMicros} micros and should be ${shouldBeMicros}`;
}
