/**
 * Settling a call of a model: who ended it, how far it had come, and what is paid for it.
 *
 *   1. Nobody pays for nothing delivered.
 *   2. A call that came to its end is paid by what its provider counted.
 *   3. A call that was cut is paid by what had been delivered until then.
 *   4. Nothing is ever paid beyond what was held.
 *
 * Delivered is what was handed to the requester, or, once the requester's server has died, what was
 * noted of it last: the rest is the house's loss.
 */
import { costMicros, isUsage, type TokenRates, type TokenUsage } from "./token-price.ts";

/** Why a call is over. */
export type CallEnd =
  /** The provider said that this is all. */
  | "completed"
  /** Whoever asked went away. */
  | "requester"
  /** The provider's connection broke. */
  | "provider"
  /** The provider said that it failed, be it inside an answer that had begun well. */
  | "error"
  /** The server that handed the answer on died. */
  | "server"
  /** What was delivered had reached what was held. */
  | "hold"
  | "deadline";

/** How far the answer had come: before its first word, whatever frames came around it; in the middle; after its last. */
export type CallPhase = "before" | "during" | "after";

/** What is paid: nothing, what had been delivered, or what the provider counted. */
export type ChargeBasis = "nothing" | "delivered" | "counted";

/** Every end at every phase. */
// biome-ignore format: read as a table
export const SETTLEMENTS: Readonly<Record<CallEnd, Readonly<Record<CallPhase, ChargeBasis>>>> = {
  // An answer without any text, such as a call of a tool or a refusal, is an answer.
  completed: { before: "counted", during: "counted",   after: "counted" },
  requester: { before: "nothing", during: "delivered", after: "counted" },
  provider:  { before: "nothing", during: "delivered", after: "counted" },
  error:     { before: "nothing", during: "delivered", after: "delivered" },
  server:    { before: "nothing", during: "delivered", after: "delivered" },
  hold:      { before: "nothing", during: "delivered", after: "counted" },
  deadline:  { before: "nothing", during: "delivered", after: "counted" },
};

/** How the run that the call is ends: each is an event of domain/run.ts. */
// biome-ignore format: read as a table
export const RUN_ENDINGS: Readonly<Record<CallEnd, Readonly<Record<CallPhase, "succeed" | "fail" | "cancel" | "expire">>>> = {
  completed: { before: "succeed", during: "succeed", after: "succeed" },
  requester: { before: "cancel",  during: "cancel",  after: "succeed" },
  provider:  { before: "fail",    during: "fail",    after: "succeed" },
  error:     { before: "fail",    during: "fail",    after: "fail" },
  server:    { before: "fail",    during: "fail",    after: "fail" },
  // It was cut where its requester's own limit is: what was asked for within it was given.
  hold:      { before: "fail",    during: "succeed", after: "succeed" },
  deadline:  { before: "expire",  during: "expire",  after: "succeed" },
};

/** What a call had come to when it ended. */
export interface CallAccount {
  readonly end: CallEnd;
  readonly phase: CallPhase;
  readonly rates: TokenRates;
  readonly heldMicros: bigint;
  /** What the provider counted, where it did. */
  readonly reported: TokenUsage | undefined;
  /** What we counted: the input as it was sent and the output as far as it was delivered. */
  readonly delivered: TokenUsage;
}

/** What is paid for a call, in micros, and by which tokens; none where nothing is paid. */
export interface CallCharge {
  readonly micros: bigint;
  readonly usage: TokenUsage | undefined;
  readonly basis: ChargeBasis;
}

export function chargeOf(account: CallAccount): CallCharge {
  const { end, phase, rates, heldMicros, reported, delivered } = account;
  const basis = SETTLEMENTS[end][phase];
  if (basis === "nothing") return { micros: 0n, usage: undefined, basis };
  // A report that cannot be one, such as more tokens cached than there were, is none.
  const counted = reported && isUsage(reported) ? reported : undefined;
  const usage = basis === "counted" ? (counted ?? delivered) : delivered;
  return { micros: atMost(heldMicros, costMicros(rates, usage)), usage, basis };
}

function atMost(most: bigint, micros: bigint): bigint {
  if (micros > most) return most;
  return micros;
}

/** Whether another provider may be asked: nobody has been handed anything, and it was not our doing. */
export function mayRetry(end: CallEnd, phase: CallPhase): boolean {
  return phase === "before" && (end === "provider" || end === "error");
}
