/**
 * Which URLs that a user gave may be asked for anything, and which addresses they lead to.
 */
import { lookup as systemLookup } from "node:dns/promises";
import { kindOfAddress } from "./address-policy.ts";

export type GuardedFetchReason =
  /** The URL itself is not allowed: scheme, port, credentials, length, or no URL at all. */
  | "url_refused"
  /** The host leads to an address that is not allowed. */
  | "address_refused"
  /** The host has no address. */
  | "host_unknown"
  | "too_many_redirects"
  | "too_large"
  /** The body is compressed in a way that we do not read, or is broken. */
  | "bad_encoding"
  | "timeout"
  /** The connection could not be made, was cut, or what came back was no HTTP. */
  | "unreachable";

/** Why nothing was fetched. `message` is safe to show to whoever gave the URL. */
export class GuardedFetchError extends Error {
  override readonly name = "GuardedFetchError";
  readonly reason: GuardedFetchReason;

  constructor(reason: GuardedFetchReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Every address of a host name, as `dns.lookup` gives them. */
export type LookupAddresses = (hostname: string) => Promise<readonly ResolvedAddress[]>;
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

const URL_LENGTH_MAX = 2048;
/** Web servers listen here or above; below are mail, shells and other things that read lines. */
const WEB_PORTS = new Set([80, 443]);
const UNPRIVILEGED_PORT = 1024;

export interface Guard {
  readonly isLoopbackOpen: boolean;
  readonly lookup: LookupAddresses;
}

export const systemLookupAddresses: LookupAddresses = (hostname) =>
  systemLookup(hostname, { all: true });

/**
 * Checks what can be known of a URL without asking the network, and gives it in normal form.
 *
 * @throws {GuardedFetchError} `url_refused`; `address_refused` where its host is a forbidden address.
 */
export function parseUrl(guard: Guard, text: string): URL {
  if (text.length > URL_LENGTH_MAX) throw refusedUrl("The URL is too long.");
  if (!URL.canParse(text)) throw refusedUrl("This is not a URL.");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(guard.isLoopbackOpen && url.protocol === "http:")) {
    throw refusedUrl("The URL must begin with https://.");
  }
  if (url.username !== "" || url.password !== "") {
    throw refusedUrl("The URL must not contain a user name or a password.");
  }
  const port = url.port === "" ? undefined : Number(url.port);
  if (port !== undefined && port < UNPRIVILEGED_PORT && !WEB_PORTS.has(port)) {
    throw refusedUrl(`Port ${port} is not one that web servers use.`);
  }
  const literal = literalAddressOf(url);
  if (literal !== undefined) requireAllowed(guard, url, [literal]);
  return url;
}

/** The address, where the host is one. `new URL` has already undone octal, hex and other disguises. */
function literalAddressOf(url: URL): string | undefined {
  if (url.hostname.startsWith("[")) return url.hostname.slice(1, -1);
  return /^[\d.]+$/.test(url.hostname) ? url.hostname : undefined;
}

/**
 * Every address that the URL's host leads to. All are allowed: a name with one public and one
 * private address is an attack, not a mistake.
 *
 * @throws {GuardedFetchError} `host_unknown`, `address_refused`.
 */
export async function resolveHost(guard: Guard, url: URL): Promise<readonly ResolvedAddress[]> {
  const literal = literalAddressOf(url);
  if (literal !== undefined) return [{ address: literal, family: literal.includes(":") ? 6 : 4 }];
  const addresses = await lookUp(guard, url.hostname);
  requireAllowed(
    guard,
    url,
    addresses.map(({ address }) => address),
  );
  return addresses;
}

async function lookUp(guard: Guard, hostname: string): Promise<readonly ResolvedAddress[]> {
  try {
    const addresses = await guard.lookup(hostname);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    throw new GuardedFetchError("host_unknown", "The host has no address.", { cause: error });
  }
  throw new GuardedFetchError("host_unknown", "The host has no address.");
}

function requireAllowed(guard: Guard, url: URL, addresses: readonly string[]): void {
  const kinds = addresses.map(kindOfAddress);
  const isAllowed = kinds.every(
    (kind) => kind === "public" || (kind === "loopback" && guard.isLoopbackOpen),
  );
  if (!isAllowed) {
    throw new GuardedFetchError("address_refused", "The host is not on the public internet.");
  }
  if (url.protocol === "http:" && !kinds.every((kind) => kind === "loopback")) {
    throw refusedUrl("The URL must begin with https://.");
  }
}

export function refusedUrl(message: string): GuardedFetchError {
  return new GuardedFetchError("url_refused", message);
}
