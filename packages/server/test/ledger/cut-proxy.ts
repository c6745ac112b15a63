/**
 * Stands on loopback between a ledger and its database, and cuts the line at a moment of a test's
 * choosing. What is on its way at that moment is lost; what the database has is the database's.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";

/** What still gets through, counted from when the cut was asked for. */
export type Cut =
  /** So many bytes of the next question. */
  | { readonly in: "question"; readonly bytes: number }
  /** The next question, all of it. */
  | { readonly after: "question" }
  /** The next question, and so many bytes of its answer. */
  | { readonly in: "answer"; readonly bytes: number }
  /** The next question; the line stays until `cut()`. */
  | { readonly when: "told" };

/** `Sync`, with which a driver ends what it asks for at once. */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

export class CutProxy {
  readonly #lines = new Set<Line>();
  #next: Cut | undefined;
  #port = 0;
  #asked = Promise.withResolvers<void>();
  /** Lines that were cut, of those on which something was under way. */
  cuts = 0;

  /** `open` gives a connection to the database for each that is made to the proxy. */
  static async start(t: TestContext, open: () => Duplex): Promise<CutProxy> {
    const proxy = new CutProxy();
    const server = createServer((client) => proxy.#join(client, open()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      proxy.cutAll();
      server.close();
    });
    const address = server.address();
    assert.ok(address && typeof address === "object");
    proxy.#port = address.port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Cuts the line of the next question. */
  cutNext(cut: Cut): void {
    this.#next = cut;
    this.#asked = Promise.withResolvers();
  }

  /** Resolves when the database has the whole of the next question. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Cuts the lines that wait to be told, and those alone. Resolves at the next question after. */
  cut(): Promise<void> {
    this.#asked = Promise.withResolvers();
    for (const line of this.#lines) if (line.cut) this.#end(line);
    return this.#asked.promise;
  }

  cutAll(): void {
    for (const line of this.#lines) this.#end(line);
  }

  #join(client: Socket, upstream: Duplex): void {
    const line: Line = { client, upstream, cut: undefined, question: 0, answer: 0 };
    this.#lines.add(line);
    for (const end of [client, upstream]) {
      end.on("error", () => undefined);
      end.on("close", () => {
        this.#lines.delete(line);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes: Buffer) => this.#ask(line, bytes));
    upstream.on("data", (bytes: Buffer) => this.#answer(line, bytes));
  }

  #ask(line: Line, bytes: Buffer): void {
    if (!this.#lines.has(line)) return;
    if (this.#next) {
      Object.assign(line, { cut: this.#next, question: 0 });
      this.#next = undefined;
    }
    const { cut } = line;
    if (cut && "in" in cut && cut.in === "question" && line.question + bytes.length > cut.bytes) {
      line.upstream.write(bytes.subarray(0, cut.bytes - line.question));
      this.#end(line);
      return;
    }
    line.question += bytes.length;
    line.upstream.write(bytes);
    if (!bytes.subarray(-SYNC.length).equals(SYNC)) return;
    this.#asked.resolve();
    if (cut && "after" in cut) this.#end(line);
  }

  #answer(line: Line, bytes: Buffer): void {
    if (!this.#lines.has(line)) return;
    const { cut } = line;
    if (cut && "in" in cut && cut.in === "answer" && line.answer + bytes.length > cut.bytes) {
      line.client.write(bytes.subarray(0, cut.bytes - line.answer));
      this.#end(line);
      return;
    }
    if (cut) line.answer += bytes.length;
    line.client.write(bytes);
  }

  #end(line: Line): void {
    if (line.cut) this.cuts++;
    // Politely, so that what was written before is not taken back.
    line.client.end();
    line.upstream.end();
    this.#lines.delete(line);
  }
}

interface Line {
  readonly client: Socket;
  readonly upstream: Duplex;
  /** Set once its question has begun. */
  cut: Cut | undefined;
  /** Bytes since then. */
  question: number;
  answer: number;
}
