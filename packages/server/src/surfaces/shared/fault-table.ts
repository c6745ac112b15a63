import type { FaultCode } from "@guildhall/protocol";
import { Fault } from "../../domain/fault.ts";
import { Outage } from "../../lib/outage.ts";

/**
 * How a wire words each refusal. One row a code: a code that is added does not compile until every
 * wire says how it sounds.
 */
export type FaultTable<T> = Readonly<Record<FaultCode, T>>;

/** A refusal as a wire is about to say it. */
export interface WordedFault<T> {
  /** The wire's own row for the code. */
  readonly word: T;
  /** The refusal itself: its message and facts may be shown. */
  readonly fault: Fault;
  /** Seconds for a `Retry-After` header, where the refusal knows when to come back. */
  readonly retryAfterSeconds: number | undefined;
}

/** Finds a wire's words for whatever was thrown. Anything but a `Fault` is a bug, and sounds so. */
export function wordFault<T>(table: FaultTable<T>, error: unknown): WordedFault<T> {
  const fault = faultOf(error);
  return { word: table[fault.code], fault, retryAfterSeconds: retryAfterSecondsOf(fault) };
}

/**
 * What was thrown, as a refusal that is safe to show. A database that is away is said to be, and when to
 * come back. A bug becomes `internal` with no word of its own message, and stays as the cause for the log.
 */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error as Fault;
  if (error instanceof Outage) {
    const message = "The server's database does not answer at the moment. Ask again.";
    return new Fault("overloaded", message, { retryAfterSeconds: 1 }, { cause: error });
  }
  return new Fault("internal", "Something went wrong on our side.", undefined, { cause: error });
}

function retryAfterSecondsOf(fault: Fault): number | undefined {
  const { facts } = fault;
  if (facts === undefined || !("retryAfterSeconds" in facts)) return undefined;
  // Whole seconds on the wire, never so few that the next attempt comes too early.
  return Math.max(1, Math.ceil(facts.retryAfterSeconds));
}
