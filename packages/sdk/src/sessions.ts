/**
 * The sessions that a provider serves.
 *
 *   1. Asked whether it takes one, the program declines for a reason of its own, or takes it.
 *   2. Turns of a session are answered one after the other; told again, a turn is not done again.
 *   3. What is said is kept until the server has it.
 *   4. When a session is over, its turn is aborted and its bill, if one is due, is sent.
 */
import { jsonProblem, LIMITS, type ProviderFrame, type ServerFrame } from "@guildhall/protocol";
import { inChain } from "./chain.ts";
import { ProviderError, toldOf } from "./errors.ts";
import { fetchFile } from "./file.ts";
import type { ProviderOptions } from "./provider-types.ts";
import { readHistory } from "./session-history.ts";
import { SessionOutbox } from "./session-outbox.ts";
import {
  type ClosedSession,
  SessionDeclined,
  type SessionFacts,
  type SessionHandlers,
  type TurnContext,
} from "./session-types.ts";

export type SessionFrame = Extract<
  ServerFrame,
  { readonly type: "ask" | "open" | "turn" | "brief" | "taken" | "close" }
>;
type Frame<T extends SessionFrame["type"]> = Extract<SessionFrame, { readonly type: T }>;

const SESSIONS_DEFAULT = 64;
const TURN_SECONDS_DEFAULT = 60;
/** Answers to questions that may be put again, such as quotes and bills. */
const REMEMBERED_MAX = 10_000;

interface Served {
  readonly facts: SessionFacts;
  readonly outbox: SessionOutbox;
  readonly abort: AbortController;
  /** Turns that were begun, by the requester's numbers. */
  readonly begun: Set<number>;
  turns: Promise<void>;
}

export interface SessionsOptions extends ProviderOptions {
  readonly agentId: string;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #send: (frame: ProviderFrame) => void;
  readonly #served = new Map<string, Served>();
  /** What was answered, by what was asked. */
  readonly #answers = new Map<string, Promise<ProviderFrame | undefined>>();
  readonly #active = new Set<Promise<unknown>>();
  #isStopping = false;

  /** `send` may drop frames while there is no connection: what matters is sent again. */
  constructor(options: SessionsOptions, send: (frame: ProviderFrame) => void) {
    this.#options = options;
    this.#send = send;
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#served.size;
  }

