/**
 * Checks values against JSON Schemas that strangers wrote, on a thread that can be stopped.
 *
 *   1. One job at a time is with the thread, so how long it takes is its own doing.
 *   2. A job that takes too long ends with its thread. The next one gets a new thread.
 *   3. Its schema is then not tried again for a while: one bad schema must not keep the others
 *      waiting again and again.
 *   4. Schemas have owners. Of those who wait, the one whose schemas took the least time lately is
 *      next; and an owner of several that took too long is not tried either for a while. So many bad
 *      schemas of one owner cost the others a few seconds, once.
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { type Clock, monotonicMs } from "../clock.ts";
import { LruMap } from "../lru-map.ts";
import type { Answer, Job } from "./worker.ts";

export type SchemaTroubleReason =
  /** It is no JSON Schema that we can use. */
  | "unusable"
  /** Checking took too long, or too much memory, now or a short time ago. */
  | "too_costly"
  /** More is waiting to be checked than may wait. */
  | "busy";

/** Why nothing can be said about a value. `message` is safe to show. */
export class SchemaTrouble extends Error {
  override readonly name = "SchemaTrouble";
  readonly reason: SchemaTroubleReason;

  constructor(reason: SchemaTroubleReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface JsonSchemaValidator {
  /** Whether the owner's schema can be used. @throws {SchemaTrouble} otherwise */
  requireUsable(owner: string, digest: string, schemaText: string): Promise<void>;
  /**
   * What is wrong with a value, in words; nothing when it fits.
   *
   * @param owner who wrote the schema, and answers for how long it takes
   * @param load gives the schema's text, where it is not compiled already.
   * @throws {SchemaTrouble} and what `load` throws.
   */
  problemsOf(
    owner: string,
    digest: string,
    load: () => Promise<string>,
    value: unknown,
  ): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A hundred times what an honest schema takes on a busy machine. */
const TIME_MS_MAX = 2_000;
const SHUNNED_MS = 600_000;
const SHUNNED_MAX = 10_000;
const WAITING_MAX = 1_000;
/** Of one owner. */
const OWNER_WAITING_MAX = 250;
/** What an owner's checks took counts for half after this long. */
const HALF_LIFE_MS = 30_000;
/** A check that took this long counts against its owner: an honest schema's never do, whatever the value. */
const SLOW_MS = 250;
/** More than two checks that took too long, and something beside. */
const OWNER_SLOW_MS_MAX = 5_000;
const OWNERS_MAX = 10_000;
const HEAP_MB_MAX = 128;

export function createJsonSchemaValidator(options: { readonly clock: Clock }): JsonSchemaValidator {
  const thread = new CheckThread(options.clock);
  return {
    async requireUsable(owner, digest, schemaText) {
      await thread.run(owner, { digest, schemaText });
    },
    async problemsOf(owner, digest, load, value) {
      const job = { digest, value: { is: value } };
      const answer = await thread.run(owner, job);
      if (answer !== "unknown") return answer;
      const again = await thread.run(owner, { ...job, schemaText: await load() });
      assert(again !== "unknown", "a schema that came along is known");
      return again;
    },
    close: () => thread.close(),
  };
}

interface Spent {
  readonly ms: number;
  /** In checks that were slow. */
  readonly slowMs: number;
}

interface Waiting {
  readonly owner: string;
  readonly job: Job;
  resolve(outcome: readonly string[] | "unknown"): void;
  reject(error: SchemaTrouble): void;
}

class CheckThread {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  /** Until when a schema is not tried, by its digest. */
  readonly #shunned = new LruMap<string, number>(SHUNNED_MAX);
  /** What each owner's checks took lately. */
  readonly #spent = new LruMap<string, Spent & { readonly atMs: number }>(OWNERS_MAX);
  #worker: Worker | undefined;
  #isReady = false;
  #current: Waiting | undefined;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(owner: string, job: Job): Promise<readonly string[] | "unknown"> {
    return new Promise((resolve, reject) => {
      if (this.#isShunned(owner, job)) {
        reject(tooCostly());
      } else if (this.#isFull(owner)) {
        reject(new SchemaTrouble("busy", "Too many values are waiting to be checked."));
      } else {
        this.#waiting.push({ owner, job, resolve, reject });
        this.#advance();
      }
    });
  }

  #isShunned(owner: string, { digest }: Job): boolean {
    const isSchema = (this.#shunned.get(digest) ?? 0) > this.#clock.now().getTime();
    return isSchema || this.#spentBy(owner).slowMs > OWNER_SLOW_MS_MAX;
  }

  #isFull(owner: string): boolean {
    if (this.#waiting.length >= WAITING_MAX) return true;
    if (this.#waiting.length < OWNER_WAITING_MAX) return false;
    return this.#waiting.filter((other) => other.owner === owner).length >= OWNER_WAITING_MAX;
  }

  #spentBy(owner: string): Spent {
    const spent = this.#spent.get(owner);
    if (!spent) return { ms: 0, slowMs: 0 };
    const left = 0.5 ** ((this.#clock.now().getTime() - spent.atMs) / HALF_LIFE_MS);
    return { ms: spent.ms * left, slowMs: spent.slowMs * left };
  }

  /** Writes down what the present check took. */
  #charge({ owner }: Waiting): void {
    const tookMs = monotonicMs() - this.#startedAtMs;
    const { ms, slowMs } = this.#spentBy(owner);
    this.#spent.set(owner, {
      ms: ms + tookMs,
      slowMs: slowMs + (tookMs >= SLOW_MS ? tookMs : 0),
      atMs: this.#clock.now().getTime(),
    });
  }

  /** The first of the owner whose checks took the least lately. */
  #takeNext(): Waiting | undefined {
    let best = 0;
    let bestMs = Number.POSITIVE_INFINITY;
    const seen = new Set<string>();
    for (const [index, { owner }] of this.#waiting.entries()) {
      if (seen.has(owner)) continue;
      seen.add(owner);
      const { ms } = this.#spentBy(owner);
      if (ms < bestMs) [best, bestMs] = [index, ms];
    }
    return this.#waiting.splice(best, 1)[0];
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    for (const { reject } of [
      ...this.#waiting.splice(0),
      ...(this.#current ? [this.#current] : []),
    ]) {
      reject(new SchemaTrouble("busy", "The server is shutting down."));
    }
    this.#current = undefined;
    await worker?.terminate();
  }

  #advance(): void {
    if (this.#current || this.#waiting.length === 0) return;
    this.#worker ??= this.#start();
    if (!this.#isReady) return;
    const next = this.#takeNext();
    if (!next) return;
    if (this.#isShunned(next.owner, next.job)) {
      // It waited while others of its owner turned out to take too long.
      next.reject(tooCostly());
      queueMicrotask(() => this.#advance());
      return;
    }
    this.#current = next;
    this.#startedAtMs = monotonicMs();
    this.#timer = setTimeout(() => this.#giveUp(), TIME_MS_MAX);
    try {
      this.#worker.postMessage(next.job);
    } catch {
      this.#answer({ problems: ["the value cannot be checked: it is nested too deep"] });
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
      // Nothing of the process's settings is any business of a schema's.
      env: {},
    });
    // A server that has nothing else to do may end.
    worker.unref();
    worker.on("message", (message: Answer | "ready") => {
      if (worker !== this.#worker) return;
      if (message === "ready") this.#isReady = true;
      else this.#answer(message);
      this.#advance();
    });
    // Out of memory. The job that did it is given up; a thread that cannot start takes all along.
    worker.on("error", () => {
      if (worker === this.#worker) this.#giveUp();
    });
    return worker;
  }

  #answer(answer: Answer): void {
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = undefined;
    if (!current) return;
    this.#charge(current);
    if ("unusable" in answer) current.reject(new SchemaTrouble("unusable", answer.unusable));
    else current.resolve("problems" in answer ? answer.problems : "unknown");
  }

  /** Ends the thread together with what it is at. */
  #giveUp(): void {
    clearTimeout(this.#timer);
    const [worker, current] = [this.#worker, this.#current];
    this.#worker = undefined;
    this.#current = undefined;
    this.#isReady = false;
    void worker?.terminate();
    if (current) {
      this.#charge(current);
      this.#shunned.set(current.job.digest, this.#clock.now().getTime() + SHUNNED_MS);
      current.reject(tooCostly());
    } else {
      for (const { reject } of this.#waiting.splice(0)) {
        reject(new SchemaTrouble("busy", "Values cannot be checked now."));
      }
    }
    this.#advance();
  }
}

function tooCostly(): SchemaTrouble {
  return new SchemaTrouble("too_costly", "Checking against this schema takes too long.");
}
