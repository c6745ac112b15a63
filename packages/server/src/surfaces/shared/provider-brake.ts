import { LIMITS } from "@guildhall/protocol";
import type { ProviderSays, RunOffer } from "../../core/index.ts";

/**
 * Keeps a provider that is told nothing of credit within what the hub takes: once one of its runs has
 * used up the room that it has, nothing more is read from its connection until there is room again.
 *
 * What had come in by then is held here: no more than the socket's own buffer, since that is not read.
 */
export class Brake {
  readonly #isNeeded: boolean;
  /** How far the chunks of each run may come. */
  readonly #rooms = new Map<string, number>();
  readonly #full = new Set<string>();
  readonly #held: string[] = [];

  constructor(isNeeded: boolean) {
    this.#isNeeded = isNeeded;
  }

  /** Whether nothing is to be read. */
  get isOn(): boolean {
    return this.#full.size > 0;
  }

  /** Holds a message that came in nevertheless. */
  hold(message: string): void {
    this.#held.push(message);
  }

  /** The next message that was held, while there is room. */
  next(): string | undefined {
    return this.isOn ? undefined : this.#held.shift();
  }

  offered({ runId, chunksTaken = 0 }: RunOffer): void {
    if (this.#isNeeded) this.#rooms.set(runId, chunksTaken + LIMITS.chunkCreditsDefault);
  }

  /** `true` when what was said used up the last room of its run. */
  sent(says: ProviderSays): boolean {
    if (says.kind !== "chunk") return false;
    const room = this.#rooms.get(says.runId);
    if (room === undefined || says.seq + 1 < room) return false;
    this.#full.add(says.runId);
    return true;
  }

  /** There is room up to `until`. `true` when that was what was waited for. */
  granted(runId: string, until: number): boolean {
    if (this.#rooms.has(runId)) this.#rooms.set(runId, until);
    return this.#full.delete(runId);
  }

  /** Nothing more is to come of this run. `true` when it was waited for. */
  ended(runId: string): boolean {
    this.#rooms.delete(runId);
    return this.#full.delete(runId);
  }
}
