/**
 * Watches over an upload's pace (domain/asset.ts), from the file's first byte to the end of the form that
 * it stands in: whoever sends a byte now and then would else hold a place for as long as it likes.
 */
import type { Readable } from "node:stream";
import { checkUploadPace, type UploadPace } from "../domain/asset.ts";
import { monotonicMs } from "../lib/clock.ts";

export class PacedUpload {
  readonly #stream: Readable;
  readonly #pace: UploadPace;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #startedAtMs = monotonicMs();
  #windowBytes = 0;
  #fault: Error | undefined;
  #onFault: (fault: Error) => void = () => undefined;

  constructor(stream: Readable, pace: UploadPace) {
    this.#stream = stream;
    this.#pace = pace;
    this.#timers = [
      setInterval(() => this.#look(), pace.windowMs),
      setTimeout(() => this.#look(), pace.msMax),
    ];
  }

  /** The file. Fails with `upload_too_slow`. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let isWhole = false;
    try {
      for await (const chunk of this.#stream) {
        this.#windowBytes += (chunk as Uint8Array).byteLength;
        yield chunk;
      }
      isWhole = true;
    } finally {
      if (!isWhole) this.#stop();
    }
  }

  /** What follows the file in its form, and with it the upload's end. Throws `upload_too_slow`. */
  async rest<T>(following: T | Promise<T>): Promise<T> {
    const tooSlow = new Promise<never>((_resolve, reject) => {
      if (this.#fault) reject(this.#fault);
      this.#onFault = reject;
    });
    try {
      return await Promise.race([following, tooSlow]);
    } finally {
      this.#stop();
    }
  }

  #look(): void {
    const elapsedMs = Math.ceil(monotonicMs() - this.#startedAtMs);
    try {
      checkUploadPace(this.#pace, { windowBytes: this.#windowBytes, elapsedMs });
      this.#windowBytes = 0;
    } catch (fault) {
      this.#stop();
      this.#fault = fault as Error;
      this.#onFault(this.#fault);
      this.#stream.destroy(this.#fault);
    }
  }

  #stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
