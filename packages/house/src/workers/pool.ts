/**
 * Worker threads for CPU work.
 *
 * 1. A job waits in its lane until one of the lane's threads is free; threads start when first needed.
 * 2. One job a thread at a time. It answers, is refused, fails, or runs past its time limit.
 * 3. A thread that is out of time, out of memory, or deaf to a cancellation is ended: that job fails,
 *    and the next one gets a new thread. Nothing else notices.
 * 4. A document thread that has had nothing to do for a while is ended too, to give its memory back.
 */
import { Worker } from "node:worker_threads";
import { CapabilityError, type CapabilityErrorCode } from "../capability.ts";
import {
  type FromWorker,
  LANES,
  type Lane,
  TASKS,
  type TaskInput,
  type TaskName,
  type TaskOutput,
  type ToWorker,
} from "./tasks.ts";

export const POOL_LIMITS = {
  /** A cancelled job gets this long to notice before its thread is ended. */
  cancelGraceMs: 2_000,
  /** Loading the document libraries again costs 0.3 s; keeping them costs some 100 MB. */
  idleMs: 60_000,
  /** JavaScript heap of a thread. A Word document of 30 MB of XML takes some 400. */
  heapMegabytesMax: 512,
  /**
   * How much the process may grow while documents are read, beyond their threads' heaps. What a
   * hostile file makes a library allocate outside of a heap is bounded by nothing else.
   */
  growthBytesMax: 512_000_000,
  watchMs: 100,
} as const;

interface Job {
  id: number;
  task: TaskName;
  input: unknown;
  resolve(output: unknown): void;
  reject(error: Error): void;
}

