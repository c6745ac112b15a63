import type { RUN_FAILURES } from "@guildhall/protocol";

/** Thrown by a handler to say what went wrong. The message is shown to the requester. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly code: (typeof RUN_FAILURES)[number];

  constructor(code: (typeof RUN_FAILURES)[number], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const TOLD_CHARS_MAX = 2_000;

/** What is told of an error. Half a character that the cut leaves would make the frame unreadable. */
export function toldOf({ message }: Error): string {
  return message.slice(0, TOLD_CHARS_MAX).toWellFormed();
}

/** A server refused a request, or could not be asked. The code is the contract, not the message. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** The server's word, such as `insufficient_credits`; `server_unreachable` where there was none. */
  readonly code: string;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Finds the request in the server's log. */
  readonly requestId: string | undefined;
  /** When to come back, where the server says so. */
  readonly retryAfterSeconds: number | undefined;
  /** The refusal's other facts, as the server sent them. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    about: {
      readonly code: string;
      readonly status: number;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly facts?: Readonly<Record<string, unknown>>;
    },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = about.code;
    this.status = about.status;
    this.requestId = about.requestId;
    this.retryAfterSeconds = about.retryAfterSeconds;
    this.facts = about.facts ?? {};
  }
}
