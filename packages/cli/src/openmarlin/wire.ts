/**
 * Requests to the one server. No redirect is followed: a key goes to the origin that was configured or
 * nowhere. Time and size of an answer are bounded, since a server may never stop talking.
 */
import { StringDecoder } from "node:string_decoder";
import { Failure, messageOf, systemCodeOf } from "../failure.ts";
import { exchange, type HttpRequest, HttpTimeout, HttpTooLarge } from "../http.ts";
import { isObject, type Json, type JsonObject, parseJson } from "./json.ts";
import { canonicalJson, lineOfJson } from "./json-text.ts";
import { type Origin, originByDefault } from "./origin.ts";
import { oneLine, shortened } from "./output.ts";
import type { Settings } from "./settings.ts";

export interface Call {
  readonly method: "GET" | "POST";
  /** From the server's root. */
  readonly path: string;
  readonly body?: JsonObject;
  /** Sent as the bearer's. */
  readonly secret?: string;
  /** How long it may take, where the settings say nothing else. */
  readonly timeoutMs?: number;
  /** Told of each piece of a success as it comes, with the headers of the whole. */
  readonly onText?: (text: string, headers: Reply["headers"]) => void;
}

export interface Reply {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly isSuccess: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** What the body says, where it is JSON. */
  readonly json: Json | undefined;
}

const TIMEOUT_MS = 60_000;
const TIMEOUT_SECONDS_MAX = 86_400;
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
const USER_AGENT = "openmarlin-skill/1.0";

export class Wire {
  readonly origin: Origin;
  readonly #settings: Settings;

  constructor(origin: Origin, settings: Settings) {
    this.origin = origin;
    this.#settings = settings;
  }

  /** Any answer that came. Fails where none did, and where it leads elsewhere. */
  async call(call: Call): Promise<Reply> {
    const url = this.origin.url + call.path;
    const timeoutMs = this.#timeoutMs() ?? call.timeoutMs ?? TIMEOUT_MS;
    const answer = await exchange({
      method: call.method,
      url: new URL(url),
      headers: {
        accept: "application/json",
        "user-agent": USER_AGENT,
        ...(call.body && { "content-type": "application/json" }),
        ...(call.secret !== undefined && { authorization: `Bearer ${call.secret}` }),
      },
      body: call.body && canonicalJson(call.body),
      timeoutMs,
      onPiece: call.onText && pieces(call.onText),
      answerBytesMax: ANSWER_BYTES_MAX,
    }).catch((error: unknown) => {
      throw this.#failure(call, timeoutMs, error);
    });
    const text = answer.body.toString("utf8");
    return {
      ...{ method: call.method, url, status: answer.status, text, json: jsonIn(text) },
      isSuccess: isSuccess(answer.status),
      headers: headersOf(answer.headers),
    };
  }

  /** The JSON object of a success; an empty answer is an empty object. Fails with one line otherwise. */
  async ask(call: Call): Promise<JsonObject> {
    const reply = await this.call(call);
    if (!reply.isSuccess) throw refusal(reply);
    return objectOf(reply);
  }

  /** What a person has decided; the server's own bounds are not known to all of them. */
  #timeoutMs(): number | undefined {
    const seconds = Number(this.#settings.find("OPENMARLIN_REQUEST_TIMEOUT_SECONDS")?.value);
    return seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX ? seconds * 1000 : undefined;
  }

  #failure(call: Call, timeoutMs: number, error: unknown): Failure {
    const { url } = this.origin;
    if (error instanceof HttpTimeout) {
      const seconds = Math.round(timeoutMs / 100) / 10;
      return new Failure(
        "timeout",
        `${call.method} ${url}${call.path} had no end in ${seconds} s.`,
      );
    }
    if (error instanceof HttpTooLarge) {
      return new Failure("too_large", `${url}${call.path} answered with ${error.message}.`);
    }
    return new Failure("unreachable", `No server answers at ${url}: ${wordsFor(error)}.`, {
      hint: [
        `  server in use:  ${url} (${this.origin.source})`,
        `  by default:     ${originByDefault()}`,
        `  to change it:   OPENMARLIN_SERVER_URL, or skills.entries.openmarlin.env in ${this.#settings.configPath}`,
      ].join("\n"),
    });
  }
}

/** Bytes of a success as text, whichever way they were cut. */
function pieces(onText: NonNullable<Call["onText"]>): NonNullable<HttpRequest["onPiece"]> {
  const decoder = new StringDecoder("utf8");
  return (piece, { statusCode = 0, headers }) => {
    if (isSuccess(statusCode)) onText(decoder.write(piece), headersOf(headers));
  };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function headersOf(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries);
}

function jsonIn(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name could not be looked up",
  ETIMEDOUT: "the connection timed out",
};

function wordsFor(error: unknown): string {
  return WORDS[systemCodeOf(error) ?? ""] ?? oneLine(messageOf(error));
}

/** The object that a success has to be. */
export function objectOf(reply: Reply): JsonObject {
  if (reply.text.trim() === "") return {};
  if (isObject(reply.json)) return reply.json;
  throw new Failure(
    "bad_response",
    `${reply.method} ${reply.url} answered with ${kindOf(reply)} and not with a JSON object. Is that the address of a server?`,
  );
}

/** A refusal in one line: status, code, what was asked, and what the server said. */
export function refusal(reply: Reply): Failure {
  const { status, method, url, json } = reply;
  const code = codeOf(json);
  const start = `HTTP ${status}${code === undefined ? "" : ` ${code}`} ${method} ${url}`;
  if (status >= 300 && status < 400) {
    const to = shortened(reply.headers.location ?? "nowhere");
    return new Failure(
      "redirected",
      `${start}: it leads to ${to}, and redirects are not followed.`,
    );
  }
  return new Failure(
    code ?? "refused",
    `${start}: ${json === undefined ? kindOf(reply) : shortened(lineOfJson(json))}`,
  );
}

/** The word that a refusal carries (contract §2.1). */
export function codeOf(json: Json | undefined): string | undefined {
  if (!isObject(json)) return undefined;
  const { error, error_code: balanceCode } = json;
  const code = typeof error === "string" ? error : balanceCode;
  return typeof code === "string" ? shortened(code) : undefined;
}

/** What came instead of JSON, in a few words: a page of HTML is no message. */
export function kindOf({ headers, text }: Reply): string {
  const type = oneLine(headers["content-type"] ?? "").split(";")[0];
  if (text === "") return "nothing";
  return `${Buffer.byteLength(text)} bytes of ${type || "something"}`;
}

/** `id` as one segment of a path. Refuses what would lead elsewhere. */
export function segment(id: string): string {
  const trimmed = id.trim();
  if (trimmed !== "" && !/^\.+$/.test(trimmed)) return encodeURIComponent(trimmed);
  throw new Failure("invalid_id", `${JSON.stringify(id)} is no id.`);
}
