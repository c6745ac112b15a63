/**
 * Looks keys up in the database, many a query.
 *
 *   1. Keys that are shown while a query is under way go with the next one (lib/batcher.ts).
 *   2. A key that nobody has is a typing error or an old one, and a few of those are looked up at once.
 *      More of them are a flood. While it lasts, queries leave ten times a second with all that has
 *      come, so that it costs whoever floods time and the database next to nothing.
 *   3. Two hundred who are told no at once would keep everybody else waiting. So they are told one a turn
 *      of the event loop.
 *
 * A caller who is known waits for none of this: who was seen in the last seconds is asked about again
 * before they are over (caller.ts).
 */
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { createBatcher, QueueFull } from "../lib/batcher.ts";
import { monotonicMs } from "../lib/clock.ts";
import { createOneATurn } from "../lib/one-a-turn.ts";
import type { Database } from "../store/database.ts";
import { findKeyHolders, type KeyHolder } from "../store/key.ts";

export interface KeyLookups {
  /** Whose key has this SHA-256; `undefined` where it is nobody's. Throws `overloaded`, `Outage`. */
  find(hash: Buffer): Promise<KeyHolder | undefined>;
  close(): Promise<void>;
}

export const KEY_LOOKUP_LIMITS = {
  keysPerQueryMax: 512,
  waitingMax: 20_000,
  /** Unknown keys that are nothing unusual: so many at once, and so many a second. */
  strangersAtOnce: 20,
  strangersPerSecond: 10,
  /** Beyond them, a query leaves no sooner after the last one. */
  restMs: 100,
} as const;

export function createKeyLookups(
  database: Database,
  observe: (step: "query" | "unknown", count: number) => void,
): KeyLookups {
  const { keysPerQueryMax, waitingMax, restMs } = KEY_LOOKUP_LIMITS;
  const strangers = new Allowance();
  /** Resolves when the next query may leave, where it may not yet. */
  let resting: Promise<void> | undefined;
  let waiting = 0;
  const refusals = createOneATurn<() => void>((refuse) => refuse());

  const queries = createBatcher<Buffer, KeyHolder | undefined>({
    itemsMax: keysPerQueryMax,
    waitingMax,
    async run(hashes) {
      if (strangers.isUsedUp()) rest();
      observe("query", 1);
      const holders = await findKeyHolders(database, hashes);
      const unknown = holders.filter((holder) => holder === undefined).length;
      if (unknown === 0) return holders;
      observe("unknown", unknown);
      strangers.use(unknown);
      if (strangers.isUsedUp()) rest();
      return holders;
    },
  });

  function rest(): void {
    resting ??= delay(restMs).then(() => {
      resting = undefined;
    });
  }

  return {
    async find(hash) {
      if (waiting >= waitingMax) throw tooMany();
      waiting += 1;
      try {
        await resting;
        const holder = await queries.add(hash);
        if (!holder) await new Promise<void>((refuse) => refusals.add(refuse));
        return holder;
      } catch (error) {
        throw error instanceof QueueFull ? tooMany(error) : error;
      } finally {
        waiting -= 1;
      }
    },
    close: () => queries.close(),
  };
}

/** So much at once, and so much again a second. What goes beyond it is remembered, up to as much again. */
class Allowance {
  #left: number = KEY_LOOKUP_LIMITS.strangersAtOnce;
  #atMs = monotonicMs();

  use(count: number): void {
    this.#refill();
    this.#left = Math.max(-KEY_LOOKUP_LIMITS.strangersAtOnce, this.#left - count);
  }

  isUsedUp(): boolean {
    this.#refill();
    return this.#left < 0;
  }

  #refill(): void {
    const nowMs = monotonicMs();
    const { strangersAtOnce, strangersPerSecond } = KEY_LOOKUP_LIMITS;
    const gained = ((nowMs - this.#atMs) / 1_000) * strangersPerSecond;
    this.#left = Math.min(strangersAtOnce, this.#left + gained);
    this.#atMs = nowMs;
  }
}

function tooMany(cause?: unknown): Fault {
  const facts = { retryAfterSeconds: 1 };
  return new Fault("overloaded", "Too many requests are waiting.", facts, { cause });
}
