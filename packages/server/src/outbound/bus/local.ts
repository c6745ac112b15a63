import type { Bus, BusMessage } from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";

/** A message is a hint. What is larger travels through the database, by reference. */
export const MESSAGE_BYTES_MAX = 64 * 1024;

/** Messages since the process started. Lost ones are made good by whoever waits, from the database. */
export interface BusCounts {
  published: number;
  received: number;
  dropped: number;
}

export interface CountingBus extends Bus {
  readonly counts: Readonly<BusCounts>;
}

/** A bus inside one process: what is published is heard soon, but never before `publish` returns. */
export class LocalBus implements CountingBus {
  readonly reachesOthers = false;
  readonly counts: BusCounts = { published: 0, received: 0, dropped: 0 };
  readonly #log: Log;
  readonly #listeners = new Map<string, Set<(message: BusMessage) => void>>();
  #isClosed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says whether the message goes out; a dropped one is counted and logged. */
  publish(subject: string, message: BusMessage): boolean {
    const size = Buffer.byteLength(JSON.stringify(message));
    if (this.#isClosed || size > MESSAGE_BYTES_MAX) {
      this.counts.dropped += 1;
      this.#log.warn({ subject, size }, "a message on the bus was dropped: too large, or too late");
      return false;
    }
    this.counts.published += 1;
    queueMicrotask(() => this.deliver(subject, message));
    return true;
  }

  subscribe(subject: string, listener: (message: BusMessage) => void): () => void {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(subject) === listeners) {
        this.#listeners.delete(subject);
      }
    };
  }

  /** Hands a message to this process's listeners, wherever it came from. */
  deliver(subject: string, message: BusMessage): void {
    for (const listener of [...(this.#listeners.get(subject) ?? [])]) {
      this.counts.received += 1;
      try {
        listener(message);
      } catch (error) {
        this.#log.error({ error, subject }, "a listener on the bus failed");
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
  }
}
