/**
 * What does the work behind a listing: a program, an HTTP address, or an agent (LinkedClaw contract
 * §8). Program and address are handed the same object and give back the same.
 */
import { prefixed, unitsDown } from "@guildhall/protocol";
import { ProviderError, type RunContext, type RunOutput } from "@guildhall/sdk";
import type { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import type { PermissionMode } from "./acp-permission.ts";

/** LinkedClaw's credit, in micros. */
const MICROS_PER_CREDIT = 100n;

export type HandlerChoice =
  | { readonly kind: "cmd"; readonly command: string }
  | { readonly kind: "http"; readonly url: string }
  | {
      readonly kind: "acp";
      readonly command: string;
      readonly permissions: PermissionMode;
      readonly cwdBase: string | undefined;
      /** Variables of ours that it may see beside the usual ones. */
      readonly envNames: readonly string[];
    };

/** What a handler tells the daemon unasked. */
export interface HandlerEvents {
  onEvent(event: string, facts: Readonly<Record<string, unknown>>): void;
  /** It can never work. */
  onHopeless(failure: Failure): void;
}

export interface Handler {
  /** Does one piece of work. Throws a `ProviderError` where it cannot. */
  run(job: Job, signal: AbortSignal): Promise<RunOutput>;
  /** Ends whatever it holds open. */
  close(): Promise<void>;
}

/** One piece of work, as a handler reads it. */
export interface Job {
  /** Unique while the daemon lives; the answer carries it. */
  readonly id: string;
  readonly event: "invoke";
  readonly invoke_id: string;
  readonly agent_id: string;
  readonly capability: string;
  readonly input: unknown;
  readonly manifest: unknown;
  readonly requester_id: string;
  readonly chain_id: string;
  readonly max_credits: number;
  /** By when the answer is needed. */
  readonly deadline_at: string;
}

export function jobOf(input: unknown, context: RunContext): Job {
  return {
    id: `${prefixed("inv", context.runId)}.${context.attempt}`,
    event: "invoke",
    invoke_id: prefixed("inv", context.runId),
    agent_id: prefixed("agt", context.agentId),
    capability: context.capability,
    input,
    manifest: context.manifest,
    requester_id: prefixed("usr", context.requester),
    chain_id: prefixed("chn", context.chainId),
    max_credits: Number(unitsDown(context.maxMicros, MICROS_PER_CREDIT)),
    deadline_at: context.deadlineAt.toISOString(),
  };
}

/** What a handler answered: an output, or an error in its own words. */
export function outputOf(answer: Readonly<Record<string, unknown>>): RunOutput {
  if (answer.error !== undefined) throw errorOf(answer.error);
  if (!("output" in answer)) {
    throw new ProviderError("provider_bad_output", "The handler's answer has no output.");
  }
  const { output, evidence } = answer;
  return evidence === undefined || evidence === null ? { output } : { output, evidence };
}

/** Words of this wire for what went wrong, and ours. Any other word is kept in the message. */
const FAILURES: Readonly<
  Record<string, "provider_failed" | "provider_timeout" | "provider_bad_output">
> = {
  subagent_error: "provider_failed",
  subagent_failed: "provider_failed",
  subagent_timeout: "provider_timeout",
  subagent_bad_output: "provider_bad_output",
};

function errorOf(error: unknown): ProviderError {
  const { code, message } =
    typeof error === "string" ? { code: "", message: error } : fieldsOf(error);
  const word = String(code ?? "");
  const text = typeof message === "string" && message !== "" ? message : "The handler failed.";
  const known = Object.hasOwn(FAILURES, word) ? FAILURES[word] : undefined;
  if (known !== undefined) return new ProviderError(known, text);
  return new ProviderError("provider_failed", word === "" ? text : `${word}: ${text}`);
}
