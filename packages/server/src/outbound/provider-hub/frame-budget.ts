import type { Clock } from "../../lib/clock.ts";

/**
 * How many frames a connection may still send. It fills with time. What the server asked for is given
 * back, so an honest provider is never short of it, however hard it works.
 */
export class FrameBudget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #left: number;
  #filledAtMs: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#left = burst;
    this.#filledAtMs = clock.now().getTime();
  }

  /** Takes one; `false` when there is none left. */
  take(): boolean {
    const nowMs = this.#clock.now().getTime();
    const filled = (Math.max(0, nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#filledAtMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + filled);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** The frame that was taken for was an answer to something that the server said. */
  giveBack(): void {
    this.#left += 1;
  }
}
