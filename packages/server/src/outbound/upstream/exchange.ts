/** One HTTP exchange with an interface, read at the reader's pace. */
import type { IncomingHttpHeaders } from "node:http";
import { type Dispatcher, errors } from "undici";
import { Fault } from "../../domain/fault.ts";
import { badAnswer } from "./faults.ts";
import type { WireRequest } from "./wire.ts";

/** Bytes that may wait for a slow reader before no more are taken from the network. */
const WAITING_BYTES_MAX = 256 * 1024;
/** An answer that comes at once: a thousand vectors as text fit. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;

export interface Waits {
  /** Until an answer begins; a model that thinks says nothing for long. */
  readonly firstByteMs: number;
  /** Between two pieces of an answer. */
  readonly idleMs: number;
}

/** An answer that has begun. */
export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next bytes; nothing where all were read. @throws what broke the connection */
  next(): Promise<Buffer | undefined>;
  /** All of it. @throws {Fault} `provider_bad_output` where it is too large; what broke the connection */
  whole(): Promise<Buffer>;
  /** Nobody reads on. No harm once all was read. */
  abort(): void;
}

/** Sends, and resolves once the status is known. Rejects with what undici reports. */
export function openExchange(
  dispatcher: Dispatcher,
  request: WireRequest,
  waits: Waits,
  signal: AbortSignal,
): Promise<Exchange> {
  const slash = request.url.indexOf("/", "https://".length);
  return new Promise((resolve, reject) => {
    const body = new ExchangeBody(signal, resolve, reject);
    if (signal.aborted) return body.onResponseError(undefined, new errors.RequestAbortedError());
    dispatcher.dispatch(
      {
        origin: slash === -1 ? request.url : request.url.slice(0, slash),
        path: slash === -1 ? "/" : request.url.slice(slash),
        method: "POST",
        headers: request.headers as string[],
        body: request.body,
        headersTimeout: waits.firstByteMs,
        bodyTimeout: waits.idleMs,
      },
      body,
    );
  });
}

class ExchangeBody implements Exchange, Dispatcher.DispatchHandler {
  status = 0;
  headers: IncomingHttpHeaders = {};
  readonly #signal: AbortSignal;
  readonly #begun: (exchange: Exchange) => void;
  readonly #failed: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #hasEnded = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(
    signal: AbortSignal,
    begun: (exchange: Exchange) => void,
    failed: (error: Error) => void,
  ) {
    this.#signal = signal;
    this.#begun = begun;
    this.#failed = failed;
    signal.addEventListener("abort", this.abort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.#begun(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= WAITING_BYTES_MAX && !this.#isPaused) {
      this.#isPaused = true;
      controller.pause();
    }
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#end(error);
    // Without effect where an answer had begun.
    this.#failed(error);
  }

  #end(error: Error | undefined): void {
    this.#hasEnded = true;
    this.#error = error;
    this.#signal.removeEventListener("abort", this.abort);
    this.#wake?.();
  }

  async next(): Promise<Buffer | undefined> {
    while (this.#waiting.length === 0 && !this.#hasEnded) await this.#news();
    if (this.#waiting.length === 0) {
      if (this.#error) throw this.#error;
      return undefined;
    }
    const [first] = this.#waiting;
    const all = this.#waiting.length === 1 ? first : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#controller?.resume();
    }
    return all;
  }

  async whole(): Promise<Buffer> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const part = await this.next();
      if (!part) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      bytes += part.length;
      if (bytes > WHOLE_BYTES_MAX) {
        this.abort();
        throw badAnswer(new Error(`more than ${WHOLE_BYTES_MAX} bytes`));
      }
      parts.push(part);
    }
  }

  /** Bound, so that it can be given as a listener. */
  readonly abort = (): void => {
    if (!this.#hasEnded) this.#controller?.abort(new errors.RequestAbortedError());
  };

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

const TIMEOUTS: ReadonlySet<string> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** What a broken connection means to whoever asked. */
export function connectionFault(error: unknown, signal: AbortSignal): Fault {
  if (error instanceof Fault) return error as Fault;
  if (signal.aborted) {
    return new Fault("cancelled", "Nobody waits for the answer any more.", undefined, {
      cause: error,
    });
  }
  const cause = { cause: error };
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "string" && TIMEOUTS.has(code)) {
    return new Fault("provider_timeout", "The model did not answer in time.", undefined, cause);
  }
  return new Fault(
    "provider_offline",
    "The model's interface cannot be reached.",
    undefined,
    cause,
  );
}
