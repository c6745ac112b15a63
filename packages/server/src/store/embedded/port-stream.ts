import { Duplex } from "node:stream";
import type { MessagePort } from "node:worker_threads";

/** What the other end says before it closes a connection. */
export const GOODBYE = null;

/**
 * A connection to the embedded database: looks like a socket to the drivers, and is one end of a
 * message channel.
 */
export class PortStream extends Duplex {
  readonly #port: MessagePort;

  /** @param onLost is called when the other end is gone without having said goodbye */
  constructor(port: MessagePort, onLost: () => void) {
    super();
    this.#port = port;
    port.on("message", (bytes: Uint8Array | typeof GOODBYE) => {
      if (bytes === GOODBYE) this.destroy();
      else this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    });
    port.once("close", () => {
      if (!this.destroyed && !this.writableEnded) onLost();
      this.destroy();
    });
  }

  /** The `postgres` driver says goodbye only to what says that it is open. */
  get readyState(): "open" | "closed" {
    return this.destroyed ? "closed" : "open";
  }

  /** node-postgres connects by hand; this is connected from the start. */
  connect(): this {
    process.nextTick(() => this.emit("connect"));
    return this;
  }

  // What drivers do to sockets and what has no meaning here.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    this.#port.ref();
    return this;
  }

  unref(): this {
    this.#port.unref();
    return this;
  }

  override _read(): void {
    // Whatever comes is pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // A chunk is often a view of a pool that is much larger; only the view is to be sent.
    const bytes = new Uint8Array(chunk);
    this.#port.postMessage(bytes, [bytes.buffer]);
    done();
  }

  override _final(done: () => void): void {
    this.#port.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close();
    done(error);
  }
}
