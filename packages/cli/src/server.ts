/** Talks JSON with a server, and turns everything that goes wrong into a `Failure`. */
import { setTimeout as delay } from "node:timers/promises";
import { Failure, messageOf, systemCodeOf } from "./failure.ts";
import { hintFor } from "./hints.ts";
import { exchange, type HttpAnswer, type HttpRequest, HttpTimeout, HttpTooLarge } from "./http.ts";

export interface ServerRequest {
  readonly method: HttpRequest["method"];
  /** From the server's root, e.g. `/api/v1/credits`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a form, where the wire wants one. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as it is; `headers` say what it is. */
  readonly body?: HttpRequest["body"];
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
  readonly onEarlyHeaders?: HttpRequest["onEarlyHeaders"];
}

export interface ServerOptions {
  /** Without a slash at its end. */
  readonly url: string;
  /** Headers of every request: who is asking. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Told of every answer, for `--verbose`. */
  onAnswer(request: ServerRequest, answer: HttpAnswer): void;
  /** What a person may do where no server answers. */
  readonly unreachableHint: string;
  /** By code, what is better advice than usual about a refusal. */
  readonly hints?: Readonly<Record<string, string>>;
}

export interface Server {
  readonly url: string;
  /** The JSON of a successful answer. */
  ask(request: ServerRequest): Promise<unknown>;
  /** Any answer that came, with its status, for those who read refusals themselves. */
  exchange(request: ServerRequest): Promise<HttpAnswer>;
}

const TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** A connection that broke says nothing about the next one; reading again harms nobody. */
const READ_AGAIN_AFTER_MS = 250;

export function createServer(options: ServerOptions): Server {
  const attempt = async (request: ServerRequest): Promise<HttpAnswer> => {
    const answer = await exchange(httpRequest(options, request));
    options.onAnswer(request, answer);
    return answer;
  };
  const server: Server = {
    url: options.url,
    async exchange(request) {
      try {
        return await attempt(request).catch(async (error: unknown) => {
          if (request.method !== "GET" || systemCodeOf(error) !== "ECONNRESET") throw error;
          await delay(READ_AGAIN_AFTER_MS);
          return attempt(request);
        });
      } catch (error) {
        if (error instanceof Failure) throw error;
        throw unreachable(options, request, error);
      }
    },
    async ask(request) {
      const answer = await server.exchange(request);
      const value = jsonOf(answer);
      const isSuccess = answer.status >= 200 && answer.status < 300;
      if (isSuccess && value !== undefined) return value;
      if (isSuccess) throw notJson(options, request, answer);
      throw refusal(options, request, answer, value);
    },
  };
  return server;
}

function httpRequest(options: ServerOptions, request: ServerRequest): HttpRequest {
  const url = new URL(options.url + request.path);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers: Record<string, string | undefined> = { accept: "application/json" };
  let body = request.body;
  if (request.json !== undefined) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(request.json);
  } else if (request.form !== undefined) {
    headers["content-type"] = "application/x-www-form-urlencoded";
    body = new URLSearchParams(request.form).toString();
  }
  return {
    method: request.method,
    url,
    headers: { ...headers, ...options.headers, ...request.headers },
    body,
    timeoutMs: request.timeoutMs ?? TIMEOUT_MS,
    answerBytesMax: ANSWER_BYTES_MAX,
    onEarlyHeaders: request.onEarlyHeaders,
  };
}

/** The value of a JSON answer, or `undefined` where it is none. */
export function jsonOf(answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.body.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

/** The id that finds a request in the server's log. */
export function requestIdOf(answer: HttpAnswer): string | undefined {
  const id = answer.headers["x-request-id"];
  return typeof id === "string" ? id : undefined;
}

function unreachable(options: ServerOptions, request: ServerRequest, error: unknown): Failure {
  const facts = { url: options.url + request.path };
  if (error instanceof HttpTimeout) {
    const seconds = Math.round((request.timeoutMs ?? TIMEOUT_MS) / 1000);
    return new Failure("relay_unreachable", `${options.url} did not answer in ${seconds} s.`, {
      facts,
      hint: options.unreachableHint,
    });
  }
  if (error instanceof HttpTooLarge) {
    return new Failure("bad_response", `${options.url} answered with ${error.message}.`, { facts });
  }
  return new Failure(
    "relay_unreachable",
    `No server answers at ${options.url}: ${wordsFor(error)}.`,
    { facts, hint: options.unreachableHint, cause: error },
  );
}

function wordsFor(error: unknown): string {
  const code = systemCodeOf(error);
  const words: Record<string, string> = {
    ECONNREFUSED: "the connection was refused",
    ECONNRESET: "the connection was cut",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "the host's name could not be looked up",
    ETIMEDOUT: "the connection timed out",
  };
  return (code && words[code]) || messageOf(error);
}

function notJson(options: ServerOptions, request: ServerRequest, answer: HttpAnswer): Failure {
  return new Failure("bad_response", `${options.url} answered with something that is not JSON.`, {
    hint: "Is this the address of a server, and not of a web page or a proxy?",
    facts: {
      url: options.url + request.path,
      http_status: answer.status,
      request_id: requestIdOf(answer),
    },
  });
}

/** A refusal in the server's own words (LinkedClaw contract §4.1); the code is looked for widely. */
function refusal(
  options: ServerOptions,
  request: ServerRequest,
  answer: HttpAnswer,
  value: unknown,
): Failure {
  const body = fieldsOf(value);
  const detail = fieldsOf(body.detail);
  const nested = fieldsOf(body.error);
  const retryAfter = Number(answer.headers["retry-after"]);
  const code =
    firstText(
      body.code,
      body.error_code,
      detail.code,
      detail.error_code,
      nested.code,
      body.error,
    ) ?? `http_${answer.status}`;
  const message =
    firstText(body.detail, detail.message, nested.message, body.error_description, body.message) ??
    `${options.url}${request.path} answered with status ${answer.status}.`;
  const { detail: _, code: __, error_code: ___, error: ____, message: _____, ...extra } = body;
  return new Failure(code, message, {
    hint: options.hints?.[code] ?? hintFor(code),
    facts: {
      ...extra,
      http_status: answer.status,
      request_id: firstText(body.request_id) ?? requestIdOf(answer),
      ...(Number.isFinite(retryAfter) ? { retry_after: retryAfter } : {}),
    },
  });
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === "string" && value !== "");
}

/** The fields of a JSON object; none where it is something else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : {};
}
