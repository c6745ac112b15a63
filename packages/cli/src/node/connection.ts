/**
 * A node's connection: it introduces itself, does what it is asked, and comes back when the connection
 * breaks, after a pause that grows. What it had in hand then is over: the server asks again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LINK_CLOSINGS } from "@guildhall/protocol";
import { WebSocket } from "ws";
import { fieldsOf } from "../server.ts";
import type { ExecutionRequest, Runner } from "./runner.ts";

/** What a node says of itself. */
export interface NodeDescription {
  readonly provider_id: string;
  readonly kinds: readonly string[];
  readonly models: readonly string[];
  readonly default_model?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly max_concurrency: number;
  readonly client: string;
}

export interface NodeOptions {
  readonly url: string;
  readonly key: string;
  readonly description: NodeDescription;
  readonly runner: Runner;
  readonly onEvent: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** The server will never have it: why, in its words. */
export class NodeRejected extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const PATH = "/v1/providers/connect";
const PROTOCOL = 1;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;
/** Bytes that may wait for the network before an execution's output is held back. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const ROOM_CHECK_MS = 10;
/** Closings that another attempt would meet again. */
const FINAL = new Set(
  Object.entries(LINK_CLOSINGS)
    .filter(([, { isFinal }]) => isFinal)
    .map(([name]) => name),
).add("protocol_error");

export class NodeConnection {
  readonly #options: NodeOptions;
  readonly #running = new Map<string, AbortController>();
  readonly #stopping = new AbortController();
  #socket: WebSocket | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Executions in hand. */
  get running(): number {
    return this.#running.size;
  }

  /** Stays connected until it is stopped. Throws `NodeRejected`. */
  async run(): Promise<void> {
    let waitMs = RETRY_MS_MIN;
    while (!this.#stopping.signal.aborted) {
      const { wasWelcome, code, reason } = await this.#connectOnce();
      if (this.#stopping.signal.aborted) return;
      if (FINAL.has(code)) throw new NodeRejected(code, reason);
      if (wasWelcome) waitMs = RETRY_MS_MIN;
      this.#options.onEvent("disconnected", { reason, retry_in_ms: waitMs });
      await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
    }
  }

  /** Takes no more, lets what runs finish for a while, and goes. */
  async stop(drainMs: number): Promise<void> {
    const untilMs = performance.now() + drainMs;
    while (this.#running.size > 0 && performance.now() < untilMs) await sleep(50);
    this.#stopping.abort();
    this.#say({ type: "goodbye", reason: "stopped" });
    this.#socket?.close();
  }

  #connectOnce(): Promise<{ wasWelcome: boolean; code: string; reason: string }> {
    const { url, key, description, onEvent } = this.#options;
    const socket = new WebSocket(url.replace(/^http/, "ws").replace(/\/+$/, "") + PATH, {
      headers: { authorization: `Bearer ${key}` },
    });
    this.#socket = socket;
    let wasWelcome = false;
    let code = "closed";
    let reason = "The connection broke.";
    socket.on("open", () => this.#say({ type: "hello", protocol: PROTOCOL, ...description }));
    socket.on("message", (data) => {
      const frame = fieldsOf(JSON.parse(String(data)));
      if (frame.type === "welcome") {
        wasWelcome = true;
        onEvent("connected", { provider_id: description.provider_id, models: description.models });
      } else if (frame.type === "reject" || frame.type === "closing") {
        code = String(frame.error);
        reason = String(frame.message);
      } else if (frame.type === "notice") {
        onEvent("notice", { error: frame.error, message: frame.message });
      } else if (frame.type === "execution.cancel") {
        this.#running.get(String(frame.request_id))?.abort(new Error(String(frame.reason)));
      } else if (frame.type === "execution.request") {
        void this.#execute(socket, frame as unknown as ExecutionRequest);
      }
    });
    socket.on("error", (error) => {
      reason = error.message;
    });
    return new Promise((resolve) => {
      socket.on("close", () => {
        for (const controller of this.#running.values()) controller.abort(new Error(reason));
        resolve({ wasWelcome, code, reason });
      });
    });
  }

  async #execute(socket: WebSocket, asked: ExecutionRequest): Promise<void> {
    const { request_id } = asked;
    const { runner, description, onEvent } = this.#options;
    if (this.#running.size >= description.max_concurrency || this.#stopping.signal.aborted) {
      this.#say({ type: "execution.error", request_id, error: "busy", message: "Too much to do." });
      return;
    }
    if (this.#running.has(request_id)) return;
    const controller = new AbortController();
    this.#running.set(request_id, controller);
    const startedMs = performance.now();
    let sequence = 0;
    const onText = async (text: string): Promise<void> => {
      controller.signal.throwIfAborted();
      if (!asked.stream || text === "") return;
      this.#say({ type: "execution.chunk", request_id, sequence, text });
      sequence += 1;
      while (socket.bufferedAmount > BUFFERED_BYTES_MAX && !controller.signal.aborted) {
        await sleep(ROOM_CHECK_MS);
      }
    };
    try {
      this.#say({ type: "execution.accepted", request_id });
      const answer = await runner.run(asked, onText, controller.signal);
      this.#say({ type: "execution.end", request_id, ...answer });
      const ms = Math.round(performance.now() - startedMs);
      onEvent("executed", { request_id, model: asked.model, ms });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      onEvent("execution_failed", { request_id, reason: message });
      if (!controller.signal.aborted) {
        this.#say({ type: "execution.error", request_id, error: "handler_failed", message });
      }
    } finally {
      this.#running.delete(request_id);
    }
  }

  #say(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }
}
