import type { SpendLimits } from "./budget.ts";

/**
 * Who is asking, as established at the entrance and handed to every use case. It may be up to five
 * seconds old: it says who asks, never that they still may spend, which the ledger checks itself.
 */
export interface Caller {
  readonly workspaceId: string;
  /** The key that was shown; absent for a person signed in to the pages. */
  readonly keyId: string | undefined;
  /** Set where the key acts for one agent only. */
  readonly agentId: string | undefined;
  /** The person, where one is signed in. */
  readonly memberId: string | undefined;
  readonly isOperator: boolean;
  /** Spend limits of the key and of its workspace. */
  readonly keyLimits: SpendLimits;
  readonly workspaceLimits: SpendLimits;
  /** The most that one chain of work of this workspace may cost, in micros. */
  readonly chainCeilingMicros: bigint;
}
