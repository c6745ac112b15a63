/**
 * Checks values against JSON Schemas that strangers wrote, on a thread that can be stopped.
 *
 *   1. One job at a time is with the thread, so how long it takes is its own doing.
 *   2. A job that takes too long ends with its thread. The next one gets a new thread.
 *   3. Its schema is then not tried again for a while: one bad schema must not keep the others
 *      waiting again and again.
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
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
  /** Whether the schema can be used. @throws {SchemaTrouble} otherwise */
  requireUsable(digest: string, schemaText: string): Promise<void>;
  /**
   * What is wrong with a value, in words; nothing when it fits.
   *
   * @param load gives the schema's text, where it is not compiled already.
   * @throws {SchemaTrouble} and what `load` throws.
   */
  problemsOf(
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
const HEAP_MB_MAX = 128;

export function createJsonSchemaValidator(options: { readonly clock: Clock }): JsonSchemaValidator {
  const thread = new CheckThread(options.clock);
  return {
    async requireUsable(digest, schemaText) {
      await thread.run({ digest, schemaText });
    },
    async problemsOf(digest, load, value) {
      const job = { digest, value: { is: value } };
      const answer = await thread.run(job);
      if (answer !== "unknown") return answer;
      const again = await thread.run({ ...job, schemaText: await load() });
      assert(again !== "unknown", "a schema that came along is known");
      return again;
    },
    close: () => thread.close(),
  };
}

interface Waiting {
  readonly job: Job;
  resolve(outcome: readonly string[] | "unknown"): void;
  reject(error: SchemaTrouble): void;
}

class CheckThread {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  /** Until when a schema is not tried, by its digest. */
  readonly #shunned = new LruMap<string, number>(SHUNNED_MAX);
  #worker: Worker | undefined;
  #isReady = false;
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(job: Job): Promise<readonly string[] | "unknown"> {
    return new Promise((resolve, reject) => {
      if ((this.#shunned.get(job.digest) ?? 0) > this.#clock.now().getTime()) {
        reject(tooCostly());
      } else if (this.#waiting.length >= WAITING_MAX) {
        reject(new SchemaTrouble("busy", "Too many values are waiting to be checked."));
      } else {
        this.#waiting.push({ job, resolve, reject });
        this.#advance();
      }
    });
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
    const next = this.#waiting.shift();
    if (!next) return;
    this.#current = next;
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
