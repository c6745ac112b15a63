import type { Clock } from "../../src/lib/clock.ts";

/** A clock that stands still until it is told to move. */
export class HeldClock implements Clock {
  #nowMs = Date.parse("2026-01-01T00:00:00Z");

  now(): Date {
    return new Date(this.#nowMs);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
