import type { FaultCode } from "@guildhall/protocol";

/** What each code tells its caller. Only codes with something to say are listed. */
interface FaultFacts {
  rate_limited: { retryAfterSeconds: number };
  payload_too_large: { bytesMax: number } | { field: string; charsMax: number };
  invalid_request: { field: string };
  not_found: { kind: string; id: string };
  result_schema_mismatch: { errors: readonly string[] };
  input_schema_mismatch: { errors: readonly string[] };
  /** One of the usual reasons, or the provider's own words. */
  work_declined: { reason: string };
  resume_window_exceeded: { windowSeconds: number };
  budget_exceeded: { neededMicros: bigint; limitMicros: bigint };
  ceiling_exceeded: { chainId: string; spentMicros: bigint; ceilingMicros: bigint };
  spend_limit_reached: { scope: string; neededMicros: bigint; limitMicros: bigint };
  storage_limit_reached: { limitBytes: number };
  insufficient_funds: { neededMicros: bigint };
  overloaded: { retryAfterSeconds: number };
}
/** What a code may tell beside its message, where there is anything to tell. */
interface OptionalFaultFacts {
  /** Without facts the key is one that this server never issued. */
  unauthenticated: { reason: KeyProblem };
  /** Without facts nobody knows when there will be room. */
  provider_busy: { retryAfterSeconds: number };
}
/** What is wrong with a key other than being unknown. Wires that have one word for all do not look. */
export type KeyProblem =
  /** None was shown. */
  | "missing"
  /** It was good once: revoked, or expired. */
  | "inactive";
type FactsOf<C extends FaultCode> = C extends keyof FaultFacts
  ? FaultFacts[C]
  : C extends keyof OptionalFaultFacts
    ? OptionalFaultFacts[C] | undefined
    : undefined;
type Rest<C extends FaultCode> = C extends keyof FaultFacts
  ? [facts: FaultFacts[C], options?: { cause?: unknown }]
  : [facts?: FactsOf<C>, options?: { cause?: unknown }];

/** A refusal the caller may see. `message` is safe to show; `cause` is for operators. */
export class Fault<C extends FaultCode = FaultCode> extends Error {
  override readonly name = "Fault";
  readonly code: C;
  readonly facts: FactsOf<C>;

  constructor(code: C, message: string, ...[facts, options]: Rest<C>) {
    super(message, options);
    this.code = code;
    this.facts = facts as FactsOf<C>;
  }
}

/** `instanceof` alone would narrow to `Fault<any>` and switch exhaustiveness off. */
export function faultCodeOf(error: unknown): FaultCode {
  return error instanceof Fault ? (error as Fault).code : "internal";
}
