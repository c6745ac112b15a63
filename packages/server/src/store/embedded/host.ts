/**
 * The embedded database as the rest of the server sees it: something that gives out connections, and
 * comes back by itself when it breaks.
 *
 *   1. A new directory gets its database from a thread that then ends, and its memory with it.
 *   2. The serving thread opens the engine, tests that it is durable, and says that it is ready.
 *   3. Each connection is a message channel: one end for a driver here, one for the multiplexer there.
 *   4. When the thread ends by itself, or is ended because it has been busy with one statement for too
 *      long, its connections close and a new thread starts. What was acknowledged is in the write-ahead
 *      log; drivers connect anew. Connections asked for meanwhile wait.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { monotonicMs } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { PortStream } from "./port-stream.ts";
import { ACTIVITY, type FromWorker, PULSE, type WorkerOptions } from "./worker-messages.ts";

export interface HostOptions {
  /** Where the database is; it is made if there is none. */
  directory: string;
  log: Log;
  /** A client's statement that takes longer is a runaway, and ends with its thread. */
  statementMsMax: number;
}

/** No table of an embedded database takes longer to vacuum; beyond this the engine hangs. */
const HOUSEKEEPING_MS_MAX = 10 * 60_000;
const PULSE_CHECK_MS = 250;
/**
 * With the usual 4 MB, JSON nested 60,000 deep or a function that calls itself breaks the engine, for
 * its own depth limit counts another stack. With this it is refused (54001, or 22P02).
 */
const STACK_MB = 64;
/** Between attempts to start again where one failed, as on a full disk. */
const RESTART_DELAY_MS = 1_000;
/** A shutdown writes a last checkpoint. Without it the next start has more to recover, no more. */
const CLOSE_GRACE_MS = 10_000;

export class EmbeddedHost {
  readonly #options: HostOptions;
  readonly #pulseCheck: NodeJS.Timeout;
  #worker: Worker | undefined;
  #pulse = newPulse();
  #busyCount = 0;
  #busySince = 0;
  /** Connections that were asked for while there was no thread to take them. */
  #waiting: MessagePort[] = [];
  readonly #streams = new Set<PortStream>();
  #isClosing = false;
  #running: Promise<void> = Promise.resolve();

  /** @throws when the database cannot be opened, or would not be durable */
  static async start(options: HostOptions): Promise<EmbeddedHost> {
    if (!existsSync(join(options.directory, "PG_VERSION"))) await create(options);
    const host = new EmbeddedHost(options);
    try {
      host.#running = host.#stayUp(await host.#startWorker());
    } catch (error) {
      clearInterval(host.#pulseCheck);
      throw error;
    }
    return host;
  }

  private constructor(options: HostOptions) {
    this.#options = options;
    this.#pulseCheck = setInterval(() => this.#endRunaway(), PULSE_CHECK_MS);
  }

  /** A new connection, for a driver that speaks PostgreSQL's protocol. */
  stream(): Duplex {
    const { port1, port2 } = new MessageChannel();
    if (this.#worker) this.#worker.postMessage({ kind: "connect", port: port2 }, [port2]);
    else if (this.#isClosing) port2.close();
    else this.#waiting.push(port2);
    const stream: PortStream = new PortStream(port1, () => this.#disconnectAll());
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }

  /**
   * One connection was lost, so the thread is gone and all are, which its exit will say only later.
   * Drivers learn it of all at once, or they would try each of the others first.
   */
  #disconnectAll(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    for (const stream of this.#streams) stream.destroy();
  }

  /** Ends the thread after a last checkpoint. Whoever is still connected is disconnected. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pulseCheck);
    for (const port of this.#waiting.splice(0)) port.close();
    this.#worker?.postMessage({ kind: "close" });
    const grace = new AbortController();
    const isTooLate = delay(CLOSE_GRACE_MS, true, { signal: grace.signal }).catch(() => false);
    if (await Promise.race([isTooLate, this.#running.then(() => false)])) {
      this.#options.log.warn("the embedded database did not close in time and was ended");
      await this.#worker?.terminate();
    }
    grace.abort();
  }

  /** Resolves when the new thread serves. */
  async #startWorker(): Promise<Worker> {
    this.#pulse = newPulse();
    const worker = startThread("serve", this.#options, this.#pulse);
    await untilReady(worker);
    worker.on("error", (error) => {
      this.#options.log.error({ error }, "the embedded database's thread failed");
    });
    this.#worker = worker;
    for (const port of this.#waiting.splice(0)) {
      worker.postMessage({ kind: "connect", port }, [port]);
    }
    if (this.#isClosing) worker.postMessage({ kind: "close" });
    return worker;
  }

  /** Starts a new thread whenever one ends, until this host is closed. */
  async #stayUp(first: Worker): Promise<void> {
    for (let worker: Worker | undefined = first; worker; worker = await this.#startAgain()) {
      const current = worker;
      await new Promise<void>((resolve) => current.once("exit", () => resolve()));
      this.#worker = undefined;
    }
  }

  async #startAgain(): Promise<Worker | undefined> {
    while (!this.#isClosing) {
      try {
        this.#options.log.warn("the embedded database ended and is started again");
        return await this.#startWorker();
      } catch (error) {
        this.#options.log.error({ error }, "the embedded database could not be started again");
        await delay(RESTART_DELAY_MS);
      }
    }
    return undefined;
  }

  #endRunaway(): void {
    const activity = Atomics.load(this.#pulse, PULSE.activity);
    const count = Atomics.load(this.#pulse, PULSE.count);
    const now = monotonicMs();
    if (activity === ACTIVITY.none || count !== this.#busyCount) {
      this.#busyCount = count;
      this.#busySince = now;
      return;
    }
    const isClients = activity === ACTIVITY.client;
    const msMax = isClients ? this.#options.statementMsMax : HOUSEKEEPING_MS_MAX;
    if (now - this.#busySince < msMax) return;
    this.#busySince = now;
    this.#options.log.error({ msMax }, "a statement took too long; the embedded database is ended");
    void this.#worker?.terminate();
  }
}

async function create(options: HostOptions): Promise<void> {
  options.log.info({ directory: options.directory }, "making a new database");
  const worker = startThread("create", options, newPulse());
  await once(worker, "exit"); // Rejects on `error`, which comes first.
}

function newPulse(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(PULSE.bytes));
}

function startThread(
  task: WorkerOptions["task"],
  { directory, log }: HostOptions,
  pulse: Int32Array<SharedArrayBuffer>,
): Worker {
  const workerData: WorkerOptions = { task, directory, pulse: pulse.buffer };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData,
    resourceLimits: { stackSizeMb: STACK_MB },
  });
  worker.on("message", (message: FromWorker) => {
    if (message.kind === "log") log[message.level](message.facts ?? {}, message.message);
  });
  return worker;
}

async function untilReady(worker: Worker): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the database's thread ended with ${code}`)));
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "ready") resolve();
    });
  });
}
