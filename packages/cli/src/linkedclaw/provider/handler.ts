/**
 * What does the work behind a listing: a program, an HTTP address, or an agent (LinkedClaw contract
 * §8). Program and address are handed the same objects and give back the same.
 */
import type { Bill, Quote, RunOutput, TaskOutput } from "@guildhall/sdk";
import type { Failure } from "../../failure.ts";
import type { PermissionMode } from "./acp-permission.ts";
import type { BriefJob, EndJob, InvokeJob, MessageJob, TaskJob } from "./job.ts";

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

/** Each method throws a `ProviderError` where the work cannot be done; its message is shown. */
export interface Handler {
  /** Does one piece of work. */
  run(job: InvokeJob, signal: AbortSignal): Promise<RunOutput>;
  /** Answers one message of a session. Those of one session come one after the other. */
  turn(job: MessageJob, signal: AbortSignal): Promise<unknown>;
  /** What an open quote is to cost; `undefined` where the handler leaves that to its owner. */
  quote(job: BriefJob, signal: AbortSignal): Promise<Quote | undefined>;
  /** A session is over. The bill, where one is due and the handler makes it out. */
  end(job: EndJob, signal: AbortSignal): Promise<Bill | undefined>;
  /** Does one slot of a broadcast. */
  task(job: TaskJob, signal: AbortSignal): Promise<TaskOutput>;
  /** Ends whatever it holds open. */
  close(): Promise<void>;
}
