/**
 * The main thread's end of the embedding thread. Search by meaning is a help, never a condition:
 * while the model loads, when too many wait, when an answer takes too long or the thread is dead,
 * `search` gives nothing and BM25 answers alone.
 */
import { Worker } from "node:worker_threads";
import type { Log } from "../../lib/log.ts";
import type { ScoredRow } from "./best.ts";
import type { Endpoint } from "./embedder.ts";
import type { FromThread, ThreadSettings, ToThread } from "./semantic-messages.ts";

const THREAD = new URL("./semantic-thread.ts", import.meta.url);
/** Searches that may wait for the thread, at some 15 ms each. */
const SEARCHES_WAITING_MAX = 64;
const RESTART_MS_FIRST = 250;
const RESTART_MS_MAX = 60_000;

export interface SemanticOptions {
  readonly log: Log;
  readonly endpoint: Endpoint | undefined;
  /** How long a search waits for its vector. */
  readonly timeoutMs: number;
  /** Everything that is to be found, for a thread that knows nothing yet. */
  readonly everything: () => Iterable<readonly [row: number, texts: readonly string[]]>;
}

interface Waiting {
  readonly resolve: (rows: readonly ScoredRow[]) => void;
  readonly timer: NodeJS.Timeout;
}

export class SemanticIndex {
  readonly #options: SemanticOptions;
  readonly #waiting = new Map<number, Waiting>();
  #settlers: (() => void)[] = [];
  #worker: Worker | undefined;
  #isReady = false;
  #isClosed = false;
  #restartMs = RESTART_MS_FIRST;
  #restartTimer: NodeJS.Timeout | undefined;
  #nextSearch = 1;
  #sequence = 0;
  #settledSequence = 0;

  constructor(options: SemanticOptions) {
    this.#options = options;
  }

  upsert(row: number, texts: readonly string[]): void {
    this.#change({ kind: "upsert", sequence: ++this.#sequence, row, texts });
  }

  remove(row: number): void {
    this.#change({ kind: "remove", sequence: ++this.#sequence, row });
  }

  /** Never throws. Empty when there is no answer in time. */
  search(
    text: string,
    count: number,
    isAllowed: Uint8Array | undefined,
  ): Promise<readonly ScoredRow[]> {
    const worker = this.#worker;
    if (!worker || !this.#isReady || this.#waiting.size >= SEARCHES_WAITING_MAX) {
      return Promise.resolve([]);
    }
    const id = this.#nextSearch++;
    return new Promise((resolve) => {
      // It stays counted as waiting until the thread answers: one that hangs is not asked for more.
      const timer = setTimeout(() => resolve([]), this.#options.timeoutMs);
      this.#waiting.set(id, { resolve, timer });
      send(worker, { kind: "search", id, text, count, isAllowed });
    });
  }

  /** Resolves once everything handed in before can be found by meaning. */
  settled(): Promise<void> {
    if (this.#settledSequence === this.#sequence) return Promise.resolve();
    return new Promise((resolve) => this.#settlers.push(resolve));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restartTimer);
    await this.#worker?.terminate();
  }

  #change(message: ToThread): void {
    if (this.#worker) send(this.#worker, message);
    // The first change starts the thread; between a crash and the restart there is nobody to tell.
    else if (!this.#restartTimer && !this.#isClosed) this.#start();
  }

  #start(): void {
    const { log, endpoint } = this.#options;
    this.#restartTimer = undefined;
    const worker = new Worker(THREAD, { workerData: { endpoint } satisfies ThreadSettings });
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#hear(message));
    worker.on("error", (error) => log.error({ error }, "the embedding thread failed"));
    worker.on("exit", () => this.#lose());
    let isEmpty = true;
    for (const [row, texts] of this.#options.everything()) {
      isEmpty = false;
      send(worker, { kind: "upsert", sequence: this.#sequence, row, texts });
    }
    if (isEmpty) this.#settle(this.#sequence);
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.#isReady = true;
        this.#restartMs = RESTART_MS_FIRST;
        break;
      case "found":
        this.#answer(message.id, message.rows);
        break;
      case "failed":
        this.#options.log.warn({ reason: message.reason }, "a search could not be embedded");
        this.#answer(message.id, []);
        break;
      case "settled":
        this.#settle(message.sequence);
        break;
      case "stuck":
        this.#options.log.warn(
          { reason: message.reason, retryMs: message.retryMs },
          "agents could not be embedded; BM25 alone finds them until a later try",
        );
    }
  }

  #answer(id: number, rows: readonly ScoredRow[]): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(rows);
  }

  #settle(sequence: number): void {
    this.#settledSequence = sequence;
    if (sequence !== this.#sequence) return;
    for (const resolve of this.#settlers) resolve();
    this.#settlers = [];
  }

  #lose(): void {
    this.#worker = undefined;
    this.#isReady = false;
    this.#settledSequence = -1;
    for (const id of [...this.#waiting.keys()]) this.#answer(id, []);
    if (this.#isClosed) return;
    this.#options.log.warn({ restartMs: this.#restartMs }, "the embedding thread ended");
    this.#restartTimer = setTimeout(() => this.#start(), this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS_MAX);
  }
}

function send(worker: Worker, message: ToThread): void {
  worker.postMessage(message);
}
