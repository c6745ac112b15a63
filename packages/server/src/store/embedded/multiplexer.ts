/**
 * Many connections on the one backend of the embedded host.
 *
 *   1. A client's messages are collected into batches: what it sends before it waits for an answer.
 *   2. Clients with a whole batch queue for the backend, first come first served. One has it from
 *      its first batch to the ready-for-query that ends its cycle or its transaction, so nobody's
 *      statements ever come between another's.
 *   3. A client that has the backend and says nothing for `LIMITS.idleInTransactionMs` is rolled
 *      back and ended: everybody is waiting for it.
 *   4. When a client goes, its transaction is rolled back and its statements are closed.
 *   5. Housekeeping queues like a client.
 *
 * Prepared statements live in the backend, so each client's names get its own prefix.
 */
import type { MessagePort } from "node:worker_threads";
import { monotonicMs } from "../../lib/clock.ts";
import type { Engine } from "./engine.ts";
import { GOODBYE } from "./port-stream.ts";
import {
  asksForEncryption,
  asksToCancel,
  closeStatementMessage,
  copyFailMessage,
  endsBatch,
  FROM_CLIENT,
  fatalMessage,
  type Message,
  MessageReader,
  queryMessage,
  readyStatusOf,
  renameStatement,
  sqlOf,
  statementNameOf,
  syncMessage,
  withoutMessages,
} from "./wire.ts";

export const LIMITS = {
  /** A transaction awaits nothing but the database, for at most this long (`Database.transaction`). */
  idleInTransactionMs: 2_000,
  /** How long the worker may go on without looking whether something new has come in. */
  turnMs: 10,
} as const;

const IDLE_CHECK_MS = 100;
const NO_TRANSACTION = "I";
/** COPY FROM STDIN waits for rows in a way that ends this engine. */
const MAY_COPY = /\bcopy\b.*\bstdin\b/is;
const COPY_REFUSAL =
  "COPY FROM STDIN cannot be served by the embedded database; insert from unnest";
const COPY_IN_RESPONSE = "G";
/** SQLSTATE idle_in_transaction_session_timeout and protocol_violation. */
const IDLE_IN_TRANSACTION = "25P03";
const PROTOCOL_VIOLATION = "08P01";

type Task = () => Promise<void>;

interface Client {
  port: MessagePort;
  reader: MessageReader;
  /** Put before the names of its statements. */
  prefix: string;
  statements: Set<string>;
  /** Messages of a batch that is not whole yet. */
  unfinished: Message[];
  batches: Message[][];
  isQueued: boolean;
  hasLeft: boolean;
  /** Whether any of its statements may be a COPY FROM STDIN. */
  mayCopy: boolean;
}

export class Multiplexer {
  readonly #engine: Engine;
  readonly #onEnded: (reason: string) => void;
  readonly #queue: (Client | Task)[] = [];
  #clientCount = 0;
  #owner: Client | undefined;
  #ownerQuietSince = 0;
  /** Whose the unnamed statement is that the backend holds at present. */
  #unnamedOwner: Client | undefined;
  #isRunning = false;
  #lastBatchAt = monotonicMs();
  readonly #idleCheck: NodeJS.Timeout;

  /** @param onEnded hears why a client was ended that had not asked for it */
  constructor(engine: Engine, onEnded: (reason: string) => void) {
    this.#engine = engine;
    this.#onEnded = onEnded;
    this.#idleCheck = setInterval(() => this.#endIdleOwner(), IDLE_CHECK_MS);
  }

  /** Milliseconds since a client last had something done. */
  get idleMs(): number {
    return monotonicMs() - this.#lastBatchAt;
  }

