/**
 * When time's doing is looked for.
 *
 *   1. Once a second there is one look, for all who sweep, at which shapes of work are live.
 *   2. Whoever sweeps a shape that is does so in full; where nothing is live, nothing can be due.
 *   3. Once a minute each sweeps in full all the same: rows that belong to no work are removed.
 *
 * So a server that has nothing to do asks its database next to nothing.
 */
import type { WorkShape } from "../domain/command.ts";
import { monotonicMs } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "../store/database.ts";
import { listLiveShapes } from "../store/work.ts";

export interface Sweeper {
  /** Does all of it once; what fails is logged and tried again the next time. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

interface Sweeping {
  readonly database: Database;
  readonly log: Log;
  /** What is swept, for the log, e.g. `runs`. */
  readonly what: string;
  readonly shapes: readonly WorkShape[];
  sweepOnce(): Promise<void>;
  /** Whether something is due although no work of these shapes is live. */
  isDue?(): Promise<boolean>;
}

const LOOK_MS = 1_000;
const WHATEVER_MS = 60_000;
/** Those who sweep look at about the same time, and one look is enough for them. */
const FRESH_MS = 500;

/** Sweeps from now on, until it is stopped. */
export function createSweeper(sweeping: Sweeping): Sweeper {
  const { log, what } = sweeping;
  let underWay: Promise<void> | undefined;
  let looking: Promise<void> | undefined;
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  async function sweep(): Promise<void> {
    underWay ??= sweeping
      .sweepOnce()
      .catch((error: unknown) => log.error({ error }, `sweeping ${what} failed`))
      .finally(() => {
        underWay = undefined;
      });
    await underWay;
  }

  async function look(): Promise<void> {
    const isOld = monotonicMs() - sweptAtMs >= WHATEVER_MS;
    if (!isOld && !(await mayBeDue(sweeping))) return;
    sweptAtMs = monotonicMs();
    await sweep();
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch((error: unknown) => log.error({ error }, `looking for ${what} to sweep failed`))
      .finally(() => {
        looking = undefined;
      });
  }, LOOK_MS);
  timer.unref();
  return {
    sweep,
    async stop() {
      clearInterval(timer);
      await Promise.all([looking, underWay]);
    },
  };
}

async function mayBeDue({ database, shapes, isDue }: Sweeping): Promise<boolean> {
  const live = await liveShapes(database);
  return shapes.some((shape) => live.has(shape)) || (await isDue?.()) === true;
}

interface Look {
  readonly atMs: number;
  readonly shapes: Promise<ReadonlySet<WorkShape>>;
}

const looks = new WeakMap<Database, Look>();

function liveShapes(database: Database): Promise<ReadonlySet<WorkShape>> {
  const atMs = monotonicMs();
  const last = looks.get(database);
  if (last && atMs - last.atMs < FRESH_MS) return last.shapes;
  const shapes = listLiveShapes(database);
  looks.set(database, { atMs, shapes });
  return shapes;
}
