/**
 * The bus between processes, over NATS.
 *
 * All processes hear all messages, on one NATS subject: hints are small and few. A process hears its
 * own directly, so that without NATS it still works alone. While NATS is away, what is published
 * reaches this process only and is counted; the connection is tried again for ever.
 */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { BusMessage } from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";
import { type BusCounts, type CountingBus, LocalBus } from "./local.ts";

const RECONNECT_MS = 2_000;
/** A server that does not answer two pings is away, and its buffer must not fill up for it. */
const PING_MS = 3_000;
const PINGS_MAX = 2;

interface Envelope {
  readonly subject: string;
  readonly message: BusMessage;
}

export class NatsBus implements CountingBus {
  readonly #local: LocalBus;
  readonly #log: Log;
  readonly #url: URL;
  readonly #natsSubject: string;
  readonly #keepingUp: Promise<void>;
  #connection: NatsConnection | undefined;
  #isUp = false;
  #isClosed = false;
  #endPause: (() => void) | undefined;

  /**
   * `url` is `nats://[user:password@|token@]host[:port]`, or `tls://…`. Installations that share a
   * NATS server are kept apart by `namespace`.
   */
  constructor(options: { readonly url: string; readonly namespace: string; readonly log: Log }) {
    this.#log = options.log;
    this.#local = new LocalBus(options.log);
    this.#url = new URL(options.url);
    this.#natsSubject = `guildhall.${options.namespace.replace(/[^A-Za-z0-9_-]/g, "_")}`;
    this.#keepingUp = this.#keepUp();
  }

  get counts(): Readonly<BusCounts> {
    return this.#local.counts;
  }

  get reachesOthers(): boolean {
    return this.#isUp;
  }

  get problem(): string | undefined {
    return this.#isUp ? undefined : "NATS does not answer: processes hear of each other late";
  }

  publish(subject: string, message: BusMessage): void {
    const isHeardHere = this.#local.publish(subject, message);
    if (!isHeardHere) return;
    const text = JSON.stringify({ subject, message } satisfies Envelope);
    if (this.#connection && this.#isUp) {
      try {
        this.#connection.publish(this.#natsSubject, text);
        return;
      } catch (error) {
        this.#log.warn({ error, subject }, "a message on the bus could not be sent");
      }
    }
    this.#local.counts.dropped += 1;
  }

  subscribe(subject: string, listener: (message: BusMessage) => void): () => void {
    return this.#local.subscribe(subject, listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isUp = false;
    this.#endPause?.();
    await this.#connection?.close();
    await this.#keepingUp;
    await this.#local.close();
  }

  /** Connects, and connects again whenever the client gives a connection up for good. */
  async #keepUp(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = await this.#connect();
        void this.#watch(connection);
        await connection.closed();
      } catch (error) {
        this.#log.warn({ error }, "NATS cannot be reached; trying again");
      }
      this.#isUp = false;
      if (!this.#isClosed) await this.#pause();
    }
  }

  async #connect(): Promise<NatsConnection> {
    const { protocol, hostname, port, username, password } = this.#url;
    const connection = await connect({
      servers: `${hostname}:${port || "4222"}`,
      ...(protocol === "tls:" && { tls: {} }),
      ...credentials(decodeURIComponent(username), decodeURIComponent(password)),
      name: "guildhall",
      noEcho: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: PINGS_MAX,
    });
    this.#connection = connection;
    connection.subscribe(this.#natsSubject, {
      callback: (error, message) => {
        if (!error) this.#receive(message.string());
      },
    });
    // Once this is through, the server knows of the subscription.
    await connection.flush().catch(() => connection.close());
    this.#isUp = !this.#isClosed && !connection.isClosed();
    if (this.#isClosed) await connection.close();
    return connection;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#isUp = false;
        this.#log.warn({}, "NATS is away; hints between processes are dropped meanwhile");
      } else if (status.type === "reconnect") {
        this.#isUp = true;
        this.#log.info({}, "NATS is back");
      }
    }
  }

  #receive(text: string): void {
    const envelope = readEnvelope(text);
    if (envelope) this.#local.deliver(envelope.subject, envelope.message);
    else this.#log.warn({}, "a message on the bus was not one of ours");
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timeout = setTimeout(resolve, RECONNECT_MS);
      this.#endPause = () => {
        clearTimeout(timeout);
        resolve();
      };
    });
  }
}

function credentials(username: string, password: string): object {
  if (username === "") return {};
  return password === "" ? { token: username } : { user: username, pass: password };
}

/** Whoever else may write to this NATS server, nothing but flat messages gets further. */
function readEnvelope(text: string): Envelope | undefined {
  try {
    const { subject, message } = JSON.parse(text) as Partial<Envelope>;
    const isFlat =
      typeof message === "object" &&
      message !== null &&
      Object.values(message).every((value) => typeof value !== "object" || value === null);
    return typeof subject === "string" && isFlat ? { subject, message } : undefined;
  } catch {
    return undefined;
  }
}
