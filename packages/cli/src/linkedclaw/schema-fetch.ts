/**
 * Fetches the schema that an agent points to, and proves that it is the one that the agent declared
 * (LinkedClaw contract §13).
 *
 *   1. The address is https, on this machine, or on the very server that is in use.
 *   2. At most three redirects are followed, and only on the same host.
 *   3. SHA-256 over the body's bytes, before anybody reads them as text, must be the digest.
 *   4. Only then are they parsed.
 *
 * Each failure is `input_schema_mismatch` and says which step it was. A digest that differs is a
 * sign of tampering, so there is no way around it.
 */
import { createHash } from "node:crypto";
import { Failure, messageOf } from "../failure.ts";
import { exchange, type HttpAnswer } from "../http.ts";

const TIMEOUT_MS = 10_000;
const SCHEMA_BYTES_MAX = 1_048_576;
const REDIRECTS_MAX = 3;
const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/i;
const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** The parsed schema. `cloudUrl` is the server in use, which may serve schemas itself. */
export async function fetchSchema(
  url: string,
  digest: unknown,
  cloudUrl: string,
): Promise<unknown> {
  const expected = typeof digest === "string" ? DIGEST.exec(digest)?.[1] : undefined;
  if (expected === undefined) {
    throw mismatch(url, "digest", "The agent gives no SHA-256 digest for its schema.");
  }
  const bytes = await fetchBytes(startOf(url, cloudUrl));
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected.toLowerCase()) {
    throw mismatch(url, "digest", "digest mismatch: this is not the schema that was declared", {
      expected: `sha256:${expected.toLowerCase()}`,
      actual: `sha256:${actual}`,
    });
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw mismatch(url, "parse", `The schema is not JSON: ${messageOf(error)}`);
  }
}

function startOf(url: string, cloudUrl: string): URL {
  const start = URL.canParse(url) ? new URL(url) : undefined;
  const isAllowed =
    start !== undefined &&
    (start.protocol === "https:" ||
      (start.protocol === "http:" &&
        (LOOPBACK.has(start.hostname) || start.origin === new URL(cloudUrl).origin)));
  if (isAllowed) return start;
  throw mismatch(url, "url", "The schema's address is not https.");
}

async function fetchBytes(start: URL): Promise<Buffer> {
  let url = start;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const answer = await fetchOnce(url);
    const next = redirectOf(answer, url);
    if (next === undefined) return bytesOf(answer, url);
    if (next.host !== start.host || next.protocol !== start.protocol) {
      throw mismatch(
        start.href,
        "redirect",
        `The schema's address leads to another host: ${next.host}`,
      );
    }
    url = next;
  }
  throw mismatch(start.href, "redirect", "The schema's address leads round in circles.");
}

async function fetchOnce(url: URL): Promise<HttpAnswer> {
  try {
    return await exchange({
      method: "GET",
      url,
      headers: { accept: "application/schema+json, application/json" },
      timeoutMs: TIMEOUT_MS,
      answerBytesMax: SCHEMA_BYTES_MAX,
    });
  } catch (error) {
    throw mismatch(url.href, "network", `The schema could not be fetched: ${messageOf(error)}`);
  }
}

function redirectOf({ status, headers }: HttpAnswer, from: URL): URL | undefined {
  if (status < 300 || status > 399 || headers.location === undefined) return undefined;
  return URL.canParse(headers.location, from.href) ? new URL(headers.location, from) : undefined;
}

function bytesOf({ status, headers, body }: HttpAnswer, url: URL): Buffer {
  if (status !== 200) {
    throw mismatch(url.href, "status", `The schema could not be fetched: status ${status}`, {
      http_status: status,
    });
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw mismatch(url.href, "status", `The schema came encoded as ${encoding}, unasked.`);
  }
  return body;
}

function mismatch(
  url: string,
  step: string,
  message: string,
  facts: Readonly<Record<string, unknown>> = {},
): Failure {
  return new Failure("input_schema_mismatch", message, {
    facts: { schema_url: url, step, ...facts },
  });
}
