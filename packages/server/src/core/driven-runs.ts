import { setTimeout as delay } from "node:timers/promises";
import type { Run } from "../domain/run.ts";
import { monotonicMs } from "../lib/clock.ts";

const LOOK_MS = 50;

/** Runs that this process drives, by id; and how many of each agent. */
export class DrivenRuns extends Map<string, Run> {
  readonly #counts = new Map<string, number>();

  /** Runs of an agent. */
  countOf(agentId: string): number {
    return this.#counts.get(agentId) ?? 0;
  }

  /** Resolves once none of them is an answer that is streamed, at the latest after so many milliseconds. */
  async streamed(msMax: number): Promise<void> {
    const untilMs = monotonicMs() + msMax;
    const isAny = () => [...this.values()].some(({ call }) => call?.isStreamed);
    while (isAny() && monotonicMs() < untilMs) await delay(LOOK_MS);
  }

  override set(id: string, run: Run): this {
    if (!this.has(id)) this.#counts.set(run.agentId, this.countOf(run.agentId) + 1);
    return super.set(id, run);
  }

  override delete(id: string): boolean {
    const run = this.get(id);
    if (!run) return false;
    const left = this.countOf(run.agentId) - 1;
    if (left > 0) this.#counts.set(run.agentId, left);
    else this.#counts.delete(run.agentId);
    return super.delete(id);
  }
}