  /** What to name when resuming. */
  inHand(): readonly string[] {
    return [...this.#served.keys()].slice(0, LIMITS.resumeSessionsMax);
  }

  receive(frame: SessionFrame): void {
    switch (frame.type) {
      case "ask":
        this.#answer(`ask ${frame.session} ${frame.attempt}`, () => this.#decide(frame));
        break;
      case "open":
        this.#open(frame);
        break;
      case "turn":
        this.#queue(frame);
        break;
      case "brief":
        this.#answer(`brief ${frame.session} ${frame.seq}`, () => this.#quote(frame));
        break;
      case "taken":
        this.#served.get(frame.session)?.outbox.taken(frame.number);
        break;
      case "close":
        this.#close(frame);
        break;
    }
  }

  /**
   * Takes no more sessions; resolves when no turn is being answered any more, or after `drainMs`. What
   * is open then is left to others, or, where a goodbye follows, over: its handlers are told.
   */
  async drain(drainMs: number, isGoodbye = false): Promise<void> {
    this.#isStopping = true;
    const timeout = new Promise((resolve) => setTimeout(resolve, drainMs).unref());
    if (this.#active.size > 0 && drainMs > 0) {
      await Promise.race([Promise.allSettled([...this.#active]), timeout]);
    }
    const left = [...this.#served.values()];
    this.#served.clear();
    for (const { abort } of left) abort.abort(new Error("The provider stops."));
    if (!isGoodbye) return;
    const told = Promise.all(left.map((served) => this.#tellClosed(leaving(served))));
    await Promise.race([told, timeout]);
  }

  async #decide(frame: Frame<"ask">): Promise<ProviderFrame> {
    const { session, attempt } = frame;
    try {
      this.#requireRoom(frame);
      await this.#handlers?.accept?.(factsOf(frame, this.#options.agentId));
      return { type: "take", session, attempt };
    } catch (error) {
      if (error instanceof SessionDeclined) {
        const message = toldOf(error);
        return { type: "decline", session, attempt, code: error.code, message };
      }
      this.#report(error, frame);
      return { type: "decline", session, attempt, code: "provider_busy", message: "" };
    }
  }

  #requireRoom({ capability, requester }: Frame<"ask">): void {
    const { byHand, capabilities, sessions = SESSIONS_DEFAULT, perRequester } = this.#options;
    if (byHand?.includes("sessions")) {
      throw new SessionDeclined("provider_manual", "The provider takes sessions by hand only.");
    }
    if (!this.#handlers || (capabilities && !capabilities.includes(capability))) {
      throw new SessionDeclined("capability_not_supported", "This program does not do that.");
    }
    if (this.#isStopping || this.#served.size >= sessions) {
      throw new SessionDeclined("provider_busy", "The provider serves as many as it can.");
    }
    const theirs = [...this.#served.values()].filter(({ facts }) => facts.requester === requester);
    if (perRequester !== undefined && theirs.length >= perRequester) {
      throw new SessionDeclined("requester_limit", "The provider serves enough of yours.");
    }
  }

  #open(frame: Frame<"open">): void {
    let served = this.#served.get(frame.session);
    if (!served) {
      served = {
        facts: factsOf(frame, this.#options.agentId),
        outbox: new SessionOutbox((said) => this.#send(said)),
        abort: new AbortController(),
        begun: new Set(),
        turns: Promise.resolve(),
      };
      this.#served.set(frame.session, served);
    }
    served.outbox.resume(frame.number);
  }

  #queue({ session, seq, payload }: Frame<"turn">): void {
    const served = this.#served.get(session);
    if (!served || served.begun.has(seq)) return;
    served.begun.add(seq);
    served.turns = served.turns.then(() => this.#turn(served, seq, payload));
    this.#track(served.turns);
  }

  async #turn(served: Served, seq: number, payload: unknown): Promise<void> {
    const { facts, outbox, abort } = served;
    const { sessionId: session } = facts;
    if (abort.signal.aborted || !this.#handlers) return;
    const seconds = this.#options.turnSeconds ?? TURN_SECONDS_DEFAULT;
    const timeout = AbortSignal.timeout(seconds * 1000);
    const signal = AbortSignal.any([abort.signal, timeout]);
    const context = this.#contextOf(served, seq, signal);
    const { turn } = this.#handlers;
    try {
      const work = inChain(facts.chainId, async () => turn({ seq, payload }, context));
      const reply = messageOf(await Promise.race([work, rejectionOf(signal)]));
      outbox.say({ type: "message", session, turn: seq, final: true, payload: reply });
    } catch (error) {
      if (abort.signal.aborted) return;
      const late = timeout.aborted
        ? new ProviderError("provider_timeout", "The provider took too long.")
        : error;
      this.#report(late, { session, capability: facts.capability });
      outbox.say({ type: "fail", session, turn: seq, ...failureOf(late) });
    }
  }

  #contextOf({ facts, outbox }: Served, seq: number, signal: AbortSignal): TurnContext {
    const { sessionId: session } = facts;
    return {
      ...facts,
      signal,
      push: async (payload) => {
        signal.throwIfAborted();
        await outbox.room(signal);
        const said = messageOf(payload);
        outbox.say({ type: "message", session, turn: seq, final: false, payload: said });
      },
      history: () => readHistory(this.#options, session, signal),
      file: (reference, limits) => fetchFile(reference, signal, limits),
    };
  }

  async #quote(frame: Frame<"brief">): Promise<ProviderFrame | undefined> {
    const { session, seq, payload } = frame;
    const quote = this.#handlers?.quote;
    if (!quote) return undefined;
    try {
      const facts = factsOf(frame, this.#options.agentId);
      const quoted = await inChain(facts.chainId, async () => quote({ seq, payload }, facts));
      if (!quoted) return undefined;
      const { amountMicros, ceilingMicros, lines, note } = quoted;
      const amounts = { amountMicros: `${amountMicros}`, ceilingMicros: `${ceilingMicros}` };
      return sendable({ type: "quote", session, ...amounts, lines, note });
    } catch (error) {
      this.#report(error, frame);
      return undefined;
    }
  }

  #close(frame: Frame<"close">): void {
    const { session, how, reason, turns, output: finalOutput, bill: isBillDue } = frame;
    const served = this.#served.get(session);
    const facts = factsOf(frame, this.#options.agentId);
    const closed: ClosedSession = { ...facts, how, reason, turns, finalOutput, isBillDue };
    if (served) {
      this.#served.delete(session);
      served.abort.abort(new Error("The session is over."));
      this.#track(this.#tellClosed(closed));
    }
    if (isBillDue) this.#answer(`close ${session}`, () => this.#bill(closed));
  }

  async #tellClosed(closed: ClosedSession): Promise<void> {
    try {
      await this.#handlers?.closed?.(closed);
    } catch (error) {
      this.#report(error, { session: closed.sessionId, capability: closed.capability });
    }
  }

  async #bill(closed: ClosedSession): Promise<ProviderFrame | undefined> {
    const { sessionId: session, capability } = closed;
    try {
      const bill = await this.#handlers?.bill?.(closed);
      if (!bill) return undefined;
      const { totalMicros, lines, note } = bill;
      return sendable({ type: "bill", session, totalMicros: `${totalMicros}`, lines, note });
    } catch (error) {
      this.#report(error, { session, capability });
      return undefined;
    }
  }

  /** Answers a question once; put again, it gets the same answer. */
  #answer(question: string, answer: () => Promise<ProviderFrame | undefined>): void {
    let answering = this.#answers.get(question);
    if (!answering) {
      answering = answer();
      this.#answers.set(question, answering);
      if (this.#answers.size > REMEMBERED_MAX) {
        this.#answers.delete(this.#answers.keys().next().value ?? "");
      }
    }
    const sending = answering.then((frame) => {
      if (frame) this.#send(frame);
      // What could not be answered may be tried again.
      else this.#answers.delete(question);
    });
    this.#track(sending);
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#active.delete(tracked));
    this.#active.add(tracked);
  }

  get #handlers(): SessionHandlers | undefined {
    return this.#options.handlers.session;
  }

  #report(error: unknown, about: { readonly session: string; readonly capability: string }): void {
    const { onError } = this.#options;
    if (onError) onError(error, { runId: about.session, capability: about.capability });
    else process.emitWarning(error instanceof Error ? error : String(error));
  }
}

/** How the server ends the sessions of a provider that says goodbye. */
function leaving({ facts, begun }: Served): ClosedSession {
  return {
    ...facts,
    ...{ how: "cancelled", reason: "provider_offline", turns: begun.size },
    ...{ finalOutput: undefined, isBillDue: false },
  };
}

function factsOf(frame: Frame<"ask" | "open" | "brief" | "close">, agentId: string): SessionFacts {
  const { shape, amountMicros, ceilingMicros, tier } = frame.price;
  return {
    sessionId: frame.session,
    agentId,
    capability: frame.capability,
    requester: frame.requester,
    chainId: frame.chain,
    messagesMax: frame.messagesMax,
    price: {
      shape,
      amountMicros: BigInt(amountMicros),
      ceilingMicros: ceilingMicros === undefined ? undefined : BigInt(ceilingMicros),
      tier,
    },
    previousId: frame.previous,
  };
}

/** Throws where a frame holds what is no JSON: a handler wrote it, who hears of it. */
function sendable(frame: ProviderFrame): ProviderFrame {
  JSON.stringify(frame);
  return frame;
}

/** What is said, as JSON that the server takes. Plain words become `{ text }`. */
function messageOf(payload: unknown): unknown {
  const message = typeof payload === "string" ? { text: payload } : payload;
  const text: string | undefined = JSON.stringify(message);
  if (text === undefined) throw badMessage("is nothing");
  const problem = jsonProblem(message);
  if (problem !== undefined) throw badMessage(problem);
  if (Buffer.byteLength(text) > LIMITS.messageBytesMax) {
    throw badMessage(`is larger than ${LIMITS.messageBytesMax} bytes; hand it over as a file`);
  }
  return message;
}

function badMessage(problem: string): ProviderError {
  return new ProviderError("provider_bad_output", `The reply ${problem}.`);
}

function failureOf(error: unknown) {
  const isTold = error instanceof ProviderError;
  const code = isTold ? error.code : "provider_failed";
  // What other errors say may be about this machine, and is nobody else's business.
  const message = isTold ? toldOf(error) : "The provider failed.";
  return { code, message } as const;
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
