/** What is said about sessions between core and providers' connections, whichever wire they speak. */
import type { LinkIdentity, RunRefusal } from "./ports.ts";

/** A price as a provider is told of it. */
export interface ToldTerms {
  readonly shape: "free" | "per_session" | "per_task" | "per_message" | "open_quote";
  /** For the session, the task or each message; of an open quote the estimate. */
  readonly amountMicros: bigint;
  /** The most that can be charged for the whole session; `undefined` while nothing is agreed on. */
  readonly ceilingMicros: bigint | undefined;
  readonly tierIndex: number | undefined;
  readonly tierName: string | undefined;
}

/** A session as a provider is told of it. */
export interface ToldSession {
  readonly sessionId: string;
  readonly capability: string;
  readonly requesterWorkspaceId: string;
  readonly chainId: string;
  readonly messagesMax: number;
  readonly terms: ToldTerms;
  /** The leg that it goes on from. */
  readonly previousId: string | undefined;
}

/** What a provider is told about a session. The same may be told again, on whichever connection. */
export type SessionTelling =
  /** Asks whether it takes the session. */
  | {
      readonly kind: "asked";
      readonly session: ToldSession;
      readonly attempt: number;
      readonly until: Date;
    }
  /** The session is its to serve; before any turn of it, and on each connection anew. */
  | {
      readonly kind: "opened";
      readonly session: ToldSession;
      /** Messages of the provider's that are kept: the next one has the next number. */
      readonly lastNumber: number;
    }
  /** One turn. */
  | {
      readonly kind: "said";
      readonly sessionId: string;
      readonly seq: number;
      readonly payload: unknown;
    }
  /** What is to be quoted, while the session is not open yet. */
  | {
      readonly kind: "briefed";
      readonly session: ToldSession;
      readonly seq: number;
      readonly payload: unknown;
    }
  | {
      readonly kind: "closed";
      /** All of it: who bills may have been started anew, and know nothing of it. */
      readonly session: ToldSession;
      readonly how: "ended" | "cancelled";
      readonly reason: string;
      /** Turns that count. */
      readonly used: number;
      readonly finalOutput: string | undefined;
      /** Whether the provider is to send its bill. */
      readonly isBillDue: boolean;
    };

/** A message of a provider's. */
export interface ProviderMessage {
  readonly sessionId: string;
  /** The provider's own number of it, from 1 without gaps; 0 lets the log count. */
  readonly number: number;
  /** The turn that it answers; 0 for none. */
  readonly turn: number;
  /** Whether the turn is answered with it. */
  readonly isFinal: boolean;
  readonly content:
    | { readonly payload: unknown }
    /** The turn could not be answered. */
    | { readonly code: string; readonly message: string };
}

/** What a provider proposes for an open quote, or bills. */
export interface ProposedQuote {
  readonly sessionId: string;
  readonly amountMicros: bigint;
  readonly ceilingMicros: bigint;
  /** What it is made up of; JSON. */
  readonly lines: unknown;
  readonly note: string | undefined;
}

export interface SubmittedBill {
  readonly sessionId: string;
  readonly totalMicros: bigint;
  readonly lines: unknown;
  readonly note: string | undefined;
}

/** What a provider says about sessions. */
export type SessionSays =
  | { readonly kind: "session-accepted"; readonly sessionId: string; readonly attempt: number }
  | {
      readonly kind: "session-declined";
      readonly sessionId: string;
      readonly attempt: number;
      /** One of the usual reasons, or none of them. */
      readonly code: RunRefusal | undefined;
      readonly message: string;
    }
  | { readonly kind: "session-said"; readonly message: ProviderMessage }
  | { readonly kind: "session-quoted"; readonly quote: ProposedQuote }
  | { readonly kind: "session-billed"; readonly bill: SubmittedBill };

/** Whether what a provider said counts: `late` when the session or the turn was over. */
export type Taken = "ok" | "late";

/** What providers' connections tell the session engine. Any of it may be repeated. */
export interface SessionEvents {
  accepted(link: LinkIdentity, sessionId: string, attempt: number): Promise<Taken>;
  declined(
    link: LinkIdentity,
    sessionId: string,
    attempt: number,
    refusal: { readonly code: RunRefusal | undefined; readonly message: string },
  ): Promise<Taken>;
  /** In the order in which it was said. Throws a `Fault` for what no log could take. */
  said(link: LinkIdentity, message: ProviderMessage): Promise<Taken>;
  /** Throws a `Fault` that says what is wrong with it. */
  quoted(link: LinkIdentity, quote: ProposedQuote): Promise<Taken>;
  billed(link: LinkIdentity, bill: SubmittedBill): Promise<Taken>;
  /** The agent's live sessions, for its welcome. */
  standing(agentId: string): Promise<readonly StandingSession[]>;
  /** What an agent that has just identified is told: its live sessions, and turns without a reply. */
  attached(link: LinkIdentity): Promise<readonly SessionTelling[]>;
  /** Of sessions that a provider believes to be live, what became of those that are not. */
  closedTellings(
    agentId: string,
    sessionIds: readonly string[],
  ): Promise<readonly SessionTelling[]>;
  /** As with runs (`RunEvents.gone`). */
  gone(agentId: string, epoch: number, reason: "shutdown" | "missed"): Promise<void>;
}

export interface StandingSession {
  readonly sessionId: string;
  readonly state: string;
  readonly lastSeq: number;
}

/** A live session that a connection of this process was told of. */
export interface HeldSession {
  readonly agentId: string;
  readonly sessionId: string;
  /** Whether it was told of this turn. */
  knows(seq: number): boolean;
}

/** Reaches the providers that are connected to this process. */
export interface SessionDispatcher {
  holds(agentId: string): boolean;
  /** `false` when this process does not hold the agent's connection. */
  tell(agentId: string, telling: SessionTelling): boolean;
  heldSessions(): readonly HeldSession[];
}
