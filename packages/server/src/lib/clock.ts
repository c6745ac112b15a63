/**
 * The only source of time. Everything that asks what time it is is handed a clock, so that a test
 * can hold it still, and SQL is told the time instead of asking for it.
 */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** Milliseconds from an arbitrary start, for measuring how long something took. */
export function monotonicMs(): number {
  return performance.now();
}
