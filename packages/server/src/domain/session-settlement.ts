/**
 * What a session costs (LinkedClaw contract §10.2, A-8, A-26), as pure functions of what was agreed and of
 * the server's own count of answered turns.
 */
import { HOUSE_ACCOUNTS, walletOf } from "./account.ts";
import type { Step, WorkChange } from "./command.ts";
import { Fault } from "./fault.ts";
import {
  isOver,
  SESSION_TRANSITIONS,
  type SessionClosing,
  type SessionEvent,
  type SessionLog,
  type SessionReason,
  type SessionStanding,
  type SessionState,
} from "./session.ts";

/** The name of the transfer that pays for a session. */
export const SESSION_PAYMENT = "payment";

/**
 * What the provider is paid when `event` ends the session. Never more than was held.
 *
 *   end, extend    by the table: a session or task in full, messages by the answered ones
 *   cap, abandon   the same, but nothing where nothing was answered
 *   cancel, leave  nothing; where the cap was reached, as `cap`: else the work of a whole leg were free
 *   settle         the bill, within the ceiling
 *   the others     nothing
 */
export function chargeMicrosOf(standing: SessionStanding, event: SessionEvent): bigint {
  const { hold, log, invoice } = standing;
  const heldMicros = hold?.amountMicros ?? 0n;
  const isAnswered = log.answered > 0;
  switch (event) {
    case "end":
    case "extend":
      return least(usageMicrosOf(standing), heldMicros);
    case "cap":
    case "abandon":
      return isAnswered ? least(usageMicrosOf(standing), heldMicros) : 0n;
    case "cancel":
    case "leave":
      return isAnswered && log.capHitAt ? least(usageMicrosOf(standing), heldMicros) : 0n;
    case "settle":
      return least(invoice?.totalMicros ?? 0n, heldMicros);
    default:
      return 0n;
  }
}

function usageMicrosOf({ session: { terms }, log }: SessionStanding): bigint {
  switch (terms.shape) {
    case "free":
    // Billed later, by `settle`.
    case "open_quote":
      return 0n;
    case "per_session":
    case "per_task":
      return terms.amountMicros;
    case "per_message":
      return terms.amountMicros * BigInt(log.answered);
  }
}

/** Pays what is due and sets the rest of the hold free. */
export function settleSession(standing: SessionStanding, event: SessionEvent): readonly Step[] {
  const { hold, session } = standing;
  if (!hold?.isOpen) return [];
  const close: Step = { kind: "close-hold", hold: hold.terms };
  const amountMicros = chargeMicrosOf(standing, event);
  if (amountMicros === 0n) return [close];
  const capture: Step = {
    kind: "capture-hold",
    hold: hold.terms,
    amountMicros,
    toAccountId: walletOf(session.providerWorkspaceId),
    feeAccountId: HOUSE_ACCOUNTS.fees,
    name: SESSION_PAYMENT,
  };
  return [capture, close];
}

// biome-ignore format: read as a table
const REASONS: Record<SessionClosing, SessionReason> = {
  reject: "provider_rejected",
  end:    "ended",
  extend: "ended",
  cancel: "requester_cancelled",
  leave:  "provider_offline",
  expire: "expired",
  cap:    "max_messages",
  abandon: "abandoned",
};

/** Why a session that is closed by this will be over. A leg at its cap was used up, but for an `end`. */
export function reasonOf(closing: SessionClosing, isCapHit: boolean): SessionReason {
  const isUsedUp = closing === "cancel" || closing === "leave" || closing === "abandon";
  return isCapHit && isUsedUp ? "max_messages" : REASONS[closing];
}

/**
 * What an event does to a session: its next state and the steps that go with it. `deadlineAt` is when
 * to look at it again, should it go on. Throws `conflict` in a state in which it cannot happen.
 */
export function decideSession(
  standing: SessionStanding,
  event: SessionEvent,
  next: { readonly deadlineAt: Date; readonly processId: string | undefined },
): {
  readonly work: WorkChange & { readonly state: SessionState };
  readonly steps: readonly Step[];
} {
  const { session, work } = standing;
  const state = stateAfter(standing, event);
  return {
    work: {
      id: session.id,
      shape: "session",
      expectedVersion: work.version,
      state,
      deadlineAt: isOver(state) ? undefined : next.deadlineAt,
      processId: next.processId,
      attempt: work.attempt,
    },
    steps: isOver(state) ? settleSession(standing, event) : [],
  };
}

/** The state after an event. Throws `conflict`. */
export function stateAfter(standing: SessionStanding, event: SessionEvent): SessionState {
  const { work, log, session } = standing;
  const state = SESSION_TRANSITIONS[work.state][event];
  if (state === null) {
    throw new Fault("conflict", `The session is ${work.state}; it cannot ${event}.`);
  }
  if (!isOver(state) || event === "settle" || event === "lapse") return state;
  if (session.terms.shape !== "open_quote" || work.state === "pending") return state;
  // An open quote's bill follows wherever something was done that is to be paid for.
  const isBilled =
    event === "end" || event === "extend" || (isUsage(event, log) && log.answered > 0);
  return isBilled ? "awaiting_invoice" : state;
}

/** Whether what was answered is paid for, although nobody said that it was good. */
function isUsage(event: SessionEvent, log: SessionLog): boolean {
  if (event === "cap" || event === "abandon") return true;
  return log.capHitAt !== undefined && (event === "cancel" || event === "leave");
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
