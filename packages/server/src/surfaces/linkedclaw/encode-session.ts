/** Sessions -> this wire's JSON (LinkedClaw contract §6.7, §10). */
import { createHash } from "node:crypto";
import { prefixed } from "@guildhall/protocol";
import type {
  EventPage,
  LoggedEvent,
  SessionInvoice,
  SessionQuote,
  SessionView,
} from "../../core/index.ts";
import { chargeCredits } from "./credits.ts";

/** How long a leg that ended at its cap can be gone on from (contract §10.3). */
const RESUME_MS = 86_400_000;

export function encodeSession(view: SessionView, idleUntil: Date | undefined): object {
  const { session, work, log } = view;
  const ending = knownEnding(view);
  const isUsedUp = ending?.reason === "max_messages";
  return {
    session_id: prefixed("ses", session.id),
    status: work.state,
    agent_id: prefixed("agt", session.agentId),
    capability: session.capability,
    requester_user_id: prefixed("usr", session.workspaceId),
    provider_user_id: prefixed("usr", session.providerWorkspaceId),
    max_messages: session.messagesMax,
    messages_used: log.used,
    messages_answered: log.answered,
    last_seq: log.lastSeq,
    agreed_quote: encodeTerms(view),
    open_quote: session.terms.shape === "open_quote",
    escrow_held: heldCredits(view),
    chain_id: prefixed("chn", session.chainId),
    parent_session_id: session.previousId ? prefixed("ses", session.previousId) : null,
    continued_by: ending?.continuationId ? prefixed("ses", ending.continuationId) : null,
    termination_reason: ending?.reason ?? null,
    cap_hit_at: log.capHitAt?.toISOString() ?? null,
    resumable_until: isUsedUp ? new Date(ending.at.getTime() + RESUME_MS).toISOString() : null,
    idle_warned_at: log.warnedAt?.toISOString() ?? null,
    idle_settles_at: idleUntil?.toISOString() ?? null,
    created_at: session.createdAt.toISOString(),
    activated_at: view.activatedAt?.toISOString() ?? null,
    closed_at: ending?.at.toISOString() ?? null,
  };
}

/**
 * How it ended, once its state says that it did. An end is written down a moment before it is done, and one
 * by which another leg should have opened may come to nothing: until then the session goes on, for all that
 * anybody can know.
 */
function knownEnding({ work: { state }, ending }: SessionView): SessionView["ending"] {
  const goesOn = state === "pending" || state === "active" || state === "interrupted";
  return goesOn ? undefined : ending;
}

function encodeTerms({ session: { terms }, hold, quotedMicros }: SessionView): object | null {
  switch (terms.shape) {
    case "free":
      return { shape: "free", amount_credits: 0 };
    case "open_quote": {
      // Nothing is agreed on before the ceiling is held.
      if (!hold) return null;
      const max = chargeCredits(hold.amountMicros);
      return {
        shape: "itemized",
        amount_credits: chargeCredits(quotedMicros ?? terms.estimateMicros),
        max_credits: max,
      };
    }
    default:
      return {
        shape: terms.shape,
        amount_credits: chargeCredits(terms.amountMicros),
        tier_name: terms.tierName ?? null,
        tier_index: terms.tierIndex ?? null,
      };
  }
}

function heldCredits({ hold }: SessionView): number {
  return hold?.isOpen ? chargeCredits(hold.amountMicros - hold.capturedMicros) : 0;
}

/** What a session that is over came to; while its bill is awaited, nothing is settled yet. */
export function encodeSettlement({ hold, log }: SessionView) {
  const held = hold?.amountMicros ?? 0n;
  const settled = hold?.capturedMicros ?? 0n;
  return {
    settled_credits: chargeCredits(settled),
    refunded_credits: hold?.isOpen ? 0 : chargeCredits(held - settled),
    messages_used: log.used,
    messages_answered: log.answered,
  };
}

