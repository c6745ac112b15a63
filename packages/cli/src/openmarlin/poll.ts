/** Looks at something again and again until it is over. */
import { setTimeout as delay } from "node:timers/promises";
import type { Flags } from "./flags.ts";

/** A server may be asked as often as one likes; a processor has other things to do. */
const INTERVAL_MS_MIN = 20;
/** What a timer can hold. */
const INTERVAL_MS_MAX = 2 ** 31 - 1;

export interface Polled<T> {
  readonly value: T;
  /** Whether it was over in time. */
  readonly isOver: boolean;
}

/**
 * Looks at least once, then every `--interval-seconds` for `--timeout-seconds` altogether.
 * What `look` refuses ends it.
 */
export async function poll<T>(
  flags: Flags,
  look: () => Promise<T>,
  isOver: (value: T) => boolean,
): Promise<Polled<T>> {
  const intervalMs = Math.max(INTERVAL_MS_MIN, flags.number("interval-seconds") * 1000);
  const endMs = performance.now() + flags.number("timeout-seconds") * 1000;
  while (true) {
    const value = await look();
    if (isOver(value)) return { value, isOver: true };
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { value, isOver: false };
    await delay(Math.min(intervalMs, leftMs, INTERVAL_MS_MAX));
  }
}
