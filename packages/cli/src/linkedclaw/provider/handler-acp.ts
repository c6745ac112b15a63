/**
 * Hands work to agents of its own, spawned for it and spoken to in the Agent Client Protocol
 * (LinkedClaw contract §8). Only the text that they end with goes back to who hired them.
 *
 *   1. A call, and a slot of a broadcast, has an agent for itself: one prompt, and it ends.
 *   2. A session has one for as long as it is open, and each message is a prompt. Where the agent
 *      ended in between, the next message gets a new one, and its reply says that it knows nothing.
 *   3. What an open quote costs stands in the listing: what strangers write must not set a price.
 */
import { mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Bill, ProviderError, type Quote } from "@guildhall/sdk";
import { DIRECTORY_MODE } from "../../config/directory.ts";
import { Failure } from "../../failure.ts";
import { type AcpAgent, AcpAgentEnded, startAcpAgent } from "./acp-agent.ts";
import type { PermissionMode } from "./acp-permission.ts";
import { firstMessagePrompt, invokePrompt, messageText, taskPrompt } from "./acp-prompts.ts";
import type { Handler, HandlerEvents } from "./handler.ts";
import {
  type BriefJob,
  type EndJob,
  type InvokeJob,
  type MessageJob,
  MICROS_PER_CREDIT,
  type TaskJob,
} from "./job.ts";
import { outboundText } from "./outbound-text.ts";

/** A shell's codes for a command that cannot be run and for one that is not there. */
const NOT_RUNNABLE: ReadonlySet<number | null> = new Set([126, 127]);
/** Stands for a job's id in the command. */
const JOB = /\{job\}/g;
/** Others may write here, and the one that keeps them from replacing what is not theirs. */
const SHARED = 0o022;
const STICKY = 0o1000;
const CONTEXT_LOST = "[The agent was started anew and does not remember what was said before.]\n\n";

/** What a listing says of a capability. */
export interface Offered {
  readonly description: string | undefined;
  /** Of an open quote. */
  readonly estimateCredits: number | undefined;
  readonly ceilingCredits: number | undefined;
}

export interface AcpHandlerOptions extends HandlerEvents {
  readonly command: string;
  readonly permissions: PermissionMode;
  /** Where directories for jobs are made; by default `lc-acp` in the directory for temporary files. */
  readonly cwdBase: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Never to be said. */
  readonly key: string;
  readonly version: string;
  readonly offered: (capability: string) => Offered;
}

/** A handler that spawns agents. Refuses a directory that others could tamper with. */
export async function acpHandler(options: AcpHandlerOptions): Promise<Handler> {
  const cwdBase = await safeDirectory(options.cwdBase ?? join(tmpdir(), "lc-acp"));
  return new AcpHandler(options, cwdBase);
}

class AcpHandler implements Handler {
  readonly #options: AcpHandlerOptions;
  readonly #cwdBase: string;
  /** By session: its agent, and `undefined` where it ended. */
  readonly #inSession = new Map<string, AcpAgent | undefined>();
  /** Agents at work, and agents that are about to end. */
  readonly #open = new Set<Promise<unknown>>();
  /** An agent was there once: what fails from then on is not the command. */
  #hasWorked = false;

  constructor(options: AcpHandlerOptions, cwdBase: string) {
    this.#options = options;
    this.#cwdBase = cwdBase;
  }

  async run(job: InvokeJob, signal: AbortSignal) {
    const { description } = this.#options.offered(job.capability);
    const text = await this.#once(job.invoke_id, invokePrompt(job, description), signal);
    return { output: { text } };
  }

  async task(job: TaskJob, signal: AbortSignal) {
    const { description } = this.#options.offered(job.capability);
    const text = await this.#once(job.result_id, taskPrompt(job, description), signal);
    return { output: job.result_schema === null ? { text } : jsonIn(text) };
  }

  async turn(job: MessageJob, signal: AbortSignal) {
    const { session_id: id } = job;
    const turn = this.#told(id, async () => {
      const before = this.#alive(id);
      const isLost = !before && (this.#inSession.has(id) || !job.is_first);
      const agent = before ?? (await this.#start(id, signal));
      if (!before && signal.aborted) {
        // The session may be over by now, and nobody would end it.
        this.#dispose(agent);
        throw signal.reason;
      }
      this.#inSession.set(id, agent);
      const { description } = this.#options.offered(job.capability);
      const prompt = before ? messageText(job.payload) : firstMessagePrompt(job, description);
      const text = await agent.prompt(prompt, signal).finally(() => this.#alive(id));
      return (isLost ? CONTEXT_LOST : "") + outboundText(text, this.#options.key);
    });
    this.#keep(turn);
    return turn;
  }

  async quote({ capability }: BriefJob): Promise<Quote | undefined> {
    const { estimateCredits: estimate, ceilingCredits: ceiling } =
      this.#options.offered(capability);
    if (estimate === undefined && ceiling === undefined) return undefined;
    const amountMicros = BigInt(estimate ?? ceiling ?? 0) * MICROS_PER_CREDIT;
    const ceilingMicros = BigInt(ceiling ?? estimate ?? 0) * MICROS_PER_CREDIT;
    return { amountMicros, ceilingMicros };
  }

  async end(job: EndJob): Promise<Bill | undefined> {
    const agent = this.#inSession.get(job.session_id);
    this.#inSession.delete(job.session_id);
    if (agent) this.#dispose(agent);
    if (!job.invoice_required) return undefined;
    const credits = job.message_count === 0 ? 0 : job.price.amount_credits;
    return { totalMicros: BigInt(credits) * MICROS_PER_CREDIT };
  }

  async close(): Promise<void> {
    while (this.#open.size > 0 || this.#inSession.size > 0) {
      for (const agent of this.#inSession.values()) if (agent) this.#dispose(agent);
      this.#inSession.clear();
      await Promise.allSettled(this.#open);
    }
  }

  /** One prompt to an agent that is there for it alone. */
  async #once(jobId: string, prompt: string, signal: AbortSignal): Promise<string> {
    const work = this.#told(jobId, async () => {
      const agent = await this.#start(jobId, signal);
      try {
        return await agent.prompt(prompt, signal);
      } finally {
        this.#dispose(agent);
      }
    });
    this.#keep(work);
    return outboundText(await work, this.#options.key);
  }

  /** A session's agent, if it can be spoken to. One that cannot is cleared away. */
  #alive(sessionId: string): AcpAgent | undefined {
    const agent = this.#inSession.get(sessionId);
    if (!agent?.isOver) return agent;
    this.#inSession.set(sessionId, undefined);
    this.#dispose(agent);
    return undefined;
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

/** The JSON object that a text is, also where it stands in a fence, as models like to put it. */
function jsonIn(text: string): unknown {
  const [, fenced] = /^```(?:json)?\s*\n([\s\S]*)\n```$/.exec(text) ?? [];
  try {
    return JSON.parse(fenced ?? text);
  } catch {
    throw new ProviderError("provider_bad_output", "The agent's answer is not JSON.");
  }
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
