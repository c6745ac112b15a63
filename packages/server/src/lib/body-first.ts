/**
 * The whole of a large body is let in before the answer to it goes out.
 *
 * Some clients, Python's among them, send all of a body before they look for an answer. Where a request
 * says `Connection: close`, Node hangs up behind the answer (RFC 9112 §9.6 has servers close in steps
 * for this), so whoever is still sending would meet a broken pipe instead of the refusal.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface BodyFirstLimits {
  /** What is read and forgotten of a body at most. */
  readonly bytesMax: number;
  /** How long an answer waits at most. */
  readonly msMax: number;
  /** Whoever sends nothing for so long is waiting for the answer. */
  readonly idleMs: number;
}

/** Smaller bodies are there by the time that anybody has answered. */
const LARGE_BYTES = 65_536;
const LIMITS: BodyFirstLimits = { bytesMax: 64 * 1024 * 1024, msMax: 10_000, idleMs: 300 };

/** Answers as `listener` does, but ends no answer while a large body is still on its way. */
export function bodyFirst(listener: Listener, limits: BodyFirstLimits = LIMITS): Listener {
  return (request, response) => {
    if (isLarge(request)) waitForBody(request, response, limits);
    listener(request, response);
  };
}

function isLarge({ headers }: IncomingMessage): boolean {
  if (headers["transfer-encoding"] !== undefined) return true;
  return Number(headers["content-length"] ?? 0) > LARGE_BYTES;
}

function waitForBody(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyFirstLimits,
): void {
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  const endLater = (...args: unknown[]): ServerResponse => {
    if (request.complete || request.destroyed) return end(...args);
    void arrived(request, limits).then(() => end(...args));
    return response;
  };
  response.end = endLater as ServerResponse["end"];
}

/** Resolves when the body is there, will not come any more, or has taken too much. */
function arrived(request: IncomingMessage, limits: BodyFirstLimits): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const count = (part: Buffer): void => {
      idle.refresh();
      bytes += part.length;
      if (bytes > limits.bytesMax) done();
    };
    const done = (): void => {
      clearTimeout(idle);
      clearTimeout(whole);
      request.off("data", count);
      resolve();
    };
    const idle = setTimeout(done, limits.idleMs);
    const whole = setTimeout(done, limits.msMax);
    request.once("end", done).once("close", done).on("data", count).resume();
  });
}
