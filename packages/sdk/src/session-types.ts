/** What a program that serves sessions says to `connectProvider`, and what it is told. */
import type { RUN_REFUSALS, SESSION_SHAPES } from "@guildhall/protocol";
import type { FileLimits, ProviderFile } from "./provider-types.ts";

/** How a program serves sessions. Turns of one session come one after the other, each once. */
export interface SessionHandlers {
  /** Answers one turn: what it returns is the reply. Throw a `ProviderError` to say what went wrong. */
  turn(message: SessionMessage, context: TurnContext): Promise<unknown> | unknown;
  /** Looks at a session before it is taken. Throw a `SessionDeclined` to decline it. */
  accept?(session: SessionFacts): Promise<void> | void;
  /** For capabilities sold by open quote: what the work is to cost. `undefined`: somebody else says. */
  quote?(
    brief: SessionMessage,
    session: SessionFacts,
  ): Promise<Quote | undefined> | Quote | undefined;
  /** For the same: what it came to, at most the ceiling that was agreed on. `undefined` as above. */
  bill?(closed: ClosedSession): Promise<Bill | undefined> | Bill | undefined;
  /** Told once a session is over: also where this program says goodbye, which ends those that it serves. */
  closed?(closed: ClosedSession): Promise<void> | void;
}

export interface SessionFacts {
  readonly sessionId: string;
  readonly agentId: string;
  readonly capability: string;
  /** Who pays: the same text for the same requester. */
  readonly requester: string;
  readonly chainId: string;
  readonly messagesMax: number;
  readonly price: {
    readonly shape: (typeof SESSION_SHAPES)[number];
    /** For the session, the task or each message, in millionths of a US dollar; else the estimate. */
    readonly amountMicros: bigint;
    /** The most that the whole session can be charged; `undefined` while nothing is agreed on. */
    readonly ceilingMicros: bigint | undefined;
    readonly tier: string | undefined;
  };
  /** The session that this one goes on from. */
  readonly previousId: string | undefined;
}

/** What the requester said. */
export interface SessionMessage {
  /** The requester's own number of it. */
  readonly seq: number;
  /** JSON; plain words are `{ text }`. */
  readonly payload: unknown;
}

export interface TurnContext extends SessionFacts {
  /** Aborted when the session is over, when the turn takes too long, and when the provider stops. */
  readonly signal: AbortSignal;
  /** Says something before the reply. It is not paid for by itself. */
  push(payload: unknown): Promise<void>;
  /** All that was said in this session so far, oldest first, also before this program was started. */
  history(): Promise<readonly HistoryMessage[]>;
  /** Fetches a file that a message names, as `{ url }` or as the server delivered it. */
  file(reference: unknown, limits?: FileLimits): Promise<ProviderFile>;
}

export interface HistoryMessage {
  readonly from: "requester" | "provider";
  readonly seq: number | undefined;
  readonly payload: unknown;
}

export interface Quote {
  readonly amountMicros: bigint;
  readonly ceilingMicros: bigint;
  readonly lines?: unknown;
  readonly note?: string;
}

export interface Bill {
  readonly totalMicros: bigint;
  readonly lines?: unknown;
  readonly note?: string;
}

export interface ClosedSession extends SessionFacts {
  readonly how: "ended" | "cancelled";
  readonly reason: string;
  /** Messages of the requester that count. */
  readonly turns: number;
  readonly finalOutput: string | undefined;
  /** Whether the requester waits for a bill: `bill` is asked for it besides. */
  readonly isBillDue: boolean;
}

/** Thrown by `accept`: this program does not take the session. The message is shown to the requester. */
export class SessionDeclined extends Error {
  override readonly name = "SessionDeclined";
  readonly code: (typeof RUN_REFUSALS)[number];

  constructor(code: (typeof RUN_REFUSALS)[number], message = "") {
    super(message);
    this.code = code;
  }
}
