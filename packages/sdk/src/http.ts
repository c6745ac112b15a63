/** JSON over HTTP with one server; what goes wrong is a `RequestError`. */
import { isId, prefixed } from "@guildhall/protocol";
import { Agent, type Dispatcher, errors, type FormData, request } from "undici";
import { RequestError } from "./errors.ts";

export interface JsonRequest {
  readonly method: "GET" | "POST";
  /** From the server's root. */
  readonly path: string;
  readonly query?: object;
  readonly json?: object;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

export interface JsonClient {
  /**
   * Throws a `RequestError` where the server refuses or cannot be reached, and a `TypeError` where
   * there is nothing that could be sent: a value that is not JSON, a key that no header can carry.
   */
  ask(request: JsonRequest): Promise<unknown>;
  close(): Promise<void>;
}

/** Longer than the longest run: the server says itself that a deadline has passed. */
const ANSWER_MS = 330_000;
const CONNECT_MS = 10_000;

export function createJsonClient(
  url: string,
  headersOf: () => Readonly<Record<string, string | undefined>>,
): JsonClient {
  const root = new URL(url).href.replace(/\/$/, "");
  const agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
  return {
    async ask(asked) {
      const headers = { accept: "application/json", ...headersOf(), ...asked.headers };
      const { status, headers: answered, text } = await exchange(root, asked, headers, agent);
      const value = parse(text);
      if (status < 200 || status > 299) throw refusal(status, answered, value);
      if (value !== undefined) return value;
      throw new RequestError("The server's answer is not JSON.", { code: "bad_response", status });
    },
    close: () => agent.close(),
  };
}

async function exchange(
  root: string,
  { method, path, query = {}, json, form, signal }: JsonRequest,
  headers: Readonly<Record<string, string | undefined>>,
  dispatcher: Dispatcher,
) {
  const url = new URL(root + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const sent = Object.entries(headers).filter(([, value]) => value !== undefined);
  if (json) sent.push(["content-type", "application/json"]);
  const body = json ? JSON.stringify(json) : (form ?? null);
  try {
    const response = await request(url, {
      method,
      dispatcher,
      headers: Object.fromEntries(sent) as Record<string, string>,
      body,
      ...(signal && { signal }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (error instanceof errors.InvalidArgumentError) throw new TypeError(why, { cause: error });
    throw new RequestError(
      `${root} did not answer: ${why}`,
      { code: "server_unreachable", status: 0 },
      { cause: error },
    );
  }
}

function refusal(
  status: number,
  headers: Dispatcher.ResponseData["headers"],
  value: unknown,
): RequestError {
  const { code, detail, ...rest } = factsOf(value);
  const message = typeof detail === "string" ? detail : `The server answered with ${status}.`;
  const requestId = headers["x-request-id"];
  const retryAfter = Number(headers["retry-after"]);
  return new RequestError(message, {
    code: typeof code === "string" ? code : `http_${status}`,
    status,
    requestId: typeof requestId === "string" ? requestId : undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    facts: rest,
  });
}

/** LinkedClaw's wire tells a refusal at the top, our own within `error`. */
function factsOf(value: unknown): Readonly<Record<string, unknown>> {
  const body = (typeof value === "object" && value !== null ? value : {}) as Json;
  const { error } = body;
  if (typeof error !== "object" || error === null) return body;
  const { message, ...facts } = error as Json;
  return { ...facts, detail: message };
}

type Json = Readonly<Record<string, unknown>>;

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A chain's id as the wire spells it. */
export function chainHeader(chainId: string | undefined): string | undefined {
  return chainId !== undefined && isId(chainId) ? prefixed("chn", chainId) : chainId;
}
