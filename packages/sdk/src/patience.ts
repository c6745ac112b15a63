/** Outlasting a server that restarts, or has too much to do for a moment. */
import { setTimeout as delay } from "node:timers/promises";
import { RequestError } from "./errors.ts";

const WAIT_MS_MIN = 250;
const WAIT_MS_MAX = 2_000;
/** A server that is not back by then is not restarting. */
const PATIENCE_MS = 60_000;
/** No answer, too many requests, or a server that is away. */
const PASSING: ReadonlySet<number> = new Set([0, 429, 502, 503, 504]);

/** Whether the same request may succeed in a moment. */
export function mayPass(error: unknown): boolean {
  return error instanceof RequestError && isPassing(error.status);
}

/** Whether an HTTP status says so. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/**
 * Tries again for a minute, each time after a longer wait or the one that the server asks for, as long
 * as what goes wrong `mayPass` and the signal has not fired. Rejects with what went wrong last.
 */
export async function patiently<Result>(
  attempt: () => Promise<Result>,
  signal: AbortSignal,
  passes: (error: unknown) => boolean = mayPass,
): Promise<Result> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (let waitMs = WAIT_MS_MIN; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || performance.now() > untilMs || !passes(error)) throw error;
      const askedMs = error instanceof RequestError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
      await delay(Math.max(waitMs, askedMs), undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
}
