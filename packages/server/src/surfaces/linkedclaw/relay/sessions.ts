/**
 * This wire's frames about sessions (LinkedClaw contract §7.4, §7.5) as the hub's words.
 *
 * The wire has no attempt and no numbers: which time a SESSION_ACCEPT is about is remembered from the
 * SESSION_CREATE that this connection sent, and replies are counted by the session's log.
 */
import { prefixed } from "@guildhall/protocol";
import type { SessionSays, SessionTelling, ToldSession } from "../../../core/index.ts";
import type { Clock } from "../../../lib/clock.ts";
import { chargeCredits, MICROS_PER_CREDIT } from "../credits.ts";
import { fieldOf, idOf, meaningOf, type RelayFrame, textOf } from "./frames.ts";

/** A frame to be sent, but for its envelope. `id` is the same when the same is sent again. */
export interface Outgoing {
  readonly type: string;
  readonly id: string | undefined;
  readonly fields: RelayFrame;
}

/** What a provider's frame comes to, or what is wrong with it. */
export type HeardSession = { readonly says: SessionSays } | { readonly problem: string } | "late";

interface KnownSession {
  readonly attempt: number;
  readonly chainId: string;
  /** The frames that answered its turns, to be named should they come too late. */
  readonly answeredBy: Map<number, unknown>;
  /** The last frame that was said of the session itself, to be named should it be of no account. */
  saidBy: unknown;
}

const TEXT_MAX = 2_000;
const SEQ_MAX = 2 ** 31 - 1;
const CREDITS_MAX = 10_000_000_000;

export class RelaySessions {
  readonly #clock: Clock;
  readonly #known = new Map<string, KnownSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tell(telling: SessionTelling): Outgoing | undefined {
    switch (telling.kind) {
      case "asked":
        return this.#create(telling);
      case "opened":
        this.#know(telling.session, 0);
        return undefined;
      case "said":
        return this.#said("SESSION_MESSAGE", telling.sessionId, telling);
      case "briefed":
        this.#know(telling.session, 0);
        return this.#said("SESSION_BRIEF", telling.session.sessionId, telling);
      case "closed":
        return this.#closed(telling);
    }
  }

  /** The frame that answered a turn, which is forgotten with that. */
  answeredBy(sessionId: string, turn: number): unknown {
    const { answeredBy } = this.#known.get(sessionId) ?? {};
    const frameId = answeredBy?.get(turn);
    answeredBy?.delete(turn);
    return frameId;
  }

  /** The frame that took, declined, quoted or billed a session last. */
  saidBy(sessionId: string): unknown {
    return this.#known.get(sessionId)?.saidBy;
  }

  hear(type: string, frame: RelayFrame): HeardSession {
    const sessionId = idOf(frame, "session_id", "ses");
    if (sessionId === "") return { problem: "session_id is not the id of a session." };
    const known = this.#known.get(sessionId);
    if (known && type !== "SESSION_REPLY" && type !== "SESSION_ERROR") known.saidBy = frame.id;
    switch (type) {
      case "SESSION_ACCEPT": {
        const attempt = this.#known.get(sessionId)?.attempt;
        if (!attempt) return "late";
        return { says: { kind: "session-accepted", sessionId, attempt } };
      }
      case "SESSION_REJECT":
        return this.#rejected(sessionId, frame);
      case "SESSION_REPLY":
        return this.#replied(sessionId, frame);
      case "SESSION_ERROR":
        return this.#failed(sessionId, frame);
      case "QUOTE_PROPOSAL":
        return quoted(sessionId, frame);
      default:
        return billed(sessionId, frame);
    }
  }

  /** A reply that cannot be read is an answer that cannot be used. */
  hearBadReply(frame: RelayFrame, message: string): HeardSession {
    const sessionId = idOf(frame, "session_id", "ses");
    const turn = wholeOf(frame, "in_reply_to_seq", SEQ_MAX);
    if (!turn) return { problem: message };
    return this.#fail(sessionId, turn, frame, { code: "provider_bad_output", message });
  }

  #create({ session, attempt, until }: Extract<SessionTelling, { kind: "asked" }>): Outgoing {
    this.#know(session, attempt);
    const leftMs = Math.max(0, until.getTime() - this.#clock.now().getTime());
    const { terms, previousId } = session;
    return {
      type: "SESSION_CREATE",
      id: `frm_${session.sessionId}_create_${attempt}`,
      fields: {
        session_id: prefixed("ses", session.sessionId),
        capability: session.capability,
        requester_id: prefixed("usr", session.requesterWorkspaceId),
        max_messages: session.messagesMax,
        agreed_quote: quoteOf(session),
        open_quote: terms.shape === "open_quote",
        parent_session_id: previousId ? prefixed("ses", previousId) : null,
        chain_id: prefixed("chn", session.chainId),
        accept_deadline_ms: leftMs,
      },
    };
  }

  #said(
    type: string,
    sessionId: string,
    { seq, payload }: { readonly seq: number; readonly payload: unknown },
  ): Outgoing {
    const chainId = this.#known.get(sessionId)?.chainId;
    return {
      type,
      id: `frm_${sessionId}_${seq}`,
      fields: {
        session_id: prefixed("ses", sessionId),
        seq,
        payload,
        ...(chainId && { chain_id: prefixed("chn", chainId) }),
      },
    };
  }

  #closed(telling: Extract<SessionTelling, { kind: "closed" }>): Outgoing {
    const { how, reason, used, finalOutput, isBillDue } = telling;
    const { sessionId } = telling.session;
    if (!isBillDue) this.#known.delete(sessionId);
    const session_id = prefixed("ses", sessionId);
    if (how === "cancelled") {
      return { type: "SESSION_CANCEL", id: undefined, fields: { session_id, reason } };
    }
    return {
      type: "SESSION_END",
      id: `frm_${sessionId}_end`,
      fields: {
        session_id,
        message_count: used,
        ...(finalOutput !== undefined && { final_output: finalOutput }),
        invoice_required: isBillDue,
        reason,
      },
    };
  }

  #know({ sessionId, chainId }: ToldSession, attempt: number): void {
    const known = this.#known.get(sessionId);
    const answeredBy = known?.answeredBy ?? new Map<number, unknown>();
    this.#known.set(sessionId, { attempt, chainId, answeredBy, saidBy: known?.saidBy });
  }

  #rejected(sessionId: string, frame: RelayFrame): HeardSession {
    const attempt = this.#known.get(sessionId)?.attempt;
    if (!attempt) return "late";
    const reason = textOf(frame, "reason", TEXT_MAX);
    const meaning = meaningOf(reason);
    const code = "refusal" in meaning ? meaning.refusal : undefined;
    return { says: { kind: "session-declined", sessionId, attempt, code, message: reason } };
  }

  #replied(sessionId: string, frame: RelayFrame): HeardSession {
    const { payload } = frame;
    const turn = turnOf(frame);
    if (turn === undefined) return { problem: "in_reply_to_seq is not the number of a message." };
    if (payload === undefined) return this.hearBadReply(frame, "SESSION_REPLY has no payload.");
    const isFinal = turn > 0 && frame.final !== false;
    if (isFinal) this.#known.get(sessionId)?.answeredBy.set(turn, frame.id);
    const message = { sessionId, number: 0, turn, isFinal, content: { payload } };
    return { says: { kind: "session-said", message } };
  }

  #failed(sessionId: string, frame: RelayFrame): HeardSession {
    const turn = wholeOf(frame, "in_reply_to_seq", SEQ_MAX);
    if (!turn) return { problem: "in_reply_to_seq is not the number of a message." };
    const word = textOf(frame, "code", 64);
    const meaning = meaningOf(word);
    const code = "failure" in meaning ? meaning.failure : "provider_failed";
    const message = textOf(frame, "message", TEXT_MAX) || word;
    return this.#fail(sessionId, turn, frame, { code, message });
  }

  #fail(
    sessionId: string,
    turn: number,
    frame: RelayFrame,
    content: { readonly code: string; readonly message: string },
  ): HeardSession {
    this.#known.get(sessionId)?.answeredBy.set(turn, frame.id);
    const message = { sessionId, number: 0, turn, isFinal: true, content };
    return { says: { kind: "session-said", message } };
  }
}

