/** What a provider and a server say to each other about sessions; part of the protocol in frames.ts. */
import {
  boolean,
  decimal,
  id,
  integer,
  json,
  oneOf,
  optional,
  type Readers,
  shape,
  text,
} from "./fields.ts";
import { LIMITS } from "./limits.ts";

export const RUN_REFUSALS = [
  "provider_busy",
  "requester_limit",
  "capability_not_supported",
  "provider_manual",
  "provider_unconfigured",
] as const;

export const RUN_FAILURES = ["provider_failed", "provider_timeout", "provider_bad_output"] as const;

/** What one payment for a session buys. */
export const SESSION_SHAPES = [
  "free",
  "per_session",
  "per_task",
  "per_message",
  "open_quote",
] as const;

/** A session, and which time its provider is asked about it. */
interface OfSession {
  readonly session: string;
  readonly attempt: number;
}

/** What a session is about. */
export interface SessionFacts {
  readonly capability: string;
  readonly requester: string;
  readonly chain: string;
  readonly messagesMax: number;
  readonly price: {
    readonly shape: (typeof SESSION_SHAPES)[number];
    /** For the session, the task or each message; of an open quote the estimate. */
    readonly amountMicros: string;
    /** The most that the whole session can be charged; absent while nothing is agreed on. */
    readonly ceilingMicros?: string | undefined;
    readonly tier?: string | undefined;
  };
  /** The session that this one goes on from. */
  readonly previous?: string | undefined;
}

/** What a provider says about sessions. */
export type ProviderSessionFrame =
  | ({ readonly type: "take" } & OfSession)
  | ({
      readonly type: "decline";
      readonly code: (typeof RUN_REFUSALS)[number];
      readonly message?: string | undefined;
    } & OfSession)
  /** An answer to a turn, or, without one, something that it says by itself. */
  | {
      readonly type: "message";
      readonly session: string;
      /** The provider's own, from 1 without gaps. */
      readonly number: number;
      readonly turn?: number | undefined;
      /** Whether the turn is answered with it; only then is it paid for. */
      readonly final: boolean;
      readonly payload: unknown;
    }
  /** A turn could not be answered. It counts against the cap and is not paid for. */
  | {
      readonly type: "fail";
      readonly session: string;
      readonly number: number;
      readonly turn: number;
      readonly code: (typeof RUN_FAILURES)[number];
      readonly message: string;
    }
  /** What an open quote is to cost. The last one before one is accepted counts. */
  | {
      readonly type: "quote";
      readonly session: string;
      readonly amountMicros: string;
      readonly ceilingMicros: string;
      readonly lines?: unknown;
      readonly note?: string | undefined;
    }
  | {
      readonly type: "bill";
      readonly session: string;
      readonly totalMicros: string;
      readonly lines?: unknown;
      readonly note?: string | undefined;
    };

/** What a server says about sessions. */
export type ServerSessionFrame =
  /** Will you take this session? The same session and attempt again is the same question. */
  | ({ readonly type: "ask"; readonly remainingMs: number } & OfSession & SessionFacts)
  /** The session is yours to serve. Also on each later connection, before any turn of it. */
  | ({
      readonly type: "open";
      readonly session: string;
      /** The last of your numbers that the server has. */
      readonly number: number;
    } & SessionFacts)
  | {
      readonly type: "turn";
      readonly session: string;
      /** The requester's own number. */
      readonly seq: number;
      readonly payload: unknown;
    }
  /** What an open quote is asked for; the answer is a `quote`. The session is not open yet. */
  | ({
      readonly type: "brief";
      readonly session: string;
      readonly seq: number;
      readonly payload: unknown;
    } & SessionFacts)
  /** The message of this number was taken, or is of no use; forget it either way. */
  | {
      readonly type: "taken";
      readonly session: string;
      readonly number: number;
      readonly outcome: "ok" | "late";
    }
  | ({
      readonly type: "close";
      readonly session: string;
      readonly how: "ended" | "cancelled";
      readonly reason: string;
      /** Messages of the requester that count. */
      readonly turns: number;
      readonly output?: string | undefined;
      /** The requester waits for your bill. */
      readonly bill: boolean;
    } & SessionFacts);

type Table<F extends { readonly type: string }> = {
  readonly [T in F["type"]]: Readers<Omit<Extract<F, { readonly type: T }>, "type">>;
};

const COUNT_MAX = 2 ** 31 - 1;
const count = integer(0, COUNT_MAX);
const WORDS = text(2_000);
const OF_SESSION = { session: id, attempt: integer(1, COUNT_MAX) };
const NUMBERED = { session: id, number: integer(1, COUNT_MAX) };
const LINES = { lines: optional(json), note: optional(WORDS) };
const SAID = { session: id, seq: integer(1, COUNT_MAX), payload: json };
const FACTS: Readers<SessionFacts> = {
  capability: text(256, 1),
  requester: text(64, 1),
  chain: id,
  messagesMax: integer(1, COUNT_MAX),
  price: shape<SessionFacts["price"]>({
    shape: oneOf(SESSION_SHAPES),
    amountMicros: decimal,
    ceilingMicros: optional(decimal),
    tier: optional(text(256)),
  }),
  previous: optional(id),
};

export const PROVIDER_SESSION_FRAMES: Table<ProviderSessionFrame> = {
  take: OF_SESSION,
  decline: { ...OF_SESSION, code: oneOf(RUN_REFUSALS), message: optional(WORDS) },
  message: {
    ...NUMBERED,
    turn: optional(integer(1, COUNT_MAX)),
    final: boolean,
    payload: json,
  },
  fail: { ...NUMBERED, turn: integer(1, COUNT_MAX), code: oneOf(RUN_FAILURES), message: WORDS },
  quote: { session: id, amountMicros: decimal, ceilingMicros: decimal, ...LINES },
  bill: { session: id, totalMicros: decimal, ...LINES },
};

export const SERVER_SESSION_FRAMES: Table<ServerSessionFrame> = {
  ask: { ...OF_SESSION, remainingMs: count, ...FACTS },
  open: { session: id, number: count, ...FACTS },
  turn: SAID,
  brief: { ...SAID, ...FACTS },
  taken: { ...NUMBERED, outcome: oneOf(["ok", "late"]) },
  close: {
    session: id,
    how: oneOf(["ended", "cancelled"]),
    reason: text(64, 1),
    turns: count,
    output: optional(text(LIMITS.bodyBytesMax)),
    bill: boolean,
    ...FACTS,
  },
};
