/**
 * Who is known goes first.
 *
 * A request with a key that was not seen in the last seconds waits for its turn: one a turn of the event
 * loop, behind whatever is ready for callers who are known. To a server that has time this is nothing; a
 * flood of made up keys gets what time is left over, and beyond a bound it is sent away unread.
 *
 * It decides nothing about who may do what: the same request comes to the same answer, a little later.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createOneATurn } from "../../lib/one-a-turn.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** A second's worth of them, or two. Whoever comes then has waited too long already. */
const WAITING_MAX = 4_000;
const OVERLOADED = JSON.stringify({
  error: { code: "overloaded", message: "Too many requests are waiting." },
});

export function strangersLast(
  listener: Listener,
  /** Whether a secret is that of a caller who was seen lately. */
  isKnown: (secret: string) => boolean,
  waitingMax = WAITING_MAX,
): Listener {
  const strangers = createOneATurn<Parameters<Listener>>(([request, response]) => {
    // Whoever has gone meanwhile is not answered.
    if (!response.destroyed) listener(request, response);
  });

  return (request, response) => {
    const secret = secretOf(request);
    if (secret === undefined || isKnown(secret)) return listener(request, response);
    if (strangers.waiting >= waitingMax) return sendAway(response);
    strangers.add([request, response]);
  };
}

/** The secret that a request shows in any of the wires' ways. */
function secretOf({ headers }: IncomingMessage): string | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return headers["x-api-key"] as string | undefined;
  return authorization.slice(authorization.lastIndexOf(" ") + 1);
}

function sendAway(response: ServerResponse): void {
  response.writeHead(503, {
    ...{ "content-type": "application/json", "retry-after": "1", connection: "close" },
    "content-length": OVERLOADED.length,
  });
  response.end(OVERLOADED);
}