function quoteOf({ terms }: ToldSession): object | null {
  const { shape, amountMicros, ceilingMicros, tierIndex, tierName } = terms;
  const amount_credits = chargeCredits(amountMicros);
  if (shape !== "open_quote") {
    return { shape, amount_credits, tier_name: tierName ?? null, tier_index: tierIndex ?? null };
  }
  if (ceilingMicros === undefined) return null;
  return { shape: "itemized", amount_credits, max_credits: chargeCredits(ceilingMicros) };
}

function quoted(sessionId: string, frame: RelayFrame): HeardSession {
  const amount = wholeOf(frame, "amount_credits", CREDITS_MAX);
  const most = wholeOf(frame, "max_credits", CREDITS_MAX);
  if (amount === undefined || most === undefined) {
    return { problem: "amount_credits and max_credits are whole numbers of credits." };
  }
  const quote = {
    sessionId,
    amountMicros: BigInt(amount) * MICROS_PER_CREDIT,
    ceilingMicros: BigInt(most) * MICROS_PER_CREDIT,
    ...linesOf(frame),
  };
  return { says: { kind: "session-quoted", quote } };
}

function billed(sessionId: string, frame: RelayFrame): HeardSession {
  const total = wholeOf(frame, "total_credits", CREDITS_MAX);
  if (total === undefined) return { problem: "total_credits is a whole number of credits." };
  const totalMicros = BigInt(total) * MICROS_PER_CREDIT;
  return { says: { kind: "session-billed", bill: { sessionId, totalMicros, ...linesOf(frame) } } };
}

function linesOf(frame: RelayFrame) {
  const note = textOf(frame, "note", TEXT_MAX);
  return { lines: fieldOf(frame, "line_items"), note: note === "" ? undefined : note };
}

/** The turn that a reply is about: 0 for none, `undefined` for nonsense. */
function turnOf(frame: RelayFrame): number | undefined {
  const value = fieldOf(frame, "in_reply_to_seq");
  return value === undefined || value === null ? 0 : wholeOf(frame, "in_reply_to_seq", SEQ_MAX);
}

function wholeOf(frame: RelayFrame, name: string, most: number): number | undefined {
  const value = fieldOf(frame, name);
  const isWhole = typeof value === "number" && Number.isInteger(value);
  return isWhole && value >= 0 && value <= most ? value : undefined;
}
