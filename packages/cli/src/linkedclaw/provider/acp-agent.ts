/**
 * One agent, spawned for one job or one session, spoken to in the Agent Client Protocol over its stdin and stdout.
 *
 *   1. It is started in an empty directory of its own, with the environment that it may see.
 *   2. Each turn is a prompt; what it says meanwhile is put together, what it thinks is dropped.
 *   3. It ends with its job, however the job ends, and its directory goes with it.
 *
 * Nothing of this machine is offered to it: no files, no terminals, no other servers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import type { ClientConnection, SessionNotification } from "@agentclientprotocol/sdk";
import {
  client,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
} from "@agentclientprotocol/sdk";
import { LIMITS } from "@guildhall/protocol";
import { ProviderError } from "@guildhall/sdk";
import { type PermissionMode, permissionAnswer, toolNameOf } from "./acp-permission.ts";
import { killGroup } from "./child.ts";

/** Between being asked to end and being made to. */
const CLOSE_GRACE_MS = 1_000;
/** Of an agent that floods us, so many tools are remembered by name. */
const TOOL_NAMES_MAX = 1_000;

export interface AcpAgentOptions {
  readonly command: string;
  /** Directories are made in it. */
  readonly cwdBase: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly permissions: PermissionMode;
  readonly client: { readonly name: string; readonly version: string };
}

/** How an agent ended. */
export interface AcpExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface AcpAgent {
  /** It ended, or is being made to. */
  readonly isOver: boolean;
  /**
   * One turn: the text that it answers with. Rejects with the signal's reason, and then it is killed;
   * with a `ProviderError` where it answers with none; with `AcpAgentEnded` where it ends.
   */
  prompt(text: string, signal: AbortSignal): Promise<string>;
  /** Ends it and removes its directory. */
  close(): Promise<void>;
}

/** The agent ended before it answered. */
export class AcpAgentEnded extends Error {
  override readonly name = "AcpAgentEnded";
  readonly exit: AcpExit;

  constructor(exit: AcpExit, options?: ErrorOptions) {
    super(`acp_agent_exited code=${exit.code ?? exit.signal}`, options);
    this.exit = exit;
  }
}

/** Starts an agent and a session with it. Whatever fails, nothing of it is left behind. */
export async function startAcpAgent(
  options: AcpAgentOptions,
  signal: AbortSignal,
): Promise<AcpAgent> {
  signal.throwIfAborted();
  const cwd = await mkdtemp(join(options.cwdBase, "job-"));
  const agent = new SpawnedAgent(options, cwd);
  try {
    await agent.open(signal);
    return agent;
  } catch (error) {
    await agent.close();
    throw error;
  }
}

class SpawnedAgent implements AcpAgent {
  readonly #options: AcpAgentOptions;
  readonly #cwd: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<AcpExit>;
  readonly #connection: ClientConnection;
  readonly #toolNames = new Map<string, string>();
  #exit: AcpExit | undefined;
  #isEnding = false;
  #sessionId = "";
  #said: string[] = [];
  #saidBytes = 0;
  #isTurn = false;
  #flood: ProviderError | undefined;

