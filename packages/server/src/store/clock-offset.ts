import { type Clock, monotonicMs } from "../lib/clock.ts";
import type { Database } from "./database.ts";

/** Of a few questions, the one that was answered fastest says it best. */
const QUESTIONS = 5;
/** A machine whose clock is further off is not well: nobody keeps it, and it may jump. */
export const CLOCK_OFFSET_MS_MAX = 2_000;

/** How many milliseconds a clock is ahead of the database's (negative: behind), and how far off that may be. */
export interface ClockOffset {
  readonly offsetMs: number;
  /** Half of the fastest round trip. */
  readonly errorMs: number;
}

export async function measureClockOffset(database: Database, clock: Clock): Promise<ClockOffset> {
  let best = { tookMs: Number.POSITIVE_INFINITY, offsetMs: 0 };
  for (let question = 0; question < QUESTIONS; question++) {
    const askedAt = clock.now().getTime();
    const startedAt = monotonicMs();
    const [row] = await database.query<{ at: Date }>("select clock_timestamp() as at");
    const tookMs = monotonicMs() - startedAt;
    if (!row) throw new Error("the database did not say what time it is");
    if (tookMs < best.tookMs) {
      best = { tookMs, offsetMs: askedAt + tookMs / 2 - row.at.getTime() };
    }
  }
  return { offsetMs: Math.round(best.offsetMs), errorMs: best.tookMs / 2 };
}
