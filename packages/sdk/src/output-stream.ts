/**
 * A run's streamed output, on its way to the server.
 *
 *   1. Chunks are numbered as they are written, and sent while the server has room for them.
 *   2. What was sent is kept until the server took it: after a reconnection it is sent again from
 *      where the server says.
 */
import { jsonProblem, LIMITS } from "@guildhall/protocol";
import { ProviderError } from "./errors.ts";

/** Chunks written without waiting, beyond what the server has room for. */
const AHEAD_MAX = 2 * LIMITS.chunkCreditsDefault;

export class OutputStream {
  readonly #send: (seq: number, data: unknown) => void;
  /** Chunks that the server has not taken; the first has the number `#taken`. */
  #kept: unknown[] = [];
  #taken = 0;
  #sent = 0;
  #until = 0;
  /** The server took what is below this, on whichever connection, by whichever program. */
  #wanted = 0;
  #waiting: (() => void)[] = [];

  /** `send` is asked for one chunk after the other, and may drop them while there is no connection. */
  constructor(send: (seq: number, data: unknown) => void) {
    this.#send = send;
  }

  /** The server wants chunks from `next` on, on this connection: what was kept is sent again. */
  resume(next: number, until: number): void {
    this.#sent = next;
    this.#wanted = next;
    this.grant(until);
  }

  /** The server has room for chunks below `until`. */
  grant(until: number): void {
    this.#until = until;
    this.#wanted = Math.max(this.#wanted, until - LIMITS.chunkCreditsDefault);
    this.#dropTaken();
    this.#flush();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Writes one chunk; resolves when there is room for another. */
  async write(data: unknown, signal: AbortSignal): Promise<void> {
    requireChunk(data);
    signal.throwIfAborted();
    if (this.#kept.length >= LIMITS.chunkCreditsDefault + AHEAD_MAX) {
      throw new ProviderError("provider_failed", "Chunks were written without awaiting them.");
    }
    this.#kept.push(data);
    this.#dropTaken();
    this.#flush();
    await this.#waitFor(() => this.#written < this.#until, signal);
  }

  /** Resolves when every chunk was sent. */
  async flushed(signal: AbortSignal): Promise<void> {
    await this.#waitFor(() => this.#sent === this.#written, signal);
  }

  get #written(): number {
    return this.#taken + this.#kept.length;
  }

  #flush(): void {
    while (this.#sent < Math.min(this.#written, this.#until)) {
      const seq = this.#sent;
      this.#sent += 1;
      this.#send(seq, this.#kept[seq - this.#taken]);
    }
  }

  #dropTaken(): void {
    const count = Math.min(this.#kept.length, Math.max(0, this.#wanted - this.#taken));
    this.#kept.splice(0, count);
    this.#taken += count;
  }

  async #waitFor(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
    while (!isTrue()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.push(wake);
        signal.addEventListener("abort", wake);
      });
    }
  }
}

function requireChunk(data: unknown): void {
  const text: string | undefined = JSON.stringify(data);
  const problem = text === undefined ? "is not JSON" : jsonProblem(data);
  if (problem !== undefined || text === undefined) {
    throw new ProviderError("provider_bad_output", `A chunk ${problem}.`);
  }
  if (Buffer.byteLength(text) > LIMITS.chunkBytesMax) {
    const message = `A chunk is larger than ${LIMITS.chunkBytesMax} bytes.`;
    throw new ProviderError("provider_bad_output", message);
  }
}
