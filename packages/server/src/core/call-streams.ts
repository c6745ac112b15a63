/**
 * Hands streamed answers to those who wait for them, be they at this process or at another.
 *
 *   1. Whoever asked opens a stream before the run is sent, and reads it.
 *   2. Who drives the run pushes each chunk, and is answered once it was taken: so a slow reader slows
 *      its provider down, through the window that the provider's connection has.
 *   3. To another process a chunk travels as hints on the bus, in numbered pieces, each sent again until
 *      it is answered or nobody can be there any more. What comes twice is dropped by its number.
 *   4. Whoever stops reading says so, and pushing fails from then on.
 */
import type { Log } from "../lib/log.ts";
import type { Bus } from "./ports.ts";

/** Whoever asked reads no more: what was pushed last was not taken. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
  /** Nothing was heard of them: their server died, or the bus to it did. Otherwise they have left. */
  readonly isSilent: boolean;

  constructor(isSilent = false) {
    super();
    this.isSilent = isSilent;
  }
}

/** An answer as it comes. */
export interface CallStream extends AsyncIterable<string> {
  /** Nobody pushes any more: what is left is read, and the reading ends. */
  finish(): void;
  /** Reads no more. Pushing fails from now on. */
  close(): void;
}

export interface CallStreams {
  /** Opens the stream of a run's answer, once a run. */
  open(runId: string): CallStream;
  /**
   * Pushes the chunk of this number, from 0 without gaps; one that was taken before is dropped.
   * Resolves once it was taken. Throws `ReaderGone`.
   */
  push(runId: string, seq: number, text: string): Promise<void>;
  /** The run is over here: nothing more is pushed. */
  forget(runId: string): void;
  /** Calls back when a reader at another process goes away. */
  onGone(listener: (runId: string) => void): void;
  stop(): void;
}

/** A piece of a chunk fits into a message of the bus, even where each character is escaped. */
const PIECE_CHARS_MAX = 8 * 1024;
const RESEND_MS = 400;
/** Nobody who lives takes longer: then the reader's process is dead, or cut off. */
const SILENT_MS_MAX = 15_000;

const GONE = "calls.gone";
const pieceSubject = (runId: string) => `calls.${runId}.pieces`;
const takenSubject = (runId: string) => `calls.${runId}.taken`;

export function createCallStreams(deps: { readonly bus: Bus; readonly log: Log }): CallStreams {
  const { bus } = deps;
  const readers = new Map<string, Reader>();
  const senders = new Map<string, Sender>();
  const goneListeners: ((runId: string) => void)[] = [];
  const unsubscribe = bus.subscribe(GONE, (message) => {
    const runId = String(message.runId);
    senders.get(runId)?.fail();
    for (const listener of goneListeners) listener(runId);
  });

  function forget(runId: string): void {
    senders.get(runId)?.stop();
    senders.delete(runId);
  }

  return {
    open(runId) {
      const reader = new Reader(bus, runId, (wasFinished) => {
        readers.delete(runId);
        if (!wasFinished) bus.publish(GONE, { runId });
      });
      readers.set(runId, reader);
      return reader;
    },
    async push(runId, seq, text) {
      const reader = readers.get(runId);
      if (reader) return reader.take(seq, text);
      let sender = senders.get(runId);
      if (!sender) {
        sender = new Sender(bus, runId);
        senders.set(runId, sender);
      }
      await sender.push(seq, text);
    },
    forget,
    onGone(listener) {
      goneListeners.push(listener);
    },
    stop() {
      unsubscribe();
      for (const runId of [...senders.keys()]) forget(runId);
      for (const reader of [...readers.values()]) reader.close();
    },
  };
}

const HIGH_SURROGATE = /[\ud800-\udbff]$/;

/** A text in pieces; a character of two units is not cut apart, since each piece is handed on alone. */
function* piecesOf(text: string): Generator<string> {
  let from = 0;
  do {
    const piece = text.slice(from, from + PIECE_CHARS_MAX);
    const isCut = from + piece.length < text.length && HIGH_SURROGATE.test(piece);
    yield isCut ? piece.slice(0, -1) : piece;
    from += isCut ? piece.length - 1 : piece.length;
  } while (from < text.length);
}

