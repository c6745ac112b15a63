/** The native frames about sessions: `protocol/session-frames.ts` says what they are. */
import type { ProviderFrame, ServerFrame } from "@guildhall/protocol";
import type { SessionSays, SessionTelling, ToldSession } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";

export type SaidInSession = Extract<
  ProviderFrame,
  { readonly type: "take" | "decline" | "message" | "fail" | "quote" | "bill" }
>;

export function encodeTelling(telling: SessionTelling, clock: Clock): ServerFrame {
  switch (telling.kind) {
    case "asked": {
      const { session, attempt, until } = telling;
      const remainingMs = Math.max(0, until.getTime() - clock.now().getTime());
      const { sessionId } = session;
      return { type: "ask", session: sessionId, attempt, remainingMs, ...factsOf(session) };
    }
    case "opened": {
      const { session, lastNumber } = telling;
      return { type: "open", session: session.sessionId, number: lastNumber, ...factsOf(session) };
    }
    case "said": {
      const { sessionId, seq, payload } = telling;
      return { type: "turn", session: sessionId, seq, payload };
    }
    case "briefed": {
      const { session, seq, payload } = telling;
      return { type: "brief", session: session.sessionId, seq, payload, ...factsOf(session) };
    }
    case "closed": {
      const { session, how, reason, used: turns, finalOutput: output, isBillDue: bill } = telling;
      const closed = { session: session.sessionId, how, reason, turns, output, bill };
      return { type: "close", ...closed, ...factsOf(session) };
    }
  }
}

function factsOf({ terms, ...session }: ToldSession) {
  return {
    capability: session.capability,
    requester: session.requesterWorkspaceId,
    chain: session.chainId,
    messagesMax: session.messagesMax,
    price: {
      shape: terms.shape,
      amountMicros: terms.amountMicros.toString(),
      ceilingMicros: terms.ceilingMicros?.toString(),
      tier: terms.tierName,
    },
    previous: session.previousId,
  };
}

export function toSessionSays(frame: SaidInSession): SessionSays {
  const sessionId = frame.session;
  switch (frame.type) {
    case "take":
      return { kind: "session-accepted", sessionId, attempt: frame.attempt };
    case "decline": {
      const { attempt, code, message = "" } = frame;
      return { kind: "session-declined", sessionId, attempt, code, message };
    }
    case "message": {
      const { number, turn = 0, final: isFinal, payload } = frame;
      const message = {
        sessionId,
        number,
        turn,
        isFinal: isFinal && turn > 0,
        content: { payload },
      };
      return { kind: "session-said", message };
    }
    case "fail": {
      const { number, turn, code, message } = frame;
      const content = { code, message };
      return {
        kind: "session-said",
        message: { sessionId, number, turn, isFinal: true, content },
      };
    }
    case "quote": {
      const { lines, note } = frame;
      const amountMicros = BigInt(frame.amountMicros);
      const ceilingMicros = BigInt(frame.ceilingMicros);
      return {
        kind: "session-quoted",
        quote: { sessionId, amountMicros, ceilingMicros, lines, note },
      };
    }
    case "bill": {
      const { lines, note } = frame;
      const totalMicros = BigInt(frame.totalMicros);
      return { kind: "session-billed", bill: { sessionId, totalMicros, lines, note } };
    }
  }
}
