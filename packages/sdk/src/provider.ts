/**
 * A provider's connection, kept up.
 *
 *   1. Connect, identify, wait for the welcome. What was in hand is resumed.
 *   2. Send a heartbeat every so often; a server that says nothing for too long is gone.
 *   3. When the connection ends, wait and begin again, longer each time, unless the server said that
 *      it would end the same way: then stop for good.
 */
import {
  corkedTurns,
  decodeServerFrame,
  isId,
  LIMITS,
  LINK_CLOSINGS,
  type LinkClosing,
  linkClosingOf,
  PROVIDER_PATH,
  PROVIDER_PROTOCOL,
  type ProviderFrame,
  type ServerFrame,
} from "@guildhall/protocol";
import { type RawData, WebSocket } from "ws";
import type { ProviderConnection, ProviderOptions, ProviderState } from "./provider-types.ts";
import { Runs } from "./runs.ts";
import { Sessions } from "./sessions.ts";
import { Tasks } from "./tasks.ts";

type Stopped = Extract<ProviderState, { readonly kind: "stopped" }>;

const BACKOFF = { baseMs: 1_000, maxMs: 60_000 };
/** Doubling ends long before it would overflow. */
const BACKOFF_STEPS_MAX = 20;
const JITTER = 0.2;
/** A connection that lasts this long was a good one (LinkedClaw contract §7.3). */
const GOOD_AFTER_MS = 5_000;
/** From opening the socket to being welcomed. */
const WELCOME_MS = 15_000;
const DRAIN_MS = 5_000;
/** RFC 6455 §7.4.1: an end that says nothing about coming back. */
const GOING_AWAY = 1001;
/** From saying goodbye to the end of the socket. */
const CLOSE_MS = 2_000;
/** What a server sends may be larger than what it takes: it puts addresses into an input. */
const FRAME_BYTES_MAX = 4 * LIMITS.frameBytesMax;

/**
 * Connects an agent's provider and keeps it connected until it is stopped. Throws a `TypeError` when
 * the options cannot work; what goes wrong later is told by `onState` and `stopped`.
 */
export function connectProvider(options: ProviderOptions): ProviderConnection {
  return new Provider(options);
}

class Provider implements ProviderConnection {
  readonly stopped: Promise<Stopped>;
  readonly #options: ProviderOptions;
  readonly #url: URL;
  readonly #agentId: string;
  readonly #runs: Runs;
  readonly #sessions: Sessions;
  readonly #tasks: Tasks;
  readonly #resolveStopped: (state: Stopped) => void;
  #state: ProviderState = { kind: "connecting", attempt: 1 };
  #socket: WebSocket | undefined;
  #cork: (() => void) | undefined;
  #failures = 0;
  #wasConnected = false;
  #isStopping = false;
  #stopping: Promise<void> | undefined;
  #endPause: (() => void) | undefined;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#url = providerUrl(options.url);
    this.#agentId = options.agentId.replace(/^agt_/, "");
    if (!isId(this.#agentId)) throw new TypeError(`"${options.agentId}" is not an agent's id`);
    const own = { ...options, agentId: this.#agentId };
    const { concurrency = LIMITS.providerRunsDefault } = options;
    this.#sessions = new Sessions(own, (frame) => this.#send(frame));
    this.#runs = new Runs(
      own,
      (frame) => this.#send(frame),
      () => this.#tasks.running,
    );
    this.#tasks = new Tasks(
      own,
      (frame) => this.#send(frame),
      (tasks) => tasks + this.#runs.counted < concurrency,
    );
    const { promise, resolve } = Promise.withResolvers<Stopped>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    // Not before the caller has the connection in hand: `onState` may want to use it.
    queueMicrotask(() => void this.#keepUp());
  }

  get state(): ProviderState {
    return this.#state;
  }

  get running(): number {
    return this.#runs.running + this.#tasks.running;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  stop({
    drainMs = DRAIN_MS,
    comesBack = false,
  }: {
    readonly drainMs?: number;
    readonly comesBack?: boolean;
  } = {}): Promise<void> {
    this.#stopping ??= this.#stop(drainMs, comesBack);
    return this.#stopping;
  }

  async #stop(drainMs: number, comesBack: boolean): Promise<void> {
    this.#isStopping = true;
    // Without a connection nothing more can be delivered, and nobody is waited for.
    await this.#drain(this.#state.kind === "online" ? drainMs : 0, !comesBack);
    if (!comesBack) this.#send({ type: "goodbye" });
    this.#socket?.close(comesBack ? GOING_AWAY : LINK_CLOSINGS.goodbye.code);
    const timer = setTimeout(() => this.#socket?.terminate(), CLOSE_MS);
    this.#endPause?.();
    await this.stopped;
    clearTimeout(timer);
  }

