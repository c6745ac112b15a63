/** A host of agents, such as an editor: it starts our bridge and speaks ACP with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import {
  client,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  type RequestPermissionRequest,
  type SessionUpdate,
} from "@agentclientprotocol/sdk";
import { COMPILED } from "./support.ts";

const BIN = fileURLToPath(new URL("../bin/linkedclaw.mjs", import.meta.url));

export type Decision = "pay" | "decline" | "cancelled" | "nonsense";

export interface Host {
  readonly child: ChildProcess;
  readonly asked: RequestPermissionRequest[];
  readonly updates: SessionUpdate[];
  /** What the user answers when asked for money; asked anew each time. */
  decide: () => Decision | Promise<Decision>;
  open(): Promise<string>;
  /** One turn: how it stopped, and what was said meanwhile. */
  prompt(id: string, text: string): Promise<{ readonly stop: string; readonly said: string }>;
  cancel(id: string): Promise<void>;
  request<T>(method: string, params: object): Promise<T>;
  stderr(): string;
  /** Closes its input, as a host that ends does. Gives the exit code. */
  close(): Promise<number | null>;
}

/** Starts `linkedclaw acp serve` with these arguments and initialises it. */
export async function startHost(
  t: TestContext,
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): Promise<Host> {
  const child = spawn(process.execPath, [BIN, "acp", "serve", ...args], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const asked: RequestPermissionRequest[] = [];
  const updates: SessionUpdate[] = [];
  const connection = client({ name: "test-host" })
    .onRequest(methods.client.session.requestPermission, async ({ params }) => {
      asked.push(params);
      const decision = await host.decide();
      if (decision === "cancelled") return { outcome: { outcome: "cancelled" } };
      return { outcome: { outcome: "selected", optionId: decision } };
    })
    .onNotification(methods.client.session.update, ({ params }) => void updates.push(params.update))
    .connect(
      ndJsonStream(
        Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
        Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      ),
    );
  const { agent } = connection;
  const host: Host = {
    ...{ child, asked, updates },
    decide: () => "pay",
    async open() {
      const { sessionId } = await agent.request(methods.agent.session.new, {
        cwd: process.cwd(),
        mcpServers: [],
      });
      return sessionId;
    },
    async prompt(sessionId, text) {
      const from = updates.length;
      const { stopReason } = await agent.request(methods.agent.session.prompt, {
        sessionId,
        prompt: [{ type: "text", text }],
      });
      return { stop: stopReason, said: saidIn(updates.slice(from)) };
    },
    cancel: (sessionId) => agent.notify(methods.agent.session.cancel, { sessionId }),
    request: (method, params) => agent.request(method, params),
    stderr: () => stderr,
    async close() {
      const ended = once(child, "close");
      connection.close();
      child.stdin.end();
      const [code] = await ended;
      return code as number | null;
    },
  };
  await agent.request(methods.agent.initialize, { protocolVersion: PROTOCOL_VERSION });
  return host;
}

/** The text of an agent's words, a line each. */
export function saidIn(updates: readonly SessionUpdate[]): string {
  return updates
    .map((update) =>
      update.sessionUpdate === "agent_message_chunk" && update.content.type === "text"
        ? update.content.text
        : "",
    )
    .filter((text) => text !== "")
    .join("\n");
}