  /** Takes in a client: one end of a channel, a `PortStream` on the other. */
  connect(port: MessagePort): void {
    const client: Client = {
      port,
      reader: new MessageReader(),
      prefix: `${++this.#clientCount}.`,
      statements: new Set(),
      unfinished: [],
      batches: [],
      isQueued: false,
      hasLeft: false,
      mayCopy: false,
    };
    port.on("message", (bytes: Uint8Array) => this.#receive(client, bytes));
    port.once("close", () => this.#leave(client));
  }

  /** Runs a task of the server's own when its turn comes: no client has the backend meanwhile. */
  schedule(task: Task): void {
    this.#queue.push(task);
    this.#run();
  }

  /** Takes no more work. What is under way is finished. */
  stop(): void {
    clearInterval(this.#idleCheck);
    this.#queue.length = 0;
  }

  #receive(client: Client, bytes: Uint8Array): void {
    try {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (const message of client.reader.read(chunk)) this.#take(client, message);
    } catch (error) {
      this.#end(client, PROTOCOL_VIOLATION, String(error));
    }
  }

  #take(client: Client, message: Message): void {
    if (client.hasLeft) return;
    if (message.type === "") {
      this.#begin(client, message);
    } else if (message.type === FROM_CLIENT.terminate) {
      this.#leave(client);
    } else {
      client.unfinished.push(message);
      if (!endsBatch(message)) return;
      client.batches.push(client.unfinished);
      client.unfinished = [];
      if (client !== this.#owner && !client.isQueued) this.#enqueue(client);
      this.#run();
    }
  }

  /** What is said before a session: there is nothing to encrypt, and a query cannot be cancelled. */
  #begin(client: Client, message: Message): void {
    if (asksForEncryption(message)) send(client, Buffer.from("N"));
    else if (asksToCancel(message)) this.#leave(client);
    else send(client, this.#engine.greeting);
  }

  #enqueue(client: Client): void {
    client.isQueued = true;
    this.#queue.push(client);
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#runTurns().finally(() => {
      this.#isRunning = false;
    });
  }

  async #runTurns(): Promise<void> {
    let turnEndsAt = monotonicMs() + LIMITS.turnMs;
    for (;;) {
      if (this.#owner) {
        const batch = this.#owner.batches.shift();
        if (!batch) return;
        await this.#serve(this.#owner, batch);
      } else {
        const next = this.#queue.shift();
        if (!next) return;
        if (typeof next === "function") {
          this.#unnamedOwner = undefined;
          await next();
        } else {
          next.isQueued = false;
          this.#owner = next;
        }
      }
      if (monotonicMs() < turnEndsAt) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      turnEndsAt = monotonicMs() + LIMITS.turnMs;
    }
  }

  async #serve(client: Client, batch: readonly Message[]): Promise<void> {
    const answer = await this.#engine.run(
      Buffer.concat(batch.flatMap((message) => this.#translate(client, message))),
    );
    send(client, client.mayCopy ? withoutMessages(answer, COPY_IN_RESPONSE) : answer);
    this.#lastBatchAt = monotonicMs();
    this.#ownerQuietSince = this.#lastBatchAt;
    if (readyStatusOf(answer) !== NO_TRANSACTION) return;
    this.#owner = undefined;
    if (client.batches.length > 0) this.#enqueue(client);
  }

  /** A client's message as the backend gets it. */
  #translate(client: Client, message: Message): Buffer[] {
    const sql = sqlOf(message);
    client.mayCopy ||= MAY_COPY.test(sql);
    const bytes = this.#withOwnName(client, message);
    const runs = message.type === FROM_CLIENT.query || message.type === FROM_CLIENT.execute;
    return client.mayCopy && runs ? [bytes, copyFailMessage(COPY_REFUSAL)] : [bytes];
  }

  #withOwnName(client: Client, message: Message): Buffer {
    if (message.type === FROM_CLIENT.query) this.#unnamedOwner = undefined;
    const name = statementNameOf(message);
    if (name === undefined) return message.bytes;
    if (name === "") {
      if (message.type === FROM_CLIENT.parse) this.#unnamedOwner = client;
      // Another's unnamed statement must not be run in place of this client's: there is none of
      // the name that is its prefix, and the backend says so.
      return this.#unnamedOwner === client
        ? message.bytes
        : renameStatement(message, client.prefix);
    }
    if (message.type === FROM_CLIENT.parse) client.statements.add(name);
    if (message.type === FROM_CLIENT.close) client.statements.delete(name);
    return renameStatement(message, client.prefix + name);
  }

  #endIdleOwner(): void {
    const client = this.#owner;
    if (!client || this.#isRunning || client.batches.length > 0) return;
    if (monotonicMs() - this.#ownerQuietSince < LIMITS.idleInTransactionMs) return;
    const seconds = LIMITS.idleInTransactionMs / 1000;
    const reason =
      `the transaction was idle for ${seconds} s and was rolled back: inside a transaction, await ` +
      "its own queries and nothing else";
    this.#end(client, IDLE_IN_TRANSACTION, reason);
  }

  #end(client: Client, sqlState: string, reason: string): void {
    this.#onEnded(reason);
    send(client, fatalMessage(sqlState, reason));
    this.#leave(client);
  }

  #leave(client: Client): void {
    if (client.hasLeft) return;
    client.hasLeft = true;
    client.port.postMessage(GOODBYE);
    client.port.close();
    client.batches.length = 0;
    const queuedAt = this.#queue.indexOf(client);
    if (queuedAt >= 0) this.#queue.splice(queuedAt, 1);
    const hadBackend = client === this.#owner;
    if (hadBackend) this.#owner = undefined;
    if (!hadBackend && client.statements.size === 0) return;
    this.#queue.unshift(async () => {
      const closings = [...client.statements].map((name) =>
        closeStatementMessage(client.prefix + name),
      );
      // The first sync ends a cycle that it may have left open.
      const end = hadBackend ? [syncMessage(), queryMessage("rollback")] : [];
      await this.#engine.run(Buffer.concat([...end, ...closings, syncMessage()]));
    });
    this.#run();
  }
}

function send(client: Client, bytes: Buffer): void {
  if (client.hasLeft || bytes.length === 0) return;
  const copy = new Uint8Array(bytes);
  client.port.postMessage(copy, [copy.buffer]);
}
