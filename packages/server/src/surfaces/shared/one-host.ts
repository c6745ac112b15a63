/**
 * A request has one `Host` (RFC 9112 §3.2). With two, whoever is in between may go by the one and we by
 * the other: what one of them refuses, or keeps for others, is then not what is answered.
 */
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { MiddlewareHandler } from "hono";
import { plainRefusal } from "./plain-refusal.ts";

/** Whether a request, as Node's parser left it, names its host more than once. */
export function hasHostTwice({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1;
}

/** Answers such a request with 400, whatever it asks for. */
export const oneHost: MiddlewareHandler = async (c, next) => {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  if (incoming && hasHostTwice(incoming)) {
    return c.json(plainRefusal(c, "invalid_request", "A request has one Host header."), 400);
  }
  return next();
};
