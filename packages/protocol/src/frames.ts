/**
 * The provider protocol: what a provider and a server say to each other at `/provider`.
 *
 *   1. The provider opens a WebSocket and identifies. The server welcomes or rejects it.
 *   2. The server offers runs. The provider accepts or refuses each, may send chunks of output while
 *      the server grants room for them, and ends it with a result or an error.
 *   3. The server says that it took the answer (`settled`); until then the provider keeps it.
 *   4. Sessions are asked for (`ask`), taken or declined, opened, and closed. In between the server hands
 *      on what the requester says, each a turn, and the provider says what it has to say, numbered from
 *      1 in each session; the server confirms each number.
 *   5. Either may vanish. On the next connection the provider resumes: it names the runs and sessions
 *      that it has in hand, is told which of them are over, and is offered every live run and every
 *      unanswered turn again. What it has done already it answers from memory: offers are the same
 *      when run and attempt are, turns when session and number are.
 *
 * Broadcasts are announced, and seats of them claimed, between these: see slot-frames.ts.
 *
 * Frames are JSON objects in text messages of at most `LIMITS.frameBytesMax`. Unknown fields are
 * ignored; an unknown type is answered with a notice.
 */

import { LINK_CLOSINGS, type LinkClosing } from "./closings.ts";
import {
  counts,
  decimal,
  FieldError,
  id,
  instant,
  integer,
  json,
  list,
  oneOf,
  optional,
  type Readers,
  shape,
  text,
} from "./fields.ts";
import { parseJson } from "./json.ts";
import { LIMITS } from "./limits.ts";
import {
  PROVIDER_SESSION_FRAMES,
  type ProviderSessionFrame,
  RUN_FAILURES,
  RUN_REFUSALS,
  SERVER_SESSION_FRAMES,
  type ServerSessionFrame,
} from "./session-frames.ts";

import {
  PROVIDER_SLOT_FRAMES,
  type ProviderSlotFrame,
  SERVER_SLOT_FRAMES,
  type ServerSlotFrame,
} from "./slot-frames.ts";

export { RUN_FAILURES, RUN_REFUSALS, SESSION_SHAPES } from "./session-frames.ts";

/** Raised when a program of the version before could not understand the other end any more. */
export const PROVIDER_PROTOCOL = 1;
/** Where providers connect, below the server's address. */
export const PROVIDER_PATH = "/provider";

/** A run's attempt: what offers and answers are matched by. */
interface OfRun {
  readonly run: string;
  readonly attempt: number;
}

/** What a provider says. */
export type ProviderFrame =
  | {
      readonly type: "identify";
      readonly protocol: number;
      readonly key: string;
      readonly agent: string;
      /** Program and version, for operators to see. */
      readonly client?: string | undefined;
      /** Runs that it works on at once. */
      readonly concurrency?: number | undefined;
    }
  | ({ readonly type: "accept" } & OfRun)
  | ({
      readonly type: "refuse";
      readonly code: (typeof RUN_REFUSALS)[number];
      readonly message?: string | undefined;
    } & OfRun)
  /** `seq` counts from 0 without gaps and stays below the `until` that was granted last. */
  | ({ readonly type: "chunk"; readonly seq: number; readonly data: unknown } & OfRun)
  | ({
      readonly type: "result";
      readonly output: unknown;
      readonly evidence?: unknown;
      readonly usage?: Readonly<Record<string, number>> | undefined;
    } & OfRun)
  | ({
      readonly type: "error";
      readonly code: (typeof RUN_FAILURES)[number];
      readonly message: string;
    } & OfRun)
  | ProviderSessionFrame
  | ProviderSlotFrame
  /** Follows the welcome of a provider that was connected before. */
  | {
      readonly type: "resume";
      readonly runs: readonly OfRun[];
      readonly sessions?: readonly string[] | undefined;
    }
  | { readonly type: "heartbeat" }
  | { readonly type: "goodbye"; readonly reason?: string | undefined };

/** What a server says. */
export type ServerFrame =
  | {
      readonly type: "welcome";
      readonly protocol: number;
      readonly agent: string;
      /** Counts the agent's connections. */
      readonly epoch: number;
      readonly heartbeatMs: number;
      readonly missMs: number;
      readonly frameBytesMax: number;
    }
  /** The last frame of a connection that the server ends. */
  | {
      readonly type: "rejected";
      readonly code: LinkClosing;
      readonly message: string;
    }
  | ({
      readonly type: "offer";
      readonly capability: string;
      readonly input: unknown;
      readonly manifest: unknown;
      readonly requester: string;
      readonly chain: string;
      /** Decimal: it may be beyond what a JSON number holds exactly. */
      readonly maxMicros: string;
      readonly deadline: string;
      /** The same as the deadline, for a provider whose clock is wrong. */
      readonly remainingMs: number;
      readonly timeoutSeconds: number;
      /** Chunks from `next` on are wanted, and may be sent while below `until`. */
      readonly chunks: { readonly next: number; readonly until: number };
    } & OfRun)
  | ({ readonly type: "cancel"; readonly reason: string } & OfRun)
  /** Chunks below `until` may be sent. It only grows, so a repeat does no harm. */
  | ({ readonly type: "credit"; readonly until: number } & OfRun)
  | ({ readonly type: "settled"; readonly outcome: "ok" | "late" } & OfRun)
  | ServerSessionFrame
  | ServerSlotFrame
  | { readonly type: "heartbeat" }
  /** Something was wrong with a frame; the connection goes on. */
  | {
      readonly type: "notice";
      readonly code: string;
      readonly message: string;
      /** The session that the frame was about, where it was about one. */
      readonly session?: string | undefined;
    };

