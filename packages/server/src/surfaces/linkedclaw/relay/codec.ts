/**
 * This wire's provider socket (LinkedClaw contract §7) as the hub's words.
 *
 * The wire knows an invocation by its id alone. Which attempt an answer is about is remembered here
 * from the INVOKE that this connection sent; after a reconnection it is sent again first.
 */
import { LIMITS, type LinkClosing, prefixed } from "@guildhall/protocol";
import type { ProviderSays, SlotTelling } from "../../../core/index.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Heard, ProviderCodec, Wire } from "../../shared/provider-socket.ts";
import { chargeCredits } from "../credits.ts";
import { fieldOf, idOf, meaningOf, parseFrame, type RelayFrame, textOf } from "./frames.ts";
import { encodeGigTask, type HeardGigTask, hearBid, hearGigTaskError } from "./gig-tasks.ts";
import { type HeardSession, RelaySessions } from "./sessions.ts";

/** This wire's word for why a connection ends. */
// biome-ignore format: read as a table
const CLOSING_WORDS: Readonly<Record<LinkClosing, string>> = {
  unauthenticated:   "invalid_api_key",
  protocol_error:    "invalid_frame",
  forbidden:         "not_owner",
  not_found:         "listing_not_found",
  suspended:         "suspended",
  version_mismatch:  "unsupported_protocol",
  identify_timeout:  "identify_timeout",
  replaced:          "replaced",
  missed_heartbeats: "heartbeat_missed",
  too_slow:          "too_slow",
  rate_limited:      "rate_limited",
  frame_too_large:   "payload_too_large",
  internal:          "internal_error",
  restart:           "relay_restart",
  goodbye:           "goodbye",
};

/** Ends that this wire tells as a rejection even after IDENTIFIED: the client must not come back. */
const REJECTIONS: ReadonlySet<LinkClosing> = new Set([
  "unauthenticated",
  "forbidden",
  "not_found",
  "replaced",
]);

const TEXT_MAX = 2_000;

export function createRelayWire(clock: Clock): Wire {
  return {
    name: "linkedclaw",
    frameBytesMax: LIMITS.bodyBytesMax,
    hasCredit: true,
    closeWords: CLOSING_WORDS,
    createCodec: () => new RelayCodec(clock),
  };
}

/** An INVOKE that was sent and not answered, and the frame that answered it last. */
interface Invocation {
  readonly attempt: number;
  answeredBy: unknown;
}

