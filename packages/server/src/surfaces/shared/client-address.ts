import type { IncomingMessage } from "node:http";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/** The network address that a request came from, as text for people to read and limits to count by. */
export type ClientAddress = (c: Context) => string;

const UNKNOWN = "unknown";
/** The longest address there is, an IPv6 one with an IPv4 tail and a zone, and then some. */
const ADDRESS_LENGTH_MAX = 64;

/**
 * Whom a request came from. Behind `trustedProxies` proxies of the operator's, each of which appends
 * whom it heard from to `X-Forwarded-For`, that is the entry so many from the end: those before it
 * were written by whoever sent the request.
 */
export function clientAddress(trustedProxies: number): ClientAddress {
  return (c) =>
    addressOf(c.req.header("x-forwarded-for"), trustedProxies) ??
    nameOf(getConnInfo(c).remote.address);
}

/** The same of a request that asks to become a WebSocket. */
export function upgradeAddress(trustedProxies: number): (request: IncomingMessage) => string {
  return ({ headers, socket }) => {
    const forwarded = headers["x-forwarded-for"];
    const entries = Array.isArray(forwarded) ? forwarded.join(",") : forwarded;
    return addressOf(entries, trustedProxies) ?? nameOf(socket.remoteAddress);
  };
}

function addressOf(entries: string | undefined, trustedProxies: number): string | undefined {
  if (trustedProxies === 0) return undefined;
  const entry = (entries ?? "").split(",").at(-trustedProxies)?.trim();
  return entry && entry.length <= ADDRESS_LENGTH_MAX ? entry : undefined;
}

function nameOf(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, "") ?? UNKNOWN;
}