/** A frame that was read, or what is wrong with it. */
export type Decoded<F> =
  | { readonly ok: true; readonly frame: F }
  | {
      readonly ok: false;
      readonly code: "bad_json" | "bad_frame" | "unknown_type";
      readonly problem: string;
      /** The run and attempt that the bad frame was about, where it could be read. */
      readonly about: OfRun | undefined;
    };

type Table<F extends { readonly type: string }> = {
  readonly [T in F["type"]]: Readers<Omit<Extract<F, { readonly type: T }>, "type">>;
};

const COUNT_MAX = 2 ** 31 - 1;
const count = integer(0, COUNT_MAX);
const OF_RUN = { run: id, attempt: integer(1, COUNT_MAX) };
const CODE = text(64, 1);
/** What people read in an error. */
const WORDS = text(2_000);

const PROVIDER_FRAMES: Table<ProviderFrame> = {
  identify: {
    protocol: integer(1, 1_000),
    key: text(256, 1),
    agent: id,
    client: optional(text(200)),
    concurrency: optional(integer(1, LIMITS.resumeRunsMax)),
  },
  accept: OF_RUN,
  refuse: { ...OF_RUN, code: oneOf(RUN_REFUSALS), message: optional(WORDS) },
  chunk: { ...OF_RUN, seq: count, data: json },
  result: { ...OF_RUN, output: json, evidence: optional(json), usage: optional(counts) },
  error: { ...OF_RUN, code: oneOf(RUN_FAILURES), message: WORDS },
  ...PROVIDER_SESSION_FRAMES,
  resume: {
    runs: list(shape<OfRun>(OF_RUN), LIMITS.resumeRunsMax),
    sessions: optional(list(id, LIMITS.resumeSessionsMax)),
  },
  ...PROVIDER_SLOT_FRAMES,
  heartbeat: {},
  goodbye: { reason: optional(text(200)) },
};

const SERVER_FRAMES: Table<ServerFrame> = {
  welcome: {
    protocol: integer(1, 1_000),
    agent: id,
    epoch: count,
    heartbeatMs: integer(1, COUNT_MAX),
    missMs: integer(1, COUNT_MAX),
    frameBytesMax: integer(1, COUNT_MAX),
  },
  rejected: { code: oneOf(Object.keys(LINK_CLOSINGS) as LinkClosing[]), message: WORDS },
  offer: {
    ...OF_RUN,
    capability: text(256, 1),
    input: json,
    manifest: json,
    requester: text(64, 1),
    chain: id,
    maxMicros: decimal,
    deadline: instant,
    remainingMs: count,
    timeoutSeconds: integer(1, COUNT_MAX),
    chunks: shape({ next: count, until: count }),
  },
  cancel: { ...OF_RUN, reason: WORDS },
  credit: { ...OF_RUN, until: count },
  settled: { ...OF_RUN, outcome: oneOf(["ok", "late"]) },
  ...SERVER_SESSION_FRAMES,
  ...SERVER_SLOT_FRAMES,
  heartbeat: {},
  notice: { code: CODE, message: WORDS, session: optional(id) },
};

/** Reads one text message from a provider. Never throws. */
export function decodeProviderFrame(message: string): Decoded<ProviderFrame> {
  return decode<ProviderFrame>(PROVIDER_FRAMES, message);
}

/** Reads one text message from a server. Never throws. */
export function decodeServerFrame(message: string): Decoded<ServerFrame> {
  return decode<ServerFrame>(SERVER_FRAMES, message);
}

function decode<F extends { readonly type: string }>(table: Table<F>, message: string): Decoded<F> {
  const parsed = parseJson(message);
  const { value } = parsed;
  const fail = (code: "bad_json" | "bad_frame" | "unknown_type", problem: string) =>
    ({ ok: false, code, problem, about: aboutOf(value) }) as const;
  if (!parsed.ok) return fail("bad_json", `The frame ${parsed.problem}.`);

  const type = typeof value === "object" && value !== null && "type" in value && value.type;
  if (typeof type !== "string") return fail("bad_frame", "The frame has no type.");
  if (!Object.hasOwn(table, type)) return fail("unknown_type", "There is no such frame type.");
  try {
    const read = shape(table[type as F["type"]] as Readers<Omit<F, "type">>);
    return { ok: true, frame: { type, ...read(value, "") } as F };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    return fail("bad_frame", `In the frame "${type}", ${error.message}.`);
  }
}

function aboutOf(value: unknown): OfRun | undefined {
  try {
    return shape<OfRun>(OF_RUN)(value, "");
  } catch {
    return undefined;
  }
}
