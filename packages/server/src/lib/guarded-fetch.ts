/**
 * Outgoing HTTP to addresses that users gave, which must not reach our own network.
 *
 *   1. The URL must be https (http only to loopback, where that is open), without credentials, on a
 *      port that web servers use.
 *   2. Its host is resolved once. Every address found must be allowed: a name with one public and
 *      one private address is an attack, not a mistake.
 *   3. The connection is made to those very addresses. Nobody is asked a second time, so a name
 *      that meanwhile leads elsewhere (DNS rebinding) changes nothing.
 *   4. A redirect starts again at step 1, a few times; anything but a GET is not redirected.
 *   5. The body is counted as it arrives and as it is decoded, and cut off above `bytesMax`; all of
 *      it, from the first name lookup on, must be done within `timeoutMs`.
 */
import type { LookupFunction } from "node:net";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Agent, type Dispatcher, request } from "undici";
import {
  type Guard,
  GuardedFetchError,
  type LookupAddresses,
  parseUrl,
  type ResolvedAddress,
  refusedUrl,
  resolveHost,
  systemLookupAddresses,
} from "./guarded-url.ts";

export interface GuardedRequest {
  readonly url: string;
  readonly method?: "GET" | "POST";
  /** Sent to the first address only, never to where a redirect leads. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The most that the answer's body may have, compressed and not. */
  readonly bytesMax: number;
  /** For everything together: name, connection, redirects, body. */
  readonly timeoutMs: number;
}

export interface GuardedResponse {
  /** Where the answer came from, after redirects. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded: what the server meant before any content encoding. */
  readonly body: Buffer;
}

export interface GuardedFetch {
  /**
   * Checks what can be known of a URL without asking the network, and gives it in normal form.
   *
   * @throws {GuardedFetchError} `url_refused`; `address_refused` where its host is a forbidden address.
   */
  parse(url: string): URL;
  /** @throws {GuardedFetchError} An answer of any status is an answer. */
  fetch(request: GuardedRequest): Promise<GuardedResponse>;
}

export interface GuardedFetchOptions {
  /** Lets requests reach this machine itself, and by plain http. For tests and development. */
  readonly isLoopbackOpen: boolean;
  readonly userAgent: string;
  readonly lookup?: LookupAddresses;
}

const REDIRECTS_MAX = 3;
const HEADER_BYTES_MAX = 16 * 1024;
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { isLoopbackOpen, lookup = systemLookupAddresses } = options;
  const guard: Guard = { isLoopbackOpen, lookup };
  return {
    parse: (url) => parseUrl(guard, url),
    fetch: (wanted) => fetchGuarded(guard, options.userAgent, wanted),
  };
}

async function fetchGuarded(
  guard: Guard,
  userAgent: string,
  wanted: GuardedRequest,
): Promise<GuardedResponse> {
  const method = wanted.method ?? "GET";
  const redirectsMax = method === "GET" ? REDIRECTS_MAX : 0;
  const signal = AbortSignal.timeout(wanted.timeoutMs);
  let target = wanted.url;
  for (let redirects = 0; ; redirects++) {
    const url = parseUrl(guard, target);
    const addresses = await unlessAborted(resolveHost(guard, url), signal);
    const given = redirects === 0 ? wanted.headers : undefined;
    const headers = { "accept-encoding": "gzip, br", ...given, "user-agent": userAgent };
    const answer = await exchange({ ...wanted, url, method, headers }, addresses, signal);
    if ("response" in answer) return answer.response;
    if (redirects >= redirectsMax) {
      throw new GuardedFetchError("too_many_redirects", "The host redirects too often.");
    }
    if (!URL.canParse(answer.location, url.href)) throw refusedUrl("The host redirects to no URL.");
    target = new URL(answer.location, url).href;
  }
}

interface Exchange {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly bytesMax: number;
  readonly timeoutMs: number;
}
type Answer = { readonly response: GuardedResponse } | { readonly location: string };

/** One request to one server, whose addresses are known and allowed. */
async function exchange(
  { url, method, headers, body, bytesMax, timeoutMs }: Exchange,
  addresses: readonly ResolvedAddress[],
  signal: AbortSignal,
): Promise<Answer> {
  const agent = new Agent({
    connect: { lookup: pinnedTo(addresses), timeout: timeoutMs },
    maxHeaderSize: HEADER_BYTES_MAX,
    pipelining: 0,
  });
  try {
    const answer = await request(url, {
      dispatcher: agent,
      method,
      headers,
      body: body ?? null,
      signal,
    });
    const status = answer.statusCode;
    const flat = flattened(answer.headers);
    if (REDIRECT_STATUSES.has(status) && flat.location !== undefined) {
      return { location: flat.location };
    }
    const decoded = await decodedBody(answer, flat["content-encoding"], bytesMax);
    return { response: { url: url.href, status, headers: flat, body: decoded } };
  } catch (error) {
    throw signal.aborted ? timedOut(error) : asGuardedFetchError(error);
  } finally {
    // What was not read, a redirect's body for one, is not read any more. Not awaited: it would wait
    // for a connection that is still being made.
    void agent.destroy();
  }
}

/** A lookup that knows only what was checked, so nothing can come between the check and its use. */
function pinnedTo(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else callback(null, first?.address ?? "", first?.family);
  };
}

const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

async function decodedBody(
  answer: Dispatcher.ResponseData,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? "identity";
  const arrived = bounded(answer.body, bytesMax);
  if (name === "identity" || name === "") return collected(arrived);
  if (!Object.hasOwn(DECODERS, name)) {
    throw new GuardedFetchError("bad_encoding", "The answer is compressed in an unknown way.");
  }
  const decoder = DECODERS[name as keyof typeof DECODERS]();
  const pieces: Buffer[] = [];
  await pipeline(arrived, decoder, async (decoded: AsyncIterable<Buffer>) => {
    // A few bytes can decode to gigabytes, so what comes out is counted too.
    for await (const piece of bounded(decoded, bytesMax)) pieces.push(piece);
  });
  return Buffer.concat(pieces);
}

async function* bounded(source: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new GuardedFetchError("too_large", `The answer is larger than ${bytesMax} bytes.`);
    }
    yield chunk;
  }
}

async function collected(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Header names are lower case already; of one that is repeated, the first counts. */
function flattened(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) flat[name] = first;
  }
  return flat;
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = () => reject(timedOut(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([work, aborted]);
}

function timedOut(cause: unknown): GuardedFetchError {
  return new GuardedFetchError("timeout", "The host did not answer in time.", { cause });
}

function asGuardedFetchError(error: unknown): GuardedFetchError {
  if (error instanceof GuardedFetchError) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && /^(?:Z_|ERR__ERROR_FORMAT|ERR_BROTLI|ERR_PADDING)/.test(code)) {
    return new GuardedFetchError("bad_encoding", "The answer's compression is broken.", {
      cause: error,
    });
  }
  return new GuardedFetchError("unreachable", "The host could not be reached.", { cause: error });
}