interface Thread {
  worker: Worker;
  lane: Lane;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Told of what happened to threads, so that an operator can see it in the log. */
export type PoolEvents = (event: "job-failed" | "thread-ended", detail: string) => void;

export class WorkerPool {
  readonly #sizes: Readonly<Record<Lane, number>>;
  readonly #tell: PoolEvents;
  readonly #waiting: Record<Lane, Job[]> = {
    documents: [],
    language: [],
    vision: [],
  };
  readonly #threads = new Set<Thread>();
  #jobs = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(documentThreads: number, tell: PoolEvents = () => {}) {
    // One thread holds a kind of model: two would hold it twice, and share the same cores.
    this.#sizes = { documents: documentThreads, language: 1, vision: 1 };
    this.#tell = tell;
  }

  /** Does one task in a thread. Rejects with a CapabilityError and nothing else. */
  run<Name extends TaskName>(
    task: Name,
    input: TaskInput<Name>,
    signal: AbortSignal,
  ): Promise<TaskOutput<Name>> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (signal.aborted) return Promise.reject(cancelled());
    const job: Job = { id: ++this.#jobs, task, input, resolve, reject };
    const lane = TASKS[task].lane;
    const onAbort = () => this.#cancel(lane, job);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting[lane].push(job);
    this.#next(lane);
    const done = () => signal.removeEventListener("abort", onAbort);
    promise.then(done, done);
    // The worker runs the task of this name, so its output is that task's.
    return promise as Promise<TaskOutput<Name>>;
  }

  /** Ends every thread. Jobs that are under way fail. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    for (const lane of LANES) {
      for (const job of this.#waiting[lane].splice(0)) job.reject(cancelled());
    }
    const ended = [...this.#threads].map((thread) => this.#end(thread, cancelled()));
    await Promise.all(ended);
  }

  #next(lane: Lane): void {
    if (this.#waiting[lane].length === 0) return;
    const threads = [...this.#threads].filter((thread) => thread.lane === lane);
    const idle = threads.find((thread) => thread.job === undefined);
    if (!idle && threads.length >= this.#sizes[lane]) return;
    const job = this.#waiting[lane].shift();
    if (job) this.#start(idle ?? this.#open(lane), job);
  }

  #open(lane: Lane): Thread {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      name: `house-${lane}`,
      resourceLimits: { maxOldGenerationSizeMb: POOL_LIMITS.heapMegabytesMax },
    });
    const thread: Thread = { worker, lane, job: undefined, timer: undefined };
    this.#threads.add(thread);
    worker.on("message", (message: FromWorker) => this.#answered(thread, message));
    worker.on("error", (error) => this.#broke(thread, error));
    worker.on("exit", () => this.#broke(thread, new Error("The thread ended.")));
    return thread;
  }

  #start(thread: Thread, job: Job): void {
    clearTimeout(thread.timer);
    thread.worker.ref();
    thread.job = job;
    const seconds = TASKS[job.task].timeLimitMs / 1_000;
    thread.timer = setTimeout(() => {
      const message = `This took longer than ${seconds} s and was stopped. Send a smaller input.`;
      void this.#end(thread, new CapabilityError("provider_timeout", message));
    }, seconds * 1_000);
    this.#say(thread, { kind: "start", job: job.id, task: job.task, input: job.input });
    if (thread.lane === "documents") this.#watchMemory();
  }

  #say(thread: Thread, message: ToWorker): void {
    thread.worker.postMessage(message);
  }

  #answered(thread: Thread, message: FromWorker): void {
    const job = thread.job;
    if (job?.id !== message.job) return;
    thread.job = undefined;
    clearTimeout(thread.timer);
    if (message.kind === "done") job.resolve(message.output);
    else if (message.kind === "refused") {
      job.reject(new CapabilityError(message.code as CapabilityErrorCode, message.message));
    } else {
      this.#tell("job-failed", `${job.task}: ${message.error}`);
      job.reject(new CapabilityError("provider_failed", "The work failed inside the provider."));
    }
    this.#rest(thread);
  }

  #rest(thread: Thread): void {
    // An idle thread must not keep the process from ending.
    thread.worker.unref();
    if (thread.lane === "documents") {
      thread.timer = setTimeout(() => void this.#end(thread, cancelled()), POOL_LIMITS.idleMs);
      thread.timer.unref();
    }
    this.#next(thread.lane);
  }

  #cancel(lane: Lane, job: Job): void {
    job.reject(cancelled());
    const position = this.#waiting[lane].indexOf(job);
    if (position >= 0) this.#waiting[lane].splice(position, 1);
    const thread = [...this.#threads].find((each) => each.job === job);
    if (!thread) return;
    this.#say(thread, { kind: "cancel", job: job.id });
    clearTimeout(thread.timer);
    thread.timer = setTimeout(() => {
      void this.#end(thread, cancelled());
    }, POOL_LIMITS.cancelGraceMs);
  }

  #broke(thread: Thread, error: Error): void {
    if (!this.#threads.has(thread)) return;
    const outOfMemory = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
    this.#tell("thread-ended", String(error.stack ?? error.message));
    void this.#end(thread, outOfMemory ? tooMuchMemory() : crashed());
  }

  async #end(thread: Thread, error: CapabilityError): Promise<void> {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.timer);
    thread.job?.reject(error);
    thread.job = undefined;
    await thread.worker.terminate();
    this.#next(thread.lane);
  }

  #watchMemory(): void {
    const busy = [...this.#threads].filter((each) => each.lane === "documents" && each.job);
    if (this.#watch && busy.length > 1) return;
    clearInterval(this.#watch);
    const heapsBytes = this.#sizes.documents * POOL_LIMITS.heapMegabytesMax * 1024 ** 2;
    const bytesMax = process.memoryUsage.rss() + heapsBytes + POOL_LIMITS.growthBytesMax;
    this.#watch = setInterval(() => this.#checkMemory(bytesMax), POOL_LIMITS.watchMs);
    this.#watch.unref();
  }

  #checkMemory(bytesMax: number): void {
    const busy = [...this.#threads].filter((each) => each.lane === "documents" && each.job);
    if (busy.length === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    } else if (process.memoryUsage.rss() > bytesMax) {
      // Which of them it was cannot be seen from here; each is told the same, and may try again.
      this.#tell("thread-ended", "Documents took more memory than is allowed.");
      for (const thread of busy) void this.#end(thread, tooMuchMemory());
    }
  }
}

function cancelled(): CapabilityError {
  return new CapabilityError("cancelled", "The work was cancelled.");
}

function crashed(): CapabilityError {
  return new CapabilityError("provider_failed", "The work failed inside the provider.");
}

function tooMuchMemory(): CapabilityError {
  return new CapabilityError(
    "invalid_file",
    "Reading this file takes more memory than is allowed. Send a smaller one, or fewer pages.",
  );
}
