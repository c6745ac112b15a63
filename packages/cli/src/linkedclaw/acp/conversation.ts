/**
 * A host's conversation with an agent that is hired for it.
 *
 *   1. The first prompt hires: the user is asked what it may cost, and only then is anything held. For
 *      a price that is named later, the prompt is the brief, and the question comes with the price.
 *   2. Each prompt is a message, each reply goes to the host as it comes.
 *   3. When the messages are used up, the user is asked again, and the conversation goes on in a new
 *      session (LinkedClaw contract §9.2).
 *   4. It is closed by `/end` and `/cancel`, or by the host; never because a turn came to its end.
 */
import type { StopReason } from "@agentclientprotocol/sdk";
import type { Cli } from "../../cli.ts";
import { Failure, isFailure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import type { Api } from "../api.ts";
import { activate } from "../session/activation.ts";
import { cancelSession, endSession } from "../session/closing.ts";
import { fetchLog, type SessionEvent } from "../session/events.ts";
import { extendSession } from "../session/extend.ts";
import { hireAgent } from "../session/hire.ts";
import { sendMessage } from "../session/send.ts";
import { fetchSession, sessionOf, sessionPath } from "../session/session.ts";
import type { HostConversation } from "./host.ts";
import { listen } from "./listening.ts";
import type { Offer } from "./offer.ts";
import { keepConversation } from "./state.ts";

export const COMMANDS = [
  { name: "end", description: "End the session: what was done is paid, the rest comes back" },
  { name: "cancel", description: "Cancel the session: all that is held comes back" },
  { name: "cost", description: "Show what is held and how many messages are left" },
] as const;

/** Refusals after which a session takes no more messages, ever. */
const OVER: ReadonlySet<string> = new Set(["invalid_session_id", "session_not_active"]);

export interface ConversationParts {
  readonly cli: Cli;
  readonly api: Api;
  readonly offer: Offer;
  /** Messages that are paid for at once. */
  readonly messagesMax: number;
  readonly host: HostConversation;
  /** The host's id of it. */
  readonly id: string;
  /** The session that it was before. */
  readonly sessionId?: string;
}

export class Conversation {
  readonly #parts: ConversationParts;
  #sessionId: string | undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.#sessionId = parts.sessionId;
  }

  /** The session that money is held for, if there is one. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** One turn. What the server refuses is said to the user, who decides what to do about it. */
  async prompt(text: string, signal: AbortSignal): Promise<StopReason> {
    const { host } = this.#parts;
    try {
      const [, command] = /^\/(end|cancel|cost)\s*$/.exec(text) ?? [];
      if (command !== undefined) await this.#obey(command);
      else if (text === "") await host.say("There was no text in that.");
      else await this.#talk(text, signal);
      return "end_turn";
    } catch (error) {
      if (signal.aborted) return "cancelled";
      if (!(error instanceof Failure)) throw error;
      if (OVER.has(error.code)) this.#sessionId = undefined;
      await host.say(wordsFor(error));
      return "end_turn";
    }
  }

  /** Ends it, or cancels it; the server's own answer. */
  async close(how: "end" | "cancel"): Promise<Readonly<Record<string, unknown>>> {
    const { cli, api } = this.#parts;
    const sessionId = this.#sessionId;
    if (sessionId === undefined) {
      throw new Failure("invalid_session_id", "Nobody is hired, and nothing is held.");
    }
    const answer =
      how === "end"
        ? await endSession(cli, api, sessionId)
        : fieldsOf(await cancelSession(cli, api, sessionId));
    this.#sessionId = undefined;
    return answer;
  }

  /** Shows the host all that was said so far. */
  async replay(): Promise<void> {
    const { api, host } = this.#parts;
    if (this.#sessionId === undefined) return;
    const { events } = await fetchLog(api, this.#sessionId, 0);
    for (const { type, from, payload } of events) {
      if (type !== "message") continue;
      if (from === "requester") await host.replay(textOf(payload));
      else await host.say(textOf(payload));
    }
  }

  async #talk(text: string, signal: AbortSignal): Promise<void> {
    const { offer } = this.#parts;
    if (this.#sessionId === undefined) {
      const isHired = await (offer.isOpenQuote
        ? this.#hireByQuote(text, signal)
        : this.#hire(signal));
      if (!isHired) return;
    }
    const sent = await this.#send(text, signal);
    if (sent !== undefined) await this.#hear(sent.sessionId, sent.seq, signal);
  }

  async #hire(signal: AbortSignal): Promise<boolean> {
    const { cli, api, offer, messagesMax, host } = this.#parts;
    const credits = offer.creditsFor(messagesMax);
    if (credits > 0) {
      const title = `Hire ${offer.agentName}: ${offer.price}, ${credits} credits at most for up to ${messagesMax} messages`;
      const facts = {
        ...{ agent_id: offer.agentId, capability: offer.capability },
        ...{ max_messages: messagesMax, max_credits: credits },
      };
      if (!(await host.mayPay(title, facts, signal))) return this.#notHired();
    }
    const { session } = await hireAgent(cli, api, offer.agentId, {
      capability: offer.capability,
      maxMessages: messagesMax,
      activate: false,
    });
    const { session_id: sessionId, escrow_held: held = 0 } = sessionOf(session);
    await this.#enter(sessionId);
    if (held > credits) {
      // It changed its price while the user was asked: nobody agreed to this one.
      await this.close("cancel");
      const message = `The price has changed: ${held} credits would be held now. Nothing is held.`;
      throw new Failure("price_changed", message, { hint: "Say it again to be asked again." });
    }
    return this.#activate(sessionId);
  }

  /** The prompt is priced first, and sent once more as the work itself. */
  async #hireByQuote(brief: string, signal: AbortSignal): Promise<boolean> {
    const { cli, api, offer, messagesMax, host } = this.#parts;
    const { session } = await hireAgent(cli, api, offer.agentId, {
      capability: offer.capability,
      maxMessages: messagesMax,
      openQuote: true,
      activate: false,
    });
    const { session_id: sessionId } = sessionOf(session);
    await this.#enter(sessionId);
    try {
      await sendMessage(cli, api, sessionId, { text: brief });
      await listen(cli, api, sessionId, (event) => this.#isQuoted(event), signal);
      const path = sessionPath(sessionId, "/quote-proposal");
      const proposal = fieldsOf(await api.ask({ method: "GET", path }));
      const { amount_credits: amount, max_credits: max, proposal_hash: hash } = proposal;
      const title = `Hire ${offer.agentName}: about ${amount} credits, ${max} at most`;
      const facts = { agent_id: offer.agentId, capability: offer.capability, ...proposal };
      if (!(await host.mayPay(title, facts, signal))) {
        await this.close("cancel");
        return this.#notHired();
      }
      await api.ask({
        method: "POST",
        path: sessionPath(sessionId, "/accept-quote"),
        // The user agreed to that much: a bill within it needs no second question.
        json: { proposal_hash: hash, silent_consent_bound: max },
      });
    } catch (error) {
      // Nothing is held yet; what nobody goes on with is only in the way.
      if (this.#sessionId === sessionId) await this.close("cancel").catch(() => undefined);
      throw error;
    }
    return this.#activate(sessionId);
  }

  async #isQuoted(event: SessionEvent): Promise<boolean> {
    if (event.type === "message" && event.from === "provider") {
      await this.#parts.host.say(textOf(event.payload));
    }
    if (isEnd(event)) throw closedFailure(event);
    return event.type === "quote.proposed";
  }

  async #activate(sessionId: string): Promise<true> {
    try {
      await activate(this.#parts.api, sessionId);
      return true;
    } catch (error) {
      // Declined, and so refunded; or not answered, and then the user gets it back at once.
      if (this.#sessionId === sessionId) await this.close("cancel").catch(() => undefined);
      throw error;
    }
  }

  async #notHired(): Promise<false> {
    await this.#parts.host.say("Not hired; nothing is held.");
    return false;
  }

  /** Sends it, in a new session where this one is used up and the user agrees. */
  async #send(text: string, signal: AbortSignal) {
    const { cli, api, host } = this.#parts;
    const sessionId = this.#sessionId ?? "";
    const payload = { text };
    try {
      const { seq } = await sendMessage(cli, api, sessionId, payload);
      return { sessionId, seq: Number(seq) };
    } catch (error) {
      if (!isFailure(error, "message_cap_reached")) throw error;
    }
    const next = await this.#extend(sessionId, signal);
    if (next === undefined) {
      await host.say("Not sent: all messages of this session are used. /end pays for them.");
      return undefined;
    }
    const { seq } = await sendMessage(cli, api, next, payload);
    return { sessionId: next, seq: Number(seq) };
  }

  async #extend(sessionId: string, signal: AbortSignal): Promise<string | undefined> {
    const { cli, api, offer, host } = this.#parts;
    const { agreed_quote: quote, max_messages: messages = 1 } = sessionOf(
      await fetchSession(api, sessionId),
    );
    const { tier_index: tier, amount_credits: amount, shape } = fieldsOf(quote);
    const each = Number(amount ?? 0);
    const credits = shape === "per_message" ? each * messages : each;
    const title = `Go on with ${offer.agentName}: ${credits} credits at most for up to ${messages} more messages`;
    const facts = { agent_id: offer.agentId, max_messages: messages, max_credits: credits };
    if (credits > 0 && !(await host.mayPay(title, facts, signal))) return undefined;
    const { session, activation } = await extendSession(cli, api, sessionId, {
      tier: typeof tier === "number" ? tier : 0,
    });
    const { session_id: next } = sessionOf(session);
    await this.#enter(next);
    if ("pending" in activation) await this.#activate(next);
    return next;
  }

  /** Everything that is said until the reply to a message is whole. */
  async #hear(sessionId: string, seq: number, signal: AbortSignal): Promise<void> {
    const { cli, api, host } = this.#parts;
    await listen(
      cli,
      api,
      sessionId,
      async (event) => {
        if (isEnd(event)) throw closedFailure(event);
        const isAnswer = (event.seq ?? 0) >= seq;
        if (event.type === "error") {
          const { code, message } = fieldsOf(event.payload);
          await host.say(`${String(message)} (${String(code)})`);
          return isAnswer;
        }
        if (event.type !== "message" || event.from !== "provider") return false;
        await host.say(textOf(event.payload));
        return isAnswer && event.final !== false;
      },
      signal,
    );
  }

  async #obey(command: string): Promise<void> {
    const { api, host } = this.#parts;
    if (command === "cost") {
      const session = await fetchSession(api, this.#sessionId ?? "none");
      const { escrow_held: held = 0, messages_used: used, max_messages: max } = sessionOf(session);
      await host.say(`${held} credits are held; ${used} of ${max ?? "?"} messages are used.`);
      return;
    }
    const answer = await this.close(command === "end" ? "end" : "cancel");
    const { settled_credits: paid, refunded_credits: back } = fieldsOf(answer.settlement);
    const { receipt_id: receipt } = answer;
    if (command === "cancel") await host.say("Cancelled: what was held is back.");
    else if (typeof paid === "number" && sessionOf(answer.session).status === "ended") {
      await host.say(`Ended: ${paid} credits were paid, ${back} came back. Receipt: ${receipt}`);
    } else await host.say("Ended: the bill is awaited, and paid up to what you agreed to.");
  }

  async #enter(sessionId: string): Promise<void> {
    const { cli, offer, id } = this.#parts;
    this.#sessionId = sessionId;
    const { agentId, capability } = offer;
    await keepConversation(cli, id, { sessionId, agentId, capability });
  }
}

function isEnd({ type }: SessionEvent): boolean {
  return type === "session.ended" || type === "session.cancelled";
}

function closedFailure({ payload }: SessionEvent): Failure {
  const { reason } = fieldsOf(payload);
  const why = typeof reason === "string" ? ` (${reason})` : "";
  return new Failure("session_not_active", `The session is over${why}.`, {
    hint: "The next message hires anew, after asking you.",
  });
}

/** A message's text; of an object that is more, all of it. */
function textOf(payload: unknown): string {
  const { text, ...rest } = fieldsOf(payload);
  if (typeof text === "string" && Object.keys(rest).length === 0) return text;
  return `\`\`\`json\n${JSON.stringify(payload, null, 2)}\n\`\`\``;
}

function wordsFor({ message, code, hint }: Failure): string {
  return `${message} (${code})${hint === undefined ? "" : `\n${hint}`}`;
}