  async #drain(drainMs: number, isGoodbye = false): Promise<void> {
    await Promise.all([
      this.#runs.drain(drainMs),
      this.#sessions.drain(drainMs, isGoodbye),
      this.#tasks.drain(drainMs, isGoodbye),
    ]);
  }

  async #keepUp(): Promise<void> {
    for (;;) {
      this.#enter({ kind: "connecting", attempt: this.#failures + 1 });
      const { closing, reason } = await this.#connectOnce();
      if (this.#isStopping) break;
      if (closing && LINK_CLOSINGS[closing].isFinal) {
        await this.#drain(0);
        this.#finish({ kind: "stopped", closing, reason });
        return;
      }
      const retryInMs = this.#backoffMs();
      this.#failures += 1;
      this.#enter({ kind: "waiting", retryInMs, reason });
      await this.#pause(retryInMs);
      if (this.#isStopping) break;
    }
    this.#finish({ kind: "stopped", closing: "goodbye", reason: "The provider was stopped." });
  }

  /** One connection from opening to end; says why it ended. */
  #connectOnce(): Promise<{ readonly closing: LinkClosing | undefined; readonly reason: string }> {
    return new Promise((resolve) => {
      const socket = new WebSocket(this.#url, {
        handshakeTimeout: WELCOME_MS,
        maxPayload: FRAME_BYTES_MAX,
        perMessageDeflate: false,
      });
      this.#socket = socket;
      const watch = new Watch(socket);
      let reason = "The connection was lost.";
      socket.on("error", (error) => {
        reason = error.message;
      });
      socket.on("upgrade", ({ socket }) => {
        this.#cork = corkedTurns(socket);
      });
      socket.on("open", () => this.#introduce());
      socket.on("ping", () => watch.heard());
      socket.on("message", (data: RawData) => {
        watch.heard();
        const decoded = decodeServerFrame(data.toString());
        if (!decoded.ok) return;
        const { frame } = decoded;
        if (frame.type === "rejected") reason = frame.message;
        else if (frame.type === "welcome") this.#welcomed(frame, watch);
        else this.#receive(frame);
      });
      socket.on("close", (code) => {
        watch.stop();
        if (this.#socket === socket) this.#socket = undefined;
        if (watch.wasGood) this.#failures = 0;
        resolve({ closing: linkClosingOf(code), reason });
      });
    });
  }

  #introduce(): void {
    const { key, client, concurrency = LIMITS.providerRunsDefault } = this.#options;
    this.#send({
      type: "identify",
      protocol: PROVIDER_PROTOCOL,
      key,
      agent: this.#agentId,
      client: client ?? "guildhall-sdk",
      concurrency: Math.min(concurrency, LIMITS.resumeRunsMax),
    });
  }

  #welcomed(
    welcome: { readonly epoch: number; readonly heartbeatMs: number; readonly missMs: number },
    watch: Watch,
  ): void {
    watch.welcomed(welcome, () => this.#send({ type: "heartbeat" }));
    if (this.#wasConnected) {
      const sessions = this.#sessions.inHand();
      this.#send({ type: "resume", runs: this.#runs.inHand(), sessions });
    }
    this.#wasConnected = true;
    this.#enter({ kind: "online", epoch: welcome.epoch });
  }

  #receive(frame: Exclude<ServerFrame, { readonly type: "welcome" | "rejected" }>): void {
    switch (frame.type) {
      case "announce":
      case "withdrawn":
      case "slot":
      case "filled":
      case "revoked":
        this.#tasks.receive(frame);
        break;
      case "ask":
      case "open":
      case "turn":
      case "brief":
      case "taken":
      case "close":
        this.#sessions.receive(frame);
        break;
      case "heartbeat":
      case "notice":
        break;
      default:
        this.#runs.receive(frame);
    }
  }

  #send(frame: ProviderFrame): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#cork?.();
    this.#socket.send(JSON.stringify(frame));
  }

  #backoffMs(): number {
    const { baseMs, maxMs } = this.#options.backoff ?? BACKOFF;
    const steps = Math.min(this.#failures, BACKOFF_STEPS_MAX);
    const jitter = 1 + JITTER * (2 * Math.random() - 1);
    return Math.round(Math.min(maxMs, baseMs * 2 ** steps) * jitter);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #enter(state: ProviderState): void {
    this.#state = state;
    this.#options.onState?.(state);
  }

  #finish(state: Stopped): void {
    this.#enter(state);
    this.#resolveStopped(state);
  }
}

/** Watches one socket: it is torn down when the server falls silent, or never says welcome. */
class Watch {
  readonly #socket: WebSocket;
  #silence: NodeJS.Timeout;
  #silenceMs = WELCOME_MS;
  #heartbeats: NodeJS.Timeout | undefined;
  #welcomedAtMs: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#silence = setTimeout(() => socket.terminate(), WELCOME_MS);
  }

  /** Whether the connection lasted, so that the next failure is a first one again. */
  get wasGood(): boolean {
    const sinceMs = this.#welcomedAtMs;
    return sinceMs !== undefined && performance.now() - sinceMs >= GOOD_AFTER_MS;
  }

  welcomed(
    { heartbeatMs, missMs }: { readonly heartbeatMs: number; readonly missMs: number },
    beat: () => void,
  ): void {
    this.#welcomedAtMs = performance.now();
    this.#silenceMs = missMs;
    this.#heartbeats = setInterval(beat, heartbeatMs);
    this.heard();
  }

  heard(): void {
    if (this.#welcomedAtMs === undefined) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#socket.terminate(), this.#silenceMs);
  }

  stop(): void {
    clearTimeout(this.#silence);
    clearInterval(this.#heartbeats);
  }
}

/** The socket's address for a server's: `http` becomes `ws`, and the path is appended. */
function providerUrl(server: string): URL {
  const url = new URL(server);
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new TypeError(`A server's address begins with http or ws, not ${url.protocol}`);
  }
  const path = url.pathname.replace(/\/$/, "");
  url.pathname = path.endsWith(PROVIDER_PATH) ? path : path + PROVIDER_PATH;
  return url;
}
