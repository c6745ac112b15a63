/** What an interface's refusals and failures mean to whoever asked. */
import { Fault } from "../../domain/fault.ts";
import { redact } from "../../lib/log.ts";

/** Of an interface's own words: enough to find the mistake by. */
const MESSAGE_CHARS_MAX = 500;

/**
 * What a status means. Only what the caller can do something about is told in the interface's own
 * words: others may name the operator's account or key.
 */
export function faultOfStatus(status: number, words: string | undefined): Fault {
  if (status === 400 || status === 413 || status === 422) {
    const message = words ?? "The model's interface did not accept the request.";
    return new Fault("invalid_request", readable(message), { field: "body" });
  }
  const cause = { cause: new Error(`status ${status}: ${readable(words ?? "no words")}`) };
  if (status === 401 || status === 402 || status === 403 || status === 404) {
    const message = "The model's interface is not set up properly. Tell the server's operator.";
    return new Fault("provider_unconfigured", message, undefined, cause);
  }
  if (status === 408 || status === 504) {
    return new Fault("provider_timeout", "The model did not answer in time.", undefined, cause);
  }
  if (status === 429 || status === 503 || status === 529) {
    return new Fault("provider_busy", "The model is busy. Try again later.", undefined, cause);
  }
  return new Fault("provider_failed", "The model's interface failed.", undefined, cause);
}

/** A failure that an interface reports within a stream. */
export function faultInStream(words: string | undefined): Fault {
  const message = words === undefined ? "" : `: ${readable(words)}`;
  return new Fault("provider_failed", `The model's interface failed${message}`);
}

/** An answer that is not what the interface's kind answers with. */
export function badAnswer(cause?: unknown): Fault {
  const message = "The model's interface answered something that is not an answer.";
  return new Fault("provider_bad_output", message, undefined, { cause });
}

/** A stream that ended in the middle. */
export function brokenOff(cause?: unknown): Fault {
  return new Fault("provider_failed", "The answer broke off.", undefined, { cause });
}

/** `{"error":{"message"}}`, `{"error":"…"}` or `{"message"}`: what a JSON body says is wrong. */
export function wordsIn(body: Buffer): string | undefined {
  try {
    const value = JSON.parse(body.toString("utf8")) as unknown;
    const first = Array.isArray(value) ? (value[0] as unknown) : value;
    return wordsOf((first as { error?: unknown } | null)?.error) ?? wordsOf(first);
  } catch {
    return undefined;
  }
}

export function wordsOf(error: unknown): string | undefined {
  if (typeof error === "string") return error;
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : undefined;
}

/** Short, without what looks like a key of ours or theirs. */
export function readable(words: string): string {
  return redact(words)
    .replace(/\b(?:sk|rk|pk|key|AIza)[-_A-Za-z0-9*]{8,}/g, "[redacted]")
    .slice(0, MESSAGE_CHARS_MAX);
}