  constructor(options: AcpAgentOptions, cwd: string) {
    this.#options = options;
    this.#cwd = cwd;
    this.#child = spawn(options.command, {
      cwd,
      shell: true,
      env: options.env,
      stdio: ["pipe", "pipe", "inherit"],
      // A group of its own: it ends with all that it started, and a terminal's Ctrl-C is ours alone.
      detached: process.platform !== "win32",
    });
    // Not `close`: what it started may have left its group and hold the pipes for ever.
    this.#ended = once(this.#child, "exit").then(
      ([code, signal]) => this.#noteExit({ code, signal } as AcpExit),
      // The shell itself could not be started.
      () => this.#noteExit({ code: 126, signal: null }),
    );
    this.#connection = this.#connect();
  }

  get isOver(): boolean {
    return this.#isEnding || this.#exit !== undefined;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { agent } = this.#connection;
    const { client: clientInfo, permissions } = this.#options;
    await this.#unlessEnded(
      agent.request(methods.agent.initialize, { protocolVersion: PROTOCOL_VERSION, clientInfo }),
      signal,
    );
    const { sessionId } = await this.#unlessEnded(
      agent.request(methods.agent.session.new, {
        cwd: this.#cwd,
        mcpServers: [],
        // Not all agents know it; those that do then have no tools to ask for.
        ...(permissions === "reject-all" ? { _meta: { disableBuiltInTools: true } } : {}),
      }),
      signal,
    );
    this.#sessionId = sessionId;
  }

  async prompt(text: string, signal: AbortSignal): Promise<string> {
    this.#said = [];
    this.#saidBytes = 0;
    this.#isTurn = true;
    const { stopReason } = await this.#unlessEnded(
      this.#connection.agent.request(methods.agent.session.prompt, {
        sessionId: this.#sessionId,
        prompt: [{ type: "text", text }],
      }),
      signal,
    ).finally(() => {
      this.#isTurn = false;
    });
    const said = this.#said.join("").trim();
    if (stopReason === "refusal") {
      throw new ProviderError("provider_failed", "The agent refused to do this.");
    }
    if (stopReason !== "end_turn") {
      throw new ProviderError("provider_failed", `The agent stopped early: ${stopReason}.`);
    }
    if (said === "") throw new ProviderError("provider_bad_output", "The agent said nothing.");
    return said;
  }

  async close(): Promise<void> {
    if (this.#exit === undefined) {
      this.#child.stdin?.end();
      killGroup(this.#child, "SIGTERM");
      const kill = setTimeout(() => killGroup(this.#child, "SIGKILL"), CLOSE_GRACE_MS);
      await this.#ended;
      clearTimeout(kill);
    }
    this.#connection.close();
    this.#child.stdout?.destroy();
    await rm(this.#cwd, { recursive: true, force: true, maxRetries: 5 });
  }

  #connect(): ClientConnection {
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error("the agent has no pipes");
    // A program that ended does not read; that it ended is said by `close`.
    stdin.on("error", () => undefined);
    const stream = ndJsonStream(
      Writable.toWeb(stdin) as WritableStream<Uint8Array>,
      Readable.toWeb(stdout) as ReadableStream<Uint8Array>,
      { maxMessageBytes: LIMITS.frameBytesMax },
    );
    return client({ name: this.#options.client.name })
      .onRequest(methods.client.session.requestPermission, ({ params }) => {
        const name = this.#toolNames.get(params.toolCall.toolCallId);
        return permissionAnswer(this.#options.permissions, params, name);
      })
      .onNotification(methods.client.session.update, ({ params }) => this.#hear(params))
      .connect(stream);
  }

  #hear({ update }: SessionNotification): void {
    if (update.sessionUpdate === "tool_call") {
      const name = toolNameOf(update);
      if (name !== undefined && this.#toolNames.size < TOOL_NAMES_MAX) {
        this.#toolNames.set(update.toolCallId, name);
      }
    }
    if (!this.#isTurn || update.sessionUpdate !== "agent_message_chunk") return;
    if (update.content.type !== "text") return;
    this.#saidBytes += Buffer.byteLength(update.content.text);
    if (this.#saidBytes <= LIMITS.bodyBytesMax) {
      this.#said.push(update.content.text);
      return;
    }
    this.#flood ??= new ProviderError("provider_bad_output", "The agent said more than 1 MB.");
    this.#end();
  }

  /** At once: nothing more is expected of it, not even where it left its group. */
  #end(): void {
    this.#isEnding = true;
    killGroup(this.#child, "SIGKILL");
    this.#connection.close();
  }

  #noteExit(exit: AcpExit): AcpExit {
    this.#exit = exit;
    return exit;
  }

  /** What the agent answers, if it lives to answer and there is time. */
  async #unlessEnded<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    const abort = () => this.#end();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    try {
      // Its answer may be on its way while it ends: then that came first.
      return await answer;
    } catch (error) {
      throw await this.#reasonOf(error, signal);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Why it gave no answer: it said so, it was made to end, or it ended. */
  async #reasonOf(error: unknown, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return signal.reason;
    if (this.#flood !== undefined) return this.#flood;
    if (error instanceof RequestError) {
      // In whose words? They may be about this machine, and who hired it is a stranger.
      const message = "The agent answered with an error.";
      return new ProviderError("provider_failed", message, { cause: error });
    }
    // The connection is gone: an agent that closed its stdout and lives on is of no use.
    const kill = setTimeout(() => killGroup(this.#child, "SIGKILL"), CLOSE_GRACE_MS);
    const exit = await this.#ended;
    clearTimeout(kill);
    return new AcpAgentEnded(exit, { cause: error });
  }
}
