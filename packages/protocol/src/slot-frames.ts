/**
 * What a provider and a server say to each other about broadcasts; part of the protocol in frames.ts.
 *
 *   1. The server announces a broadcast. For a while the provider may claim a seat of it, or pass.
 *   2. A claim is answered with the slot, or with why there is none.
 *   3. The provider fills the slot with its result, or gives it up; the server confirms (`filled`).
 *   4. A slot that is not filled yet is told again on each connection. One that is over by itself, since
 *      its time is up or the broadcast was cancelled, is taken back (`revoked`).
 */
import {
  decimal,
  id,
  instant,
  integer,
  json,
  list,
  oneOf,
  optional,
  type Readers,
  text,
} from "./fields.ts";

/** Why a provider does not claim a seat. */
export const SLOT_REFUSALS = [
  "provider_busy",
  "capability_not_supported",
  "provider_manual",
  "provider_unconfigured",
] as const;
/** Why a provider gives a slot up. */
export const SLOT_FAILURES = [
  "provider_failed",
  "provider_timeout",
  "provider_bad_output",
] as const;

/** What is asked for. */
export interface BroadcastFacts {
  readonly broadcast: string;
  readonly capability: string;
  readonly instruction: string;
  /** Absent from an announcement where it is long; never from a slot. */
  readonly params?: unknown;
  /** What results have to fit. */
  readonly schema?: unknown;
  readonly payment: string;
  /** Decimal: it may be beyond what a JSON number holds exactly. */
  readonly slotMicros: string;
  readonly stakeMicros: string;
  readonly requester: string;
}

/** What a provider says about broadcasts. */
export type ProviderSlotFrame =
  | { readonly type: "claim"; readonly broadcast: string; readonly key?: string | undefined }
  | {
      readonly type: "pass";
      readonly broadcast: string;
      readonly code: (typeof SLOT_REFUSALS)[number];
      readonly message?: string | undefined;
    }
  | { readonly type: "fill"; readonly slot: string; readonly result: unknown }
  | {
      readonly type: "give-up";
      readonly slot: string;
      readonly code: (typeof SLOT_FAILURES)[number];
      readonly message: string;
    };

/** What a server says about broadcasts. */
export type ServerSlotFrame =
  | ({
      readonly type: "announce";
      readonly deadline: string;
      /** How long a seat may be claimed over this connection. */
      readonly offerMs: number;
      /** The names of the seats, where they have any. */
      readonly keys?: readonly string[] | undefined;
    } & BroadcastFacts)
  /** The broadcast's seats are gone, or the claim was refused. */
  | {
      readonly type: "withdrawn";
      readonly broadcast: string;
      readonly code: string;
      readonly message: string;
    }
  | ({
      readonly type: "slot";
      readonly slot: string;
      readonly key?: string | undefined;
      readonly chain: string;
      readonly deadline: string;
      /** The same as the deadline, for a provider whose clock is wrong. */
      readonly remainingMs: number;
    } & BroadcastFacts)
  /** What the provider said of the slot was taken, or is of no use, or is not good enough. */
  | {
      readonly type: "filled";
      readonly slot: string;
      readonly outcome: "ok" | "late" | "refused";
      readonly message?: string | undefined;
    }
  | { readonly type: "revoked"; readonly slot: string; readonly reason: string };

type Table<F extends { readonly type: string }> = {
  readonly [T in F["type"]]: Readers<Omit<Extract<F, { readonly type: T }>, "type">>;
};

const COUNT_MAX = 2 ** 31 - 1;
const count = integer(0, COUNT_MAX);
const CODE = text(64, 1);
const KEY = text(128, 1);
/** What people read in an error. */
const WORDS = text(2_000);
/** Seats of one broadcast. */
const KEYS_MAX = 1_000;
const FACTS: Readers<BroadcastFacts> = {
  broadcast: id,
  capability: text(256, 1),
  instruction: text(65_536, 1),
  params: optional(json),
  schema: optional(json),
  payment: text(64, 1),
  slotMicros: decimal,
  stakeMicros: decimal,
  requester: text(64, 1),
};

export const PROVIDER_SLOT_FRAMES: Table<ProviderSlotFrame> = {
  claim: { broadcast: id, key: optional(KEY) },
  pass: { broadcast: id, code: oneOf(SLOT_REFUSALS), message: optional(WORDS) },
  fill: { slot: id, result: json },
  "give-up": { slot: id, code: oneOf(SLOT_FAILURES), message: WORDS },
};

export const SERVER_SLOT_FRAMES: Table<ServerSlotFrame> = {
  announce: { ...FACTS, deadline: instant, offerMs: count, keys: optional(list(KEY, KEYS_MAX)) },
  withdrawn: { broadcast: id, code: CODE, message: WORDS },
  slot: {
    ...FACTS,
    slot: id,
    key: optional(KEY),
    chain: id,
    deadline: instant,
    remainingMs: count,
  },
  filled: { slot: id, outcome: oneOf(["ok", "late", "refused"]), message: optional(WORDS) },
  revoked: { slot: id, reason: WORDS },
};
