/**
 * Interfaces that make videos as OpenAI's does: a job is created, looked at, and fetched
 * (https://platform.openai.com/docs/api-reference/videos).
 */
import type { Readable } from "node:stream";
import { Agent, type Dispatcher, FormData, request } from "undici";
import type {
  UpstreamEndpoint,
  VideoReport,
  VideoRequest,
  VideoUpstreams,
} from "../../core/ports.ts";
import { Fault } from "../../domain/fault.ts";
import { badAnswer, faultOfStatus, readable, wordsIn, wordsOf } from "./faults.ts";

const CONNECTIONS_MAX = 64;
const CONNECT_MS = 5_000;
const ANSWER_MS = 60_000;
/** A report is a few hundred bytes. */
const REPORT_BYTES_MAX = 256 * 1024;
const ID = /^[\x21-\x7e]{1,200}$/;

export function createVideoUpstreams(): VideoUpstreams & { close(): Promise<void> } {
  const agent = new Agent({
    ...{ connections: CONNECTIONS_MAX, pipelining: 1 },
    ...{ connect: { timeout: CONNECT_MS }, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS },
  });
  const call = async (
    { url, key }: UpstreamEndpoint,
    method: "GET" | "POST",
    path: string,
    signal: AbortSignal,
    more: Partial<Pick<Dispatcher.RequestOptions, "body">> & { headers?: Headers } = {},
  ): Promise<Dispatcher.ResponseData> => {
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const headers = { accept: "application/json", ...authorization, ...more.headers };
    try {
      const options = { method, dispatcher: agent, signal, headers, body: more.body ?? null };
      return await request(url + path, options);
    } catch (error) {
      throw brokenFault(error, signal);
    }
  };
  return {
    async create(endpoint, wanted, signal) {
      const headers = { "idempotency-key": wanted.idempotencyKey };
      const body = formOf(wanted);
      const answer = await call(endpoint, "POST", "/videos", signal, { body, headers });
      return reportOf(await readAnswer(answer, signal));
    },
    async look(endpoint, id, signal) {
      const answer = await call(endpoint, "GET", `/videos/${encodeURIComponent(id)}`, signal);
      return reportOf(await readAnswer(answer, signal));
    },
    async content(endpoint, id, signal) {
      const path = `/videos/${encodeURIComponent(id)}/content`;
      const answer = await call(endpoint, "GET", path, signal);
      if (answer.statusCode !== 200) await readAnswer(answer, signal);
      return answer.body as Readable;
    },
    async probe(endpoint, signal) {
      await readAnswer(await call(endpoint, "GET", "/videos?limit=1", signal), signal);
    },
    close: () => agent.destroy(),
  };
}

type Headers = Readonly<Record<string, string>>;

function formOf({ model, prompt, seconds, size, picture }: VideoRequest): FormData {
  const form = new FormData();
  form.append("model", model);
  form.append("prompt", prompt);
  if (seconds !== undefined) form.append("seconds", seconds);
  if (size !== undefined) form.append("size", size);
  if (picture) {
    const file = new File([new Uint8Array(picture.bytes)], picture.filename, {
      type: picture.mime,
    });
    form.append("input_reference", file);
  }
  return form;
}

/** @throws {Fault} where it is no success, too long, or no JSON */
async function readAnswer(
  { statusCode, body }: Dispatcher.ResponseData,
  signal: AbortSignal,
): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > REPORT_BYTES_MAX)
        throw badAnswer(new Error(`more than ${REPORT_BYTES_MAX} bytes`));
      parts.push(part);
    }
  } catch (error) {
    throw brokenFault(error, signal);
  }
  const text = Buffer.concat(parts);
  if (statusCode < 200 || statusCode > 299) throw faultOfStatus(statusCode, wordsIn(text));
  try {
    return JSON.parse(text.toString("utf8")) as unknown;
  } catch (error) {
    throw badAnswer(error);
  }
}

const STATES = {
  queued: "queued",
  in_progress: "running",
  completed: "done",
  failed: "failed",
} as const satisfies Record<string, VideoReport["state"]>;

/** Few fields are read, and loosely: makers add to theirs. */
function reportOf(value: unknown): VideoReport {
  const { id, status, progress, error, seconds, size } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || !ID.test(id)) throw badAnswer(new Error("a video without an id"));
  const isKnown = typeof status === "string" && Object.hasOwn(STATES, status);
  if (!isKnown) throw badAnswer(new Error(`a video that is ${JSON.stringify(status)}`));
  const percent = typeof progress === "number" ? progress : Number.NaN;
  const length = Number(seconds);
  const words = wordsOf(error);
  return {
    ...{ id, state: STATES[status as keyof typeof STATES] },
    progress: percent >= 0 && percent <= 100 ? percent / 100 : undefined,
    problem: words === undefined ? undefined : readable(words),
    seconds: length > 0 && length < 86_400 ? length : undefined,
    size: typeof size === "string" && /^\d{1,5}x\d{1,5}$/.test(size) ? size : undefined,
  };
}

/** Nothing was sent: there was nobody to send it to. */
const NOT_SENT: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"],
  "UND_ERR_CONNECT_TIMEOUT",
]);

function brokenFault(error: unknown, signal: AbortSignal): Fault {
  if (error instanceof Fault) return error as Fault;
  const cause = { cause: error };
  if (signal.aborted) {
    return new Fault("cancelled", "Nobody waits for the answer any more.", undefined, cause);
  }
  const code = String((error as { code?: unknown } | null)?.code);
  return NOT_SENT.has(code)
    ? new Fault("provider_offline", "The interface cannot be reached.", undefined, cause)
    : new Fault("provider_timeout", "The interface did not answer.", undefined, cause);
}
