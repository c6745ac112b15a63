/**
 * A command that did not do what was asked. The code is the contract; the message is for people,
 * and so is the hint, which says what to do about it.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: string;
  /** 1: the operation failed. 2: the command was not said correctly. */
  readonly exitCode: 1 | 2;
  readonly hint: string | undefined;
  /** Whatever else is known, printed beside code and message. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint;
    this.facts = options.facts ?? {};
  }
}

export interface FailureOptions {
  readonly exitCode?: 1 | 2;
  readonly hint?: string | undefined;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The command was not said correctly: exit code 2 (LinkedClaw contract §9.1). */
export function usageFailure(message: string, hint?: string): Failure {
  return new Failure("usage_error", message, { exitCode: 2, hint });
}

/** Whether `error` is a failure with this code. */
export function isFailure(error: unknown, code: string): error is Failure {
  return error instanceof Failure && error.code === code;
}

/** Node's own error code (`ENOENT`, `ECONNREFUSED`), where there is one. */
export function systemCodeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === "string") return code;
  // A host name with several addresses fails once for each.
  return error instanceof AggregateError ? systemCodeOf(error.errors[0]) : undefined;
}

/** The words of whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
