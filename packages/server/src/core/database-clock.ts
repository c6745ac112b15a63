/**
 * The time as all processes on one database have it.
 *
 * Deadlines, leases and days are decided by whichever process comes to them, so processes whose clocks differ
 * would cut each other's deadlines short and take each other for dead. What this machine's clock is off the
 * database's is measured at the start and each minute, and taken off whatever it says.
 */
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { CLOCK_OFFSET_MS_MAX, measureClockOffset } from "../store/clock-offset.ts";
import type { Database } from "../store/database.ts";

export interface DatabaseClock extends Clock {
  /** What is wrong with this machine's own clock, in words for an operator. */
  problem(): string | undefined;
  stop(): void;
}

const CHECK_MS = 60_000;
/** Machines whose clocks are kept differ by less, and what is measured is no better where the database is slow. */
const SLACK_MS = 100;

/** Resolves once the clocks were compared, or could not be. */
export async function startDatabaseClock(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<DatabaseClock> {
  const { database, clock, log } = deps;
  let problem: string | undefined = "the clock was not compared yet";
  let aheadMs = 0;
  let isStopped = false;

  async function compare(): Promise<void> {
    try {
      const { offsetMs, errorMs } = await measureClockOffset(database, clock);
      const isFine = Math.abs(offsetMs) <= CLOCK_OFFSET_MS_MAX;
      problem = isFine ? undefined : `this clock is ${offsetMs} ms off the database's`;
      if (problem) log.error({ offsetMs }, problem);
      // One that was measured badly is no better than the one before.
      if (errorMs <= SLACK_MS) aheadMs = Math.abs(offsetMs) <= SLACK_MS ? 0 : offsetMs;
    } catch (error) {
      // A database that was closed under the question is no news.
      if (isStopped) return;
      problem = "the database does not answer";
      log.warn({ error }, problem);
    }
  }

  await compare();
  const timer = setInterval(() => void compare(), CHECK_MS);
  return {
    now: () => new Date(clock.now().getTime() - aheadMs),
    problem: () => problem,
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
