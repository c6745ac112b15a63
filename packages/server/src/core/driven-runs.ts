import type { Run } from "../domain/run.ts";

/** Runs that this process drives, by id; and how many of each agent. */
export class DrivenRuns extends Map<string, Run> {
  readonly #counts = new Map<string, number>();

  /** Runs of an agent. */
  countOf(agentId: string): number {
    return this.#counts.get(agentId) ?? 0;
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
