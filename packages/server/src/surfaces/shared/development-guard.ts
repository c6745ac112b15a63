/**
 * Keeps a development server on its own machine. There an e-mail address alone signs in, so whoever
 * reaches the server is anybody: through a proxy that would be the internet, and through a page that
 * points its own name at 127.0.0.1 it would be any web site (DNS rebinding).
 */
import type { IncomingHttpHeaders } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import { plainRefusal } from "./plain-refusal.ts";

/** Headers that proxies add. No client that talks to this machine directly sends one. */
const PROXY_HEADER = /^(?:forwarded|x-forwarded-.+|x-real-ip|via)$/;

/** A request that a development server does not answer, and why. */
export interface DevelopmentRefusal {
  readonly status: 403 | 421;
  readonly code: "development_mode_proxied" | "development_mode_unknown_host";
  readonly message: string;
}

/**
 * Why a request with these headers is refused, or `undefined` when it is not. `hosts` are the names,
 * with their ports, that the server was told it has. For upgrades too, which pass no middleware.
 */
export function developmentRefusal(
  headers: IncomingHttpHeaders,
  hosts: ReadonlySet<string>,
): DevelopmentRefusal | undefined {
  const proxyHeader = Object.keys(headers).find((name) => PROXY_HEADER.test(name.toLowerCase()));
  if (proxyHeader !== undefined) {
    return {
      status: 403,
      code: "development_mode_proxied",
      message:
        `This request came through a proxy (${proxyHeader}). A development server signs anybody ` +
        "in, so it answers this machine only. Set GUILDHALL_MODE=production to put it behind a proxy.",
    };
  }
  if (headers.host !== undefined && hosts.has(headers.host.toLowerCase())) return undefined;
  return {
    status: 421,
    code: "development_mode_unknown_host",
    message:
      "A development server answers to the host names that it was told only. Use " +
      `${[...hosts][0]}, or name another in GUILDHALL_ALLOWED_HOSTS.`,
  };
}

/** The host names of a development server on `port`, and those that its operator added. */
export function developmentHosts(
  port: number,
  publicUrl: string,
  added: readonly string[],
): ReadonlySet<string> {
  const own = [new URL(publicUrl).host, `127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  const withPort = (name: string) => (/:\d+$/.test(name) ? name : `${name}:${port}`);
  return new Set([...own, ...added.map(withPort)].map((name) => name.toLowerCase()));
}

/** Refuses such requests before any wire sees them. */
export function developmentGuard(hosts: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    const headers = headersOf(c);
    const refusal = developmentRefusal(headers, hosts);
    if (!refusal) return next();
    const { status, code, message } = refusal;
    return c.json(plainRefusal(c, code, message), status);
  };
}

/** As Node's parser left them, where there is Node's request: making Fetch's takes many times as long. */
function headersOf(c: Context): IncomingHttpHeaders {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  return incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
}