class RelayCodec implements ProviderCodec {
  readonly #clock: Clock;
  readonly #invocations = new Map<string, Invocation>();
  readonly #sessions: RelaySessions;
  #framesSent = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sessions = new RelaySessions(clock);
  }

  introduce(message: string): ReturnType<ProviderCodec["introduce"]> {
    const { type, frame, problem } = parseFrame(message);
    if (problem !== undefined) return { closing: "protocol_error", problem };
    if (type !== "IDENTIFY") {
      return { closing: "protocol_error", problem: "The first frame has to be IDENTIFY." };
    }
    return {
      secret: textOf(frame, "api_key", 256),
      agentId: idOf(frame, "agent_id", "agt"),
      client: textOf(frame, "client", 200),
      concurrency: undefined,
    };
  }

  hear(message: string): Heard {
    const { type, frame, problem } = parseFrame(message);
    if (problem !== undefined) {
      // Better the work fails now, and says why, than that its requester waits for the deadline.
      if (type === "INVOKE_RESULT") return this.#hearBadOutput(frame, problem);
      if (type === "SESSION_REPLY") {
        return this.#hearSession(frame, this.#sessions.hearBadReply(frame, problem));
      }
      return this.#complain("invalid_frame", problem, frame.id);
    }
    switch (type) {
      case "HEARTBEAT":
        return { kind: "heartbeat", reply: this.#encode("HEARTBEAT_ACK", {}, frame.id) };
      case "INVOKE_RESULT":
        return this.#hearResult(frame);
      case "INVOKE_ERROR":
        return this.#hearError(frame);
      case "GIG_TASK_BID":
        return this.#hearGigTask(frame, hearBid(frame));
      case "GIG_TASK_ERROR":
        return this.#hearGigTask(frame, hearGigTaskError(frame));
      case "TRANSPORT_SHUTDOWN": {
        const reason = textOf(frame, "reason", 200);
        return { kind: "says", says: { kind: "goodbye", reason } };
      }
      case "IDENTIFY":
        return this.#complain("already_identified", "You have identified already.", frame.id);
      case "SESSION_ACCEPT":
      case "SESSION_REJECT":
      case "SESSION_REPLY":
      case "SESSION_ERROR":
      case "QUOTE_PROPOSAL":
      case "INVOICE":
        return this.#hearSession(frame, this.#sessions.hear(type, frame));
      // Clients may report what they could not do with a frame of ours; there is nothing to answer.
      case "ERROR":
      case "SESSION_ENDED_ACK":
        return { kind: "ignored" };
      default:
        return this.#complain("unknown_type", "There is no such frame type.", frame.id);
    }
  }

  welcome(
    { agentId, epoch }: Parameters<ProviderCodec["welcome"]>[0],
    sessions: Parameters<ProviderCodec["welcome"]>[1],
  ): string {
    return this.#encode("IDENTIFIED", {
      connection_id: `con_${agentId}_${epoch}`,
      agent_id: prefixed("agt", agentId),
      heartbeat_seconds: LIMITS.heartbeatMs / 1000,
      miss_seconds: LIMITS.heartbeatMissMs / 1000,
      active_sessions: sessions.map(({ sessionId, state, lastSeq }) => ({
        session_id: prefixed("ses", sessionId),
        status: state,
        last_seq: lastSeq,
      })),
    });
  }

  tell(telling: Parameters<ProviderCodec["tell"]>[0]): string | undefined {
    const outgoing = this.#sessions.tell(telling);
    if (!outgoing) return undefined;
    const { type, id, fields } = outgoing;
    return this.#encode(type, { ...fields, ...(id && { id }) });
  }

  /** The wire confirms nothing; only what came too late is told. */
  taken(
    sessionId: string,
    _number: number,
    turn: number,
    outcome: "ok" | "late",
  ): string | undefined {
    const replyTo = this.#sessions.answeredBy(sessionId, turn);
    return outcome === "ok" ? undefined : this.#lateSession(prefixed("ses", sessionId), replyTo);
  }

  offer(offer: Parameters<ProviderCodec["offer"]>[0]): string {
    const { runId, attempt } = offer;
    this.#invocations.set(runId, { attempt, answeredBy: null });
    return JSON.stringify({
      type: "INVOKE",
      // The same work is the same frame, on whichever connection it is sent again.
      id: `frm_${runId}_${attempt}`,
      ts: this.#clock.now().toISOString(),
      reply_to: null,
      invoke_id: prefixed("inv", runId),
      capability: offer.capability,
      input: offer.input,
      manifest: offer.manifest,
      requester_id: prefixed("usr", offer.requesterWorkspaceId),
      chain_id: prefixed("chn", offer.chainId),
      max_credits: chargeCredits(offer.maxMicros),
      timeout_seconds: offer.timeoutSeconds,
    });
  }

  /** The wire has no frame that takes an INVOKE back: its result comes late and is told so. */
  cancel(runId: string): undefined {
    this.#invocations.delete(runId);
  }

  /** Output is not streamed on this wire. */
  credit(): undefined {}

  settled(runId: string, _attempt: number, outcome: "ok" | "late"): string | undefined {
    const answeredBy = this.#invocations.get(runId)?.answeredBy;
    this.#invocations.delete(runId);
    // The wire confirms nothing; only what went wrong is told.
    return outcome === "ok" ? undefined : this.#late(prefixed("inv", runId), answeredBy);
  }

  tellSlot(telling: SlotTelling): string | undefined {
    const frame = encodeGigTask(telling, this.#clock);
    return frame && this.#encode(frame.type, { ...frame.fields, id: frame.id });
  }

  notice(code: string, message: string, sessionId?: string): string {
    if (sessionId === undefined) return this.#encode("ERROR", { code, message });
    const about = { code, message, session_id: prefixed("ses", sessionId) };
    return this.#encode("ERROR", about, this.#sessions.saidBy(sessionId));
  }

  closing(closing: LinkClosing, message: string, isIdentified: boolean): string | undefined {
    if (closing === "goodbye") return undefined;
    const code = CLOSING_WORDS[closing];
    if (isIdentified && !REJECTIONS.has(closing)) return this.notice(code, message);
    return this.#encode("IDENTIFY_REJECTED", { code, reason: message });
  }

  #hearResult(frame: RelayFrame): Heard {
    const { output, evidence } = frame;
    if (output === undefined) return this.#hearBadOutput(frame, "INVOKE_RESULT has no output.");
    return this.#hearAnswer(frame, (of) => ({
      kind: "succeeded",
      ...of,
      answer: { output, evidence },
    }));
  }

  #hearBadOutput(frame: RelayFrame, message: string): Heard {
    const code = "provider_bad_output";
    return this.#hearAnswer(frame, (of) => ({ kind: "failed", ...of, code, message }));
  }

  #hearError(frame: RelayFrame): Heard {
    const code = textOf(frame, "code", 64);
    const message = textOf(frame, "message", TEXT_MAX);
    const meaning = meaningOf(code);
    return this.#hearAnswer(frame, (of) => {
      if ("refusal" in meaning) return { kind: "refused", ...of, code: meaning.refusal, message };
      return { kind: "failed", ...of, code: meaning.failure, message: message || code };
    });
  }

  #hearAnswer(
    frame: RelayFrame,
    toSays: (of: { readonly runId: string; readonly attempt: number }) => ProviderSays,
  ): Heard {
    const runId = idOf(frame, "invoke_id", "inv");
    const invocation = this.#invocations.get(runId);
    if (!invocation) {
      return { kind: "nonsense", reply: this.#late(fieldOf(frame, "invoke_id"), frame.id) };
    }
    invocation.answeredBy = frame.id;
    return { kind: "says", says: toSays({ runId, attempt: invocation.attempt }) };
  }

  #hearSession(frame: RelayFrame, heard: HeardSession): Heard {
    if (heard === "late") {
      const reply = this.#lateSession(fieldOf(frame, "session_id"), frame.id);
      return { kind: "nonsense", reply };
    }
    if ("problem" in heard) return this.#complain("invalid_frame", heard.problem, frame.id);
    return { kind: "says", says: heard.says };
  }

  #hearGigTask(frame: RelayFrame, heard: HeardGigTask): Heard {
    if (heard === "noted") return { kind: "ignored" };
    if ("problem" in heard) return this.#complain("invalid_frame", heard.problem, frame.id);
    return { kind: "says", says: heard.says };
  }

  #lateSession(sessionId: unknown, replyTo: unknown): string {
    const message = "This session or turn is over, or was never sent here.";
    return this.#encode("ERROR", { code: "late", message, session_id: sessionId }, replyTo);
  }

  #late(invokeId: unknown, replyTo: unknown): string {
    const message = "This invocation is over, or was never sent here.";
    return this.#encode("ERROR", { code: "late", message, invoke_id: invokeId }, replyTo);
  }

  #complain(code: string, message: string, replyTo: unknown): Heard {
    return { kind: "nonsense", reply: this.#encode("ERROR", { code, message }, replyTo) };
  }

  #encode(type: string, fields: RelayFrame, replyTo: unknown = null): string {
    this.#framesSent += 1;
    return JSON.stringify({
      type,
      id: `frm_${this.#framesSent}`,
      ts: this.#clock.now().toISOString(),
      // Only what could be an id is said back: a peer's frame is not a place to store things.
      reply_to: typeof replyTo === "string" ? replyTo.slice(0, 128) : null,
      ...fields,
    });
  }
}
