/**
 * A command: what changes work and money together, all or nothing.
 *
 * The domain decides what a command says: the work's next state and the amounts. The ledger only
 * compares and sets, in the order in which commands arrive, and answers each alone. Nothing else
 * changes a balance, a hold, a budget or the state of a work.
 */

export type WorkShape = "run" | "session" | "broadcast" | "slot" | "auction" | "bid";

/** What a hold froze when it opened. Who captures or closes it says the same again, and is checked. */
export interface HoldTerms {
  /** Unique within its work: `hold`, `stake`. It never changes hands. */
  readonly id: string;
  readonly workId: string;
  /** The payer. Held money stays in this account, marked. */
  readonly accountId: string;
  /** The house's share of each capture, in hundredths of a percent: below 10,000. */
  readonly feeBasisPoints: number;
  /** At most eight different budgets that all must have room. */
  readonly budgetIds: readonly string[];
  readonly deadlineAt: Date | undefined;
}

export type Step =
  | { readonly kind: "open-hold"; readonly hold: HoldTerms; readonly amountMicros: bigint }
  | { readonly kind: "reduce-hold"; readonly hold: HoldTerms; readonly amountMicros: bigint }
  | {
      /** Takes a part of a hold: to `toAccountId`, less the fee, which goes to `feeAccountId`. */
      readonly kind: "capture-hold";
      readonly hold: HoldTerms;
      readonly amountMicros: bigint;
      readonly toAccountId: string;
      readonly feeAccountId: string;
      /** Unique by work for ever, so that a retry cannot pay twice. The fee's is `<name>:fee`. */
      readonly name: string;
    }
  | { readonly kind: "close-hold"; readonly hold: HoldTerms }
  | {
      readonly kind: "transfer";
      readonly fromAccountId: string;
      readonly toAccountId: string;
      readonly amountMicros: bigint;
      /** The work, or the operation where there is no work (`topup`, `voucher`). */
      readonly reference: string;
      /** The step's name, or the outside reference: unique for ever together with `reference`. */
      readonly name: string;
    }
  /** Sets what a budget may reach. Lowering it below what is spent only stops further spending. */
  | { readonly kind: "limit-budget"; readonly budgetId: string; readonly limitMicros: bigint };

/** A work's next state. The command is refused where its version is not the expected one. */
export interface WorkChange {
  readonly id: string;
  readonly shape: WorkShape;
  /** 0 opens the work, and `opening` says for whom; otherwise what the decision was made on. */
  readonly expectedVersion: number;
  readonly state: string;
  /** `undefined` once the state is terminal. */
  readonly deadlineAt: Date | undefined;
  /** The process that drives it, whose lease keeps it. */
  readonly processId: string | undefined;
  /** How many providers were asked, one after the other. Dispatch is deduplicated by (work, attempt). */
  readonly attempt: number;
  /** Only when opening. */
  readonly opening?: WorkOpening;
}

export interface WorkOpening {
  readonly workspaceId: string;
  /** What was asked for, e.g. `runs.invoke`: idempotency keys are unique by workspace and operation. */
  readonly operation: string;
  readonly idempotencyKey: string | undefined;
  /** SHA-256 of the request in hex: the same key with another body is refused. */
  readonly requestHash: string | undefined;
}

export interface Command {
  /**
   * The key that asked. Refused when it is revoked or expired, or its workspace suspended. Without
   * a key, whoever opens work is refused when its workspace is suspended.
   */
  readonly keyId: string | undefined;
  /** What the price was taken from. Refused when the agent is not as it was when it was read. */
  readonly offer?: Offer;
  readonly work: WorkChange | undefined;
  /** Further works that change with it, or not at all: each another one, at its expected version. */
  readonly also?: readonly WorkChange[];
  readonly steps: readonly Step[];
}

/** An agent as somebody knows it: each change of it takes another revision. */
export interface Offer {
  readonly agentId: string;
  readonly revision: bigint;
}

/**
 * Why a command did nothing. A value, never an exception. Where several apply, the first is said:
 * the key, `already_opened`, `offer_changed`, the version, then the steps in their order, and last `transfer_exists`.
 */
export type Refusal =
  | { readonly code: "insufficient_funds"; readonly accountId: string }
  /** Nothing leaves a frozen account but by captures of its open holds, or back to issuance. */
  | { readonly code: "account_frozen"; readonly accountId: string }
  | { readonly code: "budget_exceeded"; readonly budgetId: string }
  | { readonly code: "version_conflict"; readonly version: number }
  | { readonly code: "key_revoked" }
  /** The agent has changed since it was read, and with it perhaps its price. */
  | { readonly code: "offer_changed" }
  | { readonly code: "workspace_suspended" }
  | { readonly code: "hold_closed"; readonly holdId: string }
  | { readonly code: "hold_exceeded"; readonly holdId: string }
  | { readonly code: "hold_exists"; readonly holdId: string }
  /** A row that the command names does not exist or is not as it says. */
  | { readonly code: "unknown_row"; readonly step: number }
  | { readonly code: "bad_amount"; readonly step: number }
  /** A transfer of this reference and name is in the books, and it is not this command's. */
  | { readonly code: "transfer_exists"; readonly step: number }
  /** The idempotency key opened another work already; `requestHash` tells whether by the same request. */
  | {
      readonly code: "already_opened";
      readonly workId: string;
      readonly requestHash: string | undefined;
    };

export type CommandOutcome =
  /**
   * `isDuplicate`: the books have this command already; nothing was done again. Known are work that
   * was opened, and transfers without a work's change; any other change is known by its version.
   */
  | { readonly ok: true; readonly version: number; readonly isDuplicate: boolean }
  | { readonly ok: false; readonly refusal: Refusal };
