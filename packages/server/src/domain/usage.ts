/** Usage: what each piece of work cost whoever asked for it, whatever its shape. */

/** A work as the books have it. */
export interface WorkUse {
  readonly id: string;
  readonly capability: string;
  /** Of the agent that did it; `undefined` where several did, or it is gone. */
  readonly agentSlug: string | undefined;
  readonly state: string;
  readonly isOver: boolean;
  /** What left the requester's wallet: the fee is a part of it. */
  readonly chargedMicros: bigint;
  readonly feeMicros: bigint;
  /** What it was charged by, where that was counted. */
  readonly tokens: TokenCount | undefined;
  readonly openedAt: Date;
}

export interface TokenCount {
  readonly input: bigint;
  /** Of the input, what the provider had seen before. */
  readonly cached: bigint;
  readonly output: bigint;
}

/** Whether a use is still open, was settled, or came to nothing and cost nothing. */
export type UsageState = "pending" | "settled" | "failed";

/** How each shape calls work that was delivered. */
const DELIVERED: ReadonlySet<string> = new Set(["succeeded", "ended", "approved", "completed"]);

/** What was paid for is settled, even where it was cut short; so is what was delivered for nothing. */
export function usageState(use: Pick<WorkUse, "state" | "isOver" | "chargedMicros">): UsageState {
  if (!use.isOver) return "pending";
  return use.chargedMicros > 0n || DELIVERED.has(use.state) ? "settled" : "failed";
}
