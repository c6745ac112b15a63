import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { monotonicMs } from "../lib/clock.ts";
import type { Database } from "../store/database.ts";
import { drawTransaction, findLastSeq, findOldestTransaction } from "../store/origin.ts";

const POLL_MS = 5;
/** Transactions are short here; one that takes this long is stuck, or somebody else's. */
const SETTLE_MS_MAX = 10_000;

/**
 * A number up to which every transfer that there will ever be is visible. Numbers are drawn in order,
 * and rows become visible out of it: so the last number is read first, and then every transaction of
 * that time is waited for. Throws `overloaded` where that takes too long.
 */
export async function settledSeq(database: Database): Promise<bigint> {
  // In this order: whoever drew a transfer's number until now had a transaction's number before.
  const last = await findLastSeq(database);
  const drawn = await drawTransaction(database);
  const startedMs = monotonicMs();
  for (;;) {
    if ((await findOldestTransaction(database)) > drawn) return last;
    if (monotonicMs() - startedMs > SETTLE_MS_MAX) {
      throw new Fault("overloaded", "The books are busy; try again.", { retryAfterSeconds: 5 });
    }
    await delay(POLL_MS);
  }
}
