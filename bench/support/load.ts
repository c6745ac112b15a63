/** Callers that each ask again as soon as they have their answer, and what that measured. */
import { middle, quantile } from "./figures.ts";

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many were answered. */
  readonly count: number;
}

/** So many callers at once for so many seconds. Throws what the first call that fails does. */
export async function load(
  callers: number,
  seconds: number,
  call: (caller: number) => Promise<void>,
): Promise<Measured> {
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const ms: number[] = [];
  const loop = async (_: unknown, caller: number) => {
    while (performance.now() < untilMs) {
      const calledMs = performance.now();
      await call(caller);
      ms.push(performance.now() - calledMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const elapsed = (performance.now() - startedMs) / 1000;
  ms.sort((a, b) => a - b);
  return {
    perSecond: ms.length / elapsed,
    p50Ms: quantile(ms, 0.5),
    p99Ms: quantile(ms, 0.99),
    count: ms.length,
  };
}

/** The round in the middle, by its rate. Throws where there was none. */
export function medianRound(rounds: readonly Measured[]): Measured {
  return middle(rounds.toSorted((a, b) => a.perSecond - b.perSecond));
}
