/** A server's end of the provider protocol, moved by hand, over a real socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  decodeProviderFrame,
  LINK_CLOSINGS,
  type LinkClosing,
  type ProviderFrame,
  type ServerFrame,
} from "@guildhall/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import { connectProvider, type ProviderOptions, type ProviderState } from "../src/index.ts";

export const AGENT = "0".repeat(23).concat("a");
type Offer = Extract<ServerFrame, { readonly type: "offer" }>;

/** Waits for something that other programs bring about. The limit is for hanging tests only. */
export async function until(isTrue: () => unknown, limitMs = 10_000): Promise<void> {
  const givesUpAt = performance.now() + limitMs;
  while (!isTrue()) {
    assert.ok(performance.now() < givesUpAt, `never came true: ${isTrue.toString()}`);
    await sleep(2);
  }
}

/** One connection of a provider, as the server sees it. */
export class Line {
  readonly frames: ProviderFrame[] = [];
  readonly socket: WebSocket;
  #read = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const decoded = decodeProviderFrame(data.toString());
      assert.ok(decoded.ok, `a frame that no server would take: ${data.toString().slice(0, 200)}`);
      this.frames.push(decoded.frame);
    });
  }

  send(frame: ServerFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame of this type; those of other types before it are passed over. */
  async next<T extends ProviderFrame["type"]>(
    type: T,
  ): Promise<Extract<ProviderFrame, { readonly type: T }>> {
    let found: ProviderFrame | undefined;
    await until(() => {
      while (!found && this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame?.type === type) found = frame;
      }
      return found;
    });
    return found as Extract<ProviderFrame, { readonly type: T }>;
  }

  async welcome(epoch = 1, heartbeatMs = 10_000, missMs = 30_000): Promise<void> {
    await this.next("identify");
    const frameBytesMax = 1_114_112;
    this.send({
      type: "welcome",
      protocol: 1,
      agent: AGENT,
      epoch,
      heartbeatMs,
      missMs,
      frameBytesMax,
    });
  }

  offer(overrides: Partial<Offer> = {}): Offer {
    const offer: Offer = {
      type: "offer",
      run: "1".repeat(24),
      attempt: 1,
      capability: "translate",
      input: { text: "hello" },
      manifest: { intention: "test" },
      requester: "2".repeat(24),
      chain: "3".repeat(24),
      maxMicros: "250",
      deadline: new Date(Date.now() + 60_000).toISOString(),
      remainingMs: 60_000,
      timeoutSeconds: 60,
      chunks: { next: 0, until: 32 },
      ...overrides,
    };
    this.send(offer);
    return offer;
  }

  settle({ run, attempt }: Offer): void {
    this.send({ type: "settled", run, attempt, outcome: "ok" });
  }

  close(closing: LinkClosing): void {
    this.send({ type: "rejected", code: closing, message: `closing: ${closing}` });
    this.socket.close(LINK_CLOSINGS[closing].code, closing);
  }
}

export interface Scripted {
  readonly url: string;
  readonly states: ProviderState[];
  readonly provider: ReturnType<typeof connectProvider>;
  /** The next connection that the provider makes. */
  line(): Promise<Line>;
}

/** A provider, and the server that it connects to. */
export async function startScripted(
  t: TestContext,
  run: NonNullable<ProviderOptions["handlers"]["run"]>,
  options: Partial<ProviderOptions> = {},
): Promise<Scripted> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/provider" });
  await once(server, "listening");
  const lines: Line[] = [];
  server.on("connection", (socket) => lines.push(new Line(socket)));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const states: ProviderState[] = [];
  const provider = connectProvider({
    url,
    key: "gld_test",
    agentId: `agt_${AGENT}`,
    handlers: { run },
    backoff: { baseMs: 5, maxMs: 20 },
    onState: (state) => states.push(state),
    ...options,
  });
  t.after(async () => {
    for (const client of server.clients) client.terminate();
    server.close();
    await provider.stop({ drainMs: 0 });
  });
  let taken = 0;
  return {
    url,
    states,
    provider,
    async line() {
      await until(() => lines.length > taken);
      return lines[taken++] as Line;
    },
  };
}