interface Waiting {
  readonly text: string;
  readonly taken: () => void;
  readonly failed: (error: Error) => void;
}

/** The end at which a stream is read. */
class Reader implements CallStream {
  readonly #onClosed: (wasFinished: boolean) => void;
  readonly #unsubscribe: () => void;
  readonly #queue: Waiting[] = [];
  /** Chunks that were taken, or are being read, of a pusher at this process. */
  #nextSeq = 0;
  /** Pieces from another process that were put into the queue. */
  #pieces = 0;
  #wake: (() => void) | undefined;
  #isFinished = false;
  #isClosed = false;

  constructor(bus: Bus, runId: string, onClosed: (wasFinished: boolean) => void) {
    this.#onClosed = onClosed;
    this.#unsubscribe = bus.subscribe(pieceSubject(runId), ({ piece, text }) => {
      const number = Number(piece);
      const answer = () => bus.publish(takenSubject(runId), { piece: number });
      if (this.#isClosed) return;
      // Taken before, and the answer was lost. One that waits to be read is answered once it was.
      if (number < this.#pieces - this.#queue.length) return answer();
      if (number !== this.#pieces) return;
      this.#pieces += 1;
      this.#add({ text: String(text), taken: answer, failed: () => undefined });
    });
  }

  take(seq: number, text: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ReaderGone());
    if (seq < this.#nextSeq) return Promise.resolve();
    this.#nextSeq = seq + 1;
    return new Promise((taken, failed) => this.#add({ text, taken, failed }));
  }

  finish(): void {
    this.#isFinished = true;
    this.#wake?.();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    const isRead = this.#isFinished && this.#queue.length === 0;
    for (const { failed } of this.#queue.splice(0)) failed(new ReaderGone());
    this.#wake?.();
    this.#onClosed(isRead);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      for (;;) {
        const next = this.#queue[0];
        if (next) {
          yield next.text;
          // Whoever asks for more has handed on what it got.
          this.#queue.shift();
          next.taken();
        } else if (this.#isFinished || this.#isClosed) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.close();
    }
  }

  #add(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#wake?.();
  }
}

/** The end at which chunks for a reader at another process are pushed, one piece at a time. */
class Sender {
  readonly #bus: Bus;
  readonly #runId: string;
  readonly #unsubscribe: () => void;
  #nextSeq = 0;
  #piece = 0;
  #taken: ((piece: number) => void) | undefined;
  #fail: (() => void) | undefined;
  #gone: ReaderGone | undefined;

  constructor(bus: Bus, runId: string) {
    this.#bus = bus;
    this.#runId = runId;
    this.#unsubscribe = bus.subscribe(takenSubject(runId), ({ piece }) =>
      this.#taken?.(Number(piece)),
    );
  }

  async push(seq: number, text: string): Promise<void> {
    if (seq < this.#nextSeq) return;
    for (const piece of piecesOf(text)) await this.#send(piece);
    this.#nextSeq = seq + 1;
  }

  fail(isSilent = false): void {
    this.#gone ??= new ReaderGone(isSilent);
    this.#fail?.();
  }

  stop(): void {
    this.fail();
    this.#unsubscribe();
  }

  #send(text: string): Promise<void> {
    if (this.#gone) return Promise.reject(this.#gone);
    const piece = this.#piece;
    const publish = () => this.#bus.publish(pieceSubject(this.#runId), { piece, text });
    return new Promise((resolve, reject) => {
      const resending = setInterval(publish, RESEND_MS);
      const giveUp = setTimeout(() => this.fail(true), SILENT_MS_MAX);
      const done = () => {
        clearInterval(resending);
        clearTimeout(giveUp);
        this.#taken = undefined;
        this.#fail = undefined;
      };
      this.#taken = (taken) => {
        if (taken !== piece) return;
        this.#piece += 1;
        done();
        resolve();
      };
      this.#fail = () => {
        done();
        reject(this.#gone);
      };
      publish();
    });
  }
}
