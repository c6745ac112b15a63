/**
 * Those who wait for work to end.
 *
 *   1. Whoever settles work in this process tells its waiters directly.
 *   2. Another process says so on the bus, which may lose the message.
 *   3. So once a second all that is waited for is looked up in the database, in one query.
 *   4. Whoever still waits when the process stops is told so: the work goes on, elsewhere.
 */
import type { Run } from "../domain/run.ts";
import type { Log } from "../lib/log.ts";
import type { ResultRecord } from "../store/run.ts";
import type { Bus } from "./ports.ts";

/** How work ended, where this process knows because it ended it: nobody has to read it again. */
export interface Ended {
  readonly run: Run;
  readonly result: ResultRecord;
}

/** What became of waiting; `stopped` says that the process stops, and nothing of the work. */
export type Waited = Ended | "ended" | "timed-out" | "stopped";

export interface Waiters {
  /** Resolves once the work has ended, with how if that is known here, or when `untilMs` have passed. */
  wait(workId: string, untilMs: number): Promise<Waited>;
  /** The work has ended, by this process's own doing. */
  ended(workId: string, ended: Ended): void;
  readonly waiting: number;
  stop(): void;
}

const SUBJECT = "work.ended";
const POLL_MS = 1_000;
/** Ids a query: a longer list is asked in turns. */
const POLL_IDS_MAX = 1_000;

export function createWaiters(deps: {
  readonly bus: Bus;
  readonly log: Log;
  /** Which of these have ended, by the database. */
  readonly listEnded: (workIds: readonly string[]) => Promise<string[]>;
}): Waiters {
  const waiting = new Map<string, Set<(waited: Waited) => void>>();
  let isPolling = false;
  let isStopped = false;

  const wake = (workId: string, waited: Waited): void => {
    const wakes = waiting.get(workId);
    waiting.delete(workId);
    for (const wakeOne of wakes ?? []) wakeOne(waited);
  };

  async function poll(): Promise<void> {
    if (isPolling || waiting.size === 0) return;
    isPolling = true;
    try {
      const ids = [...waiting.keys()];
      for (let first = 0; first < ids.length; first += POLL_IDS_MAX) {
        const ended = await deps.listEnded(ids.slice(first, first + POLL_IDS_MAX));
        for (const id of ended) wake(id, "ended");
      }
    } catch (error) {
      deps.log.warn({ error }, "could not look up what is waited for; trying again");
    } finally {
      isPolling = false;
    }
  }

  const unsubscribe = deps.bus.subscribe(SUBJECT, ({ id }) => wake(String(id), "ended"));
  const timer = setInterval(() => void poll(), POLL_MS);
  timer.unref();

  return {
    wait(workId, untilMs) {
      if (isStopped) return Promise.resolve("stopped");
      return new Promise((resolve) => {
        const wakes = waiting.get(workId) ?? new Set();
        waiting.set(workId, wakes);
        const timeout = setTimeout(() => {
          wakes.delete(wakeOne);
          if (wakes.size === 0 && waiting.get(workId) === wakes) waiting.delete(workId);
          resolve("timed-out");
        }, untilMs);
        const wakeOne = (waited: Waited): void => {
          clearTimeout(timeout);
          resolve(waited);
        };
        wakes.add(wakeOne);
      });
    },
    ended(workId, ended) {
      wake(workId, ended);
      deps.bus.publish(SUBJECT, { id: workId });
    },
    get waiting() {
      return waiting.size;
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
      unsubscribe();
      for (const workId of [...waiting.keys()]) wake(workId, "stopped");
    },
  };
}
