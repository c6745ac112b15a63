/**
 * What time alone does to broadcasts. It only applies events; it never touches a hold by itself.
 *
 *   1. A slot past its deadline expires; one that nobody judged in time is approved.
 *   2. A broadcast past its deadline gives no seats any more.
 *   3. A broadcast that a crash left in the middle of closing is brought on.
 *   4. Rows of requests that were refused are removed.
 */
import {
  deleteUnopenedBroadcasts,
  listBroadcastsToAdvance,
  listOverdueBroadcasts,
} from "../store/broadcast.ts";
import { deleteUnopenedSlots, listOverdueSlots } from "../store/slot.ts";
import { advanceBroadcast, endSlot } from "./broadcast-closing.ts";
import type { BroadcastContext } from "./broadcast-context.ts";
import { createSweeper, type Sweeper } from "./sweeping.ts";

/** Rows a sweep and kind: more are left to the next one. */
const ROWS_MAX = 500;
const UNOPENED_AGE_MS = 3_600_000;
const UNOPENED_SWEEP_MS = 60_000;

export function createBroadcastSweeper(context: BroadcastContext): Sweeper {
  const { database, clock, log } = context;
  let unopenedSweptAt = 0;

  async function sweepOnce(): Promise<void> {
    const now = clock.now();
    for (const slot of await listOverdueSlots(database, now, ROWS_MAX)) {
      const move = { event: "expire", keyId: undefined, decider: "time" } as const;
      await attempt(slot.id, () => endSlot(context, slot, move));
    }
    const due = [
      ...(await listOverdueBroadcasts(database, now, ROWS_MAX)),
      ...(await listBroadcastsToAdvance(database, ROWS_MAX)),
    ];
    for (const id of new Set(due.map((broadcast) => broadcast.id))) {
      await attempt(id, () => advanceBroadcast(context, id));
    }
    if (now.getTime() - unopenedSweptAt < UNOPENED_SWEEP_MS) return;
    unopenedSweptAt = now.getTime();
    const before = new Date(now.getTime() - UNOPENED_AGE_MS);
    await deleteUnopenedBroadcasts(database, before);
    await deleteUnopenedSlots(database, before);
  }

  /** One broadcast's trouble does not keep the others waiting. */
  async function attempt(workId: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ error, workId }, "sweeping a broadcast failed; trying again");
    }
  }

  const shapes = ["broadcast", "slot"] as const;
  return createSweeper({ database, log, what: "broadcasts", shapes, sweepOnce });
}