export function receiptIdOf({ session, work }: SessionView): string | null {
  const isOver = work.state === "ended" || work.state === "cancelled";
  return isOver ? prefixed("rct", session.id) : null;
}

export function encodeEvents(
  { events, state, length }: EventPage,
  since: number,
  codeOf: (code: string) => string,
): object {
  return {
    events: events.map((event) => encodeEvent(event, codeOf)),
    // Whoever asks from beyond the end is told where that is, or it would miss what is added before it.
    next_offset: Math.min(since, length) + events.length,
    session_status: state,
  };
}

const TYPES: Readonly<Record<LoggedEvent["kind"], string>> = {
  message: "message",
  brief: "message",
  failed: "error",
  activated: "session.activated",
  disconnected: "session.disconnected",
  reconnected: "session.reconnected",
  ended: "session.ended",
  cancelled: "session.cancelled",
  settled: "session.settled",
  quoted: "quote.proposed",
  invoiced: "invoice.submitted",
  idle: "session.idle",
};

function encodeEvent(event: LoggedEvent, codeOf: (code: string) => string): object {
  const payload: unknown = JSON.parse(event.payload);
  return {
    offset: event.position,
    type: TYPES[event.kind],
    from: event.author,
    seq: event.seq ?? null,
    ...(event.author === "provider" && { final: event.isFinal }),
    payload: event.kind === "failed" ? toError(payload, codeOf) : toPayload(event, payload),
    created_at: event.at.toISOString(),
  };
}

function toError(payload: unknown, codeOf: (code: string) => string): object {
  const { code, message } = payload as { code: string; message: string };
  return { code: codeOf(code), message };
}

/** Amounts of what the server itself wrote are in micros. */
function toPayload({ author }: LoggedEvent, payload: unknown): unknown {
  if (author !== "system") return payload;
  const credits = (micros: unknown) => chargeCredits(BigInt(String(micros)));
  return Object.fromEntries(
    Object.entries(payload as object).map(([name, value]) => {
      const word = AMOUNTS[name];
      if (word) return [word, credits(value)];
      if (name === "invoiceId") return ["invoice_id", prefixed("inv", String(value))];
      return [name === "lines" ? "line_items" : name, value];
    }),
  );
}

const AMOUNTS: Readonly<Record<string, string>> = {
  amountMicros: "amount_credits",
  ceilingMicros: "max_credits",
  totalMicros: "total_credits",
  settledMicros: "settled_credits",
};

export function encodeProposal(quote: SessionQuote): object {
  const proposal = proposalOf(quote);
  return {
    ...proposal,
    proposal_hash: hashOfProposal(quote),
    note: quote.note ?? null,
    proposed_at: quote.proposedAt.toISOString(),
    accepted_at: quote.acceptedAt?.toISOString() ?? null,
  };
}

function proposalOf(quote: SessionQuote) {
  return {
    session_id: prefixed("ses", quote.sessionId),
    shape: "itemized",
    amount_credits: chargeCredits(quote.amountMicros),
    max_credits: chargeCredits(quote.ceilingMicros),
    line_items: quote.lines === undefined ? null : (JSON.parse(quote.lines) as unknown),
  };
}

/** The hash by which a requester says which proposal it accepts (contract §10.4). */
export function hashOfProposal(quote: SessionQuote): string {
  const text = JSON.stringify(sorted(proposalOf(quote)));
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** The same value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

export function encodeInvoice(invoice: SessionInvoice, { work }: SessionView): object {
  return {
    invoice_id: prefixed("inv", invoice.id),
    session_id: prefixed("ses", invoice.sessionId),
    total_credits: chargeCredits(invoice.totalMicros),
    line_items: invoice.lines === undefined ? null : (JSON.parse(invoice.lines) as unknown),
    note: invoice.note ?? null,
    status: work.state === "ended" ? "settled" : "submitted",
    submitted_at: invoice.submittedAt.toISOString(),
  };
}
