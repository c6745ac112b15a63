/**
 * Sessions: paid work in many turns with one provider.
 *
 *   1. A session opens with its price held (an open quote holds nothing before it is accepted). It is
 *      pending until its provider takes it.
 *   2. While it is active the requester sends messages, each a turn that the provider answers. The cap on
 *      messages is the cap on spending.
 *   3. It ends once. Whoever ends it marks its log first, so that no message is added any more, and what
 *      was answered until then is what the settlement goes by (session-settlement.ts).
 *
 * session-settlement.ts decides; the ledger compares and sets.
 */
import type { HoldTerms } from "./command.ts";
import type { Price } from "./price.ts";
import type { SessionTerms } from "./session-terms.ts";

export type SessionState =
  | "pending"
  | "active"
  | "interrupted"
  | "awaiting_invoice"
  | "ended"
  | "cancelled";

export type SessionEvent =
  /** Another process answers for it, it is looked at again later, or its provider is asked. */
  | "keep"
  /** The requester accepts a proposed price; its ceiling is held. */
  | "agree"
  /** The provider takes it. */
  | "accept"
  /** The provider was not seen for too long, and is back. */
  | "interrupt"
  | "resume"
  /** The provider has sent its bill. */
  | "bill"
  /** The bill is paid, or was never sent in time. */
  | "settle"
  | "lapse"
  | SessionClosing;

/** What ends the exchange of messages. Each is written into the log before it is done. */
export type SessionClosing =
  /** The provider declines. */
  | "reject"
  /** The requester has what it wanted … */
  | "end"
  /** … wants another leg of the same … */
  | "extend"
  /** … or wants nothing and its money back. */
  | "cancel"
  /** The provider said goodbye. */
  | "leave"
  /** Nobody activated it in time. */
  | "expire"
  /** Nobody ended it after its last turn was answered. */
  | "cap"
  /** Nobody touched it for too long. */
  | "abandon";

/**
 * Every state times every event. `null` means the event is refused in that state.
 *
 * `end` is what an ending comes to where the provider still has to send a bill, or at once where it has
 * not: see `stateAfter`. `reject` and `expire` are decided while it is pending; should it become active in
 * that very moment, they hold all the same.
 */
// biome-ignore format: read as a table
export const SESSION_TRANSITIONS: Record<SessionState, Record<SessionEvent, SessionState | null>> = {
  pending: {
    keep: "pending", agree: "pending", accept: "active", interrupt: null, resume: null, bill: null, settle: null, lapse: null,
    reject: "cancelled", end: null, extend: null, cancel: "cancelled", leave: null, expire: "cancelled", cap: null, abandon: null,
  },
  active: {
    keep: "active", agree: null, accept: null, interrupt: "interrupted", resume: null, bill: null, settle: null, lapse: null,
    reject: "cancelled", end: "ended", extend: "ended", cancel: "cancelled", leave: "cancelled", expire: "cancelled", cap: "ended", abandon: "ended",
  },
  interrupted: {
    keep: "interrupted", agree: null, accept: null, interrupt: null, resume: "active", bill: null, settle: null, lapse: null,
    reject: "cancelled", end: "ended", extend: null, cancel: "cancelled", leave: "cancelled", expire: "cancelled", cap: "ended", abandon: "ended",
  },
  awaiting_invoice: {
    keep: "awaiting_invoice", agree: null, accept: null, interrupt: null, resume: null, bill: "awaiting_invoice", settle: "ended", lapse: "ended",
    reject: null, end: null, extend: null, cancel: null, leave: null, expire: null, cap: null, abandon: null,
  },
  ended: {
    keep: null, agree: null, accept: null, interrupt: null, resume: null, bill: null, settle: null, lapse: null,
    reject: null, end: null, extend: null, cancel: null, leave: null, expire: null, cap: null, abandon: null,
  },
  cancelled: {
    keep: null, agree: null, accept: null, interrupt: null, resume: null, bill: null, settle: null, lapse: null,
    reject: null, end: null, extend: null, cancel: null, leave: null, expire: null, cap: null, abandon: null,
  },
};

/** Why a session is over (LinkedClaw contract §10.1). */
export type SessionReason =
  | "ended"
  | "requester_cancelled"
  | "max_messages"
  | "provider_offline"
  | "provider_rejected"
  | "expired"
  | "abandoned";

/** What of a session does not change. */
export interface Session {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly providerWorkspaceId: string;
  readonly capability: string;
  readonly chainId: string;
  readonly parentId: string | undefined;
  /** The leg that it goes on from. */
  readonly previousId: string | undefined;
  readonly keyId: string | undefined;
  readonly terms: SessionTerms;
  /** What later legs may choose from: the price as it was listed when the first one opened. */
  readonly schedule: Price;
  readonly messagesMax: number;
  readonly feeBasisPoints: number;
  readonly referredBy: string | undefined;
  readonly mandateId: string | undefined;
  readonly createdAt: Date;
}

/** How a session's work stands. */
export interface SessionWork {
  readonly state: SessionState;
  readonly version: number;
  readonly attempt: number;
  readonly processId: string | undefined;
  /** When to look at it next; `undefined` once it is over. */
  readonly deadlineAt: Date | undefined;
}

/** How a session's log stands. */
export interface SessionLog {
  readonly events: number;
  readonly lastSeq: number;
  /** Messages of the provider's. */
  readonly lastNumber: number;
  readonly used: number;
  readonly answered: number;
  readonly openTurns: readonly number[];
  readonly lastAt: Date;
  readonly warnedAt: Date | undefined;
  readonly capHitAt: Date | undefined;
  readonly offeredUntil: Date | undefined;
  /** How often its provider was asked to take it. */
  readonly offers: number;
  readonly closing: SessionClosing | undefined;
}

/** What was held for a session, as it was frozen. */
export interface SessionHold {
  readonly terms: HoldTerms;
  readonly amountMicros: bigint;
  readonly capturedMicros: bigint;
  readonly isOpen: boolean;
}

/** Everything about a session that a decision looks at. */
export interface SessionStanding {
  readonly session: Session;
  readonly work: SessionWork;
  readonly log: SessionLog;
  /** `undefined` for an open quote that was not accepted. */
  readonly hold: SessionHold | undefined;
  /** When an open quote was accepted. */
  readonly agreedAt: Date | undefined;
  readonly invoice: { readonly totalMicros: bigint; readonly submittedAt: Date } | undefined;
  /** When its log was closed. */
  readonly closedAt: Date | undefined;
}

export function isOver(state: SessionState): boolean {
  return state === "ended" || state === "cancelled";
}

/** Whether messages may still come, if not just now. */
export function isOpen(state: SessionState): boolean {
  return state === "pending" || state === "active" || state === "interrupted";
}
