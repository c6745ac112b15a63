/**
 * Hands each piece of work to an agent of its own, spawned for it and spoken to in the Agent Client
 * Protocol (LinkedClaw contract §8). Only the text that it ends with goes back to who hired it.
 */
import { mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ProviderError } from "@guildhall/sdk";
import { DIRECTORY_MODE } from "../../config/directory.ts";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type AcpAgent, AcpAgentEnded, startAcpAgent } from "./acp-agent.ts";
import type { PermissionMode } from "./acp-permission.ts";
import type { Handler, HandlerEvents, Job } from "./handler.ts";
import { outboundText } from "./outbound-text.ts";

/** A shell's codes for a command that cannot be run and for one that is not there. */
const NOT_RUNNABLE: ReadonlySet<number | null> = new Set([126, 127]);
/** Stands for a job's id in the command. */
const JOB = /\{job\}/g;
/** Others may write here, and the one that keeps them from replacing what is not theirs. */
const SHARED = 0o022;
const STICKY = 0o1000;

export interface AcpHandlerOptions extends HandlerEvents {
  readonly command: string;
  readonly permissions: PermissionMode;
  /** Where directories for jobs are made; by default `lc-acp` in the directory for temporary files. */
  readonly cwdBase: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Never to be said. */
  readonly key: string;
  readonly version: string;
  /** What the listing promises of a capability. */
  readonly describe: (capability: string) => string | undefined;
}

/** A handler that spawns agents. Refuses a directory that others could tamper with. */
export async function acpHandler(options: AcpHandlerOptions): Promise<Handler> {
  const cwdBase = await safeDirectory(options.cwdBase ?? join(tmpdir(), "lc-acp"));
  return new AcpHandler(options, cwdBase);
}

class AcpHandler implements Handler {
  readonly #options: AcpHandlerOptions;
  readonly #cwdBase: string;
  /** Agents at work, and agents that are about to end. */
  readonly #open = new Set<Promise<unknown>>();
  /** An agent was there once: what fails from then on is not the command. */
  #hasWorked = false;

  constructor(options: AcpHandlerOptions, cwdBase: string) {
    this.#options = options;
    this.#cwdBase = cwdBase;
  }

  async run(job: Job, signal: AbortSignal) {
    const description = this.#options.describe(job.capability);
    const work = this.#told(job.invoke_id, async () => {
      const agent = await this.#start(job.invoke_id, signal);
      try {
        return await agent.prompt(promptOf(job, description), signal);
      } finally {
        this.#dispose(agent);
      }
    });
    this.#keep(work);
    const text = await work;
    return { output: { text: outboundText(text, this.#options.key) } };
  }

  async close(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  async #start(jobId: string, signal: AbortSignal): Promise<AcpAgent> {
    const { command, env, permissions, version } = this.#options;
    const agent = await startAcpAgent(
      {
        // Ids are letters, digits and underscores: they mean nothing to a shell.
        command: command.replace(JOB, jobId),
        cwdBase: this.#cwdBase,
        ...{ env, permissions },
        client: { name: "linkedclaw", version },
      },
      signal,
    );
    this.#hasWorked = true;
    return agent;
  }

  /** The answer does not wait for its agent's end; whoever closes the handler does. */
  #dispose(agent: AcpAgent): void {
    const { onEvent } = this.#options;
    this.#keep(
      agent.close().catch((error: unknown) => {
        onEvent("acp_not_cleared", { reason: String(error) });
      }),
    );
  }

  #keep(work: Promise<unknown>): void {
    this.#open.add(work);
    const forget = () => this.#open.delete(work);
    work.then(forget, forget);
  }

  /** Does it, and says where an agent ended too early, or gave up with a reason. */
  async #told<T>(jobId: string, work: () => Promise<T>): Promise<T> {
    const { onEvent, onHopeless, command } = this.#options;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AcpAgentEnded)) {
        if (error instanceof ProviderError && error.cause !== undefined) {
          onEvent("acp_agent_failed", { job: jobId, reason: String(error.cause) });
        }
        throw error;
      }
      const { exit } = error;
      onEvent("acp_agent_exited", { job: jobId, ...exit });
      if (!this.#hasWorked && NOT_RUNNABLE.has(exit.code)) {
        const message = `${error.message}: the agent cannot be run: ${command}`;
        onHopeless(new Failure("acp_agent_exited", message, { facts: { exit_code: exit.code } }));
      }
      const message = "The agent ended before it answered.";
      throw new ProviderError("provider_failed", message, { cause: error });
    }
  }
}

/** What an agent is told: what was promised, what it is for, and the input as it came. */
function promptOf(job: Job, description: string | undefined): string {
  const { intention } = fieldsOf(job.manifest);
  return [
    `You are hired for one piece of work: ${job.capability}.`,
    ...(description === undefined ? [] : [`What was promised: ${description}`]),
    ...(typeof intention === "string" ? [`What it is for: ${intention}`] : []),
    "Answer with the result alone: the text of your answer is what gets delivered.",
    `The input, as JSON:\n${JSON.stringify(job.input, null, 2)}`,
  ].join("\n\n");
}

async function safeDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  if (process.platform === "win32") return directory;
  const { mode, uid } = await stat(directory);
  const isOurs = uid === process.getuid?.() || uid === 0;
  if (isOurs && ((mode & SHARED) === 0 || (mode & STICKY) !== 0)) return directory;
  throw new Failure(
    "config_error",
    `${directory} belongs to somebody else, or others may write in it.`,
    { hint: "Name another directory: --acp-cwd-base DIRECTORY", facts: { path: directory } },
  );
}
