/** A program that runs models, by the frames of OpenMarlin contract §9: as plain as they come. */
import { once } from "node:events";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import { afterTest } from "../support/cleanup.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever frame the test looks into.
export type Frame = any;

export interface NodeClient {
  readonly socket: WebSocket;
  /** Frames that came, in their order. */
  readonly frames: Frame[];
  say(frame: object): void;
  /** The first frame that fits, be it there or to come. */
  next(fits: (frame: Frame) => boolean): Promise<Frame>;
  close(): Promise<void>;
}

export interface NodeSettings {
  readonly providerId?: string;
  readonly models?: readonly string[];
  readonly kinds?: readonly string[];
  readonly labels?: Record<string, string>;
  readonly defaultModel?: string;
  readonly concurrency?: number;
  /** What it does with an execution; without it, nothing by itself. */
  readonly run?: (request: Frame, node: NodeClient) => void | Promise<void>;
}

/** Opens a connection and introduces itself; gives what came back first. */
export async function openNode(
  t: TestContext,
  { url }: { readonly url: string },
  key: string,
  settings: NodeSettings = {},
): Promise<{ readonly node: NodeClient; readonly first: Frame }> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/providers/connect`, {
    headers: { authorization: `Bearer ${key}` },
  });
  afterTest(t, () => socket.terminate());
  const frames: Frame[] = [];
  const node: NodeClient = {
    socket,
    frames,
    say: (frame) => socket.send(JSON.stringify(frame)),
    async next(fits) {
      for (;;) {
        const found = frames.find(fits);
        if (found) return found;
        await once(socket, "message");
      }
    },
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      await once(socket, "close");
    },
  };
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data));
    frames.push(frame);
    if (frame.type === "execution.request") void settings.run?.(frame, node);
  });
  await once(socket, "open");
  const {
    providerId = "node-a",
    models = ["acme/echo-1"],
    kinds,
    labels,
    concurrency = 8,
  } = settings;
  node.say({
    ...{
      type: "hello",
      protocol: 1,
      provider_id: providerId,
      models,
      max_concurrency: concurrency,
    },
    ...(kinds && { kinds }),
    ...(labels && { labels }),
    ...(settings.defaultModel && { default_model: settings.defaultModel }),
  });
  const first = await node.next(() => true);
  return { node, first };
}

/** The same where it is expected to be welcome. */
export async function startNode(
  t: TestContext,
  server: { readonly url: string },
  key: string,
  settings: NodeSettings = {},
): Promise<NodeClient> {
  const { node, first } = await openNode(t, server, key, settings);
  if (first.type !== "welcome") throw new Error(`not welcome: ${JSON.stringify(first)}`);
  return node;
}

/** Answers with the instruction in capitals; streamed where that is asked for, a word a chunk. */
export function shout(request: Frame, node: NodeClient): void {
  const { request_id, instruction, stream } = request;
  const output = String(instruction).toUpperCase();
  node.say({ type: "execution.accepted", request_id });
  if (stream) {
    const words = output.match(/\S+\s*/g) ?? [];
    for (const [sequence, text] of words.entries()) {
      node.say({ type: "execution.chunk", request_id, sequence, text });
    }
  }
  node.say({ type: "execution.end", request_id, output, metadata: { by: "shout" } });
}

/** The whole events of a stream, as far as it came; comments are passed over. */
export function eventsOf(text: string): { readonly event: string; readonly data: Frame }[] {
  const blocks = text.split("\n\n").slice(0, -1);
  return blocks
    .filter((block) => block.startsWith("event: "))
    .map((block) => {
      const [first = "", second = ""] = block.split("\n");
      return {
        event: first.slice("event: ".length),
        data: JSON.parse(second.slice("data: ".length)),
      };
    });
}
