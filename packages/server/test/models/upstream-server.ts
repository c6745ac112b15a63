/**
 * Interfaces of models on the loopback: they answer with recorded exchanges, and do what a test tells
 * them to by the model's name. What they were asked is kept.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { afterTest } from "../support/cleanup.ts";

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  // biome-ignore lint/suspicious/noExplicitAny: a body is whatever JSON the test looks into.
  readonly body: any;
  readonly text: string;
  /** Whether whoever asked went away before the answer's end. */
  wasLeft: boolean;
}

export interface UpstreamServer {
  /** Without a path. */
  readonly url: string;
  readonly asked: Asked[];
  last(): Asked;
}

function recorded(name: string): string {
  return readFileSync(new URL(`../upstream/fixtures/${name}`, import.meta.url), "utf8");
}

export async function startUpstreamServer(t: TestContext): Promise<UpstreamServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void answer(asked, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterTest(t, async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    last: () => asked.at(-1) as Asked,
  };
}

async function answer(
  asked: Asked[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString("utf8");
  const body = JSON.parse(text) as Record<string, unknown>;
  const path = String(request.url);
  const entry: Asked = { path, headers: request.headers, body, text, wasLeft: false };
  asked.push(entry);
  response.on("close", () => {
    entry.wasLeft = !response.writableFinished;
  });
  const model = String(body.model ?? path);
  const refusal = REFUSALS[model];
  if (refusal) return json(response, refusal.status, refusal.body, refusal.headers);
  const odd = ODD[model];
  if (odd !== undefined && body.stream !== true) return json(response, 200, odd);
  // Says nothing, ever.
  if (model === "silent") return;
  const isStream = body.stream === true || path.includes("stream");
  if (isStream) return stream(response, path, model);
  json(response, 200, wholeFor(path, body));
}

const REFUSALS: Readonly<
  Record<string, { status: number; body: object; headers?: Record<string, string> }>
> = {
  "refuses-400": {
    status: 400,
    body: { error: { message: "'temperature' is too hot", type: "invalid_request_error" } },
  },
  "refuses-401": { status: 401, body: { error: { message: "Bad key sk-secret-1234567890" } } },
  "refuses-429": {
    status: 429,
    body: { error: { message: "slow down" } },
    headers: { "retry-after": "60" },
  },
  "refuses-500": { status: 500, body: { error: { message: "oops" } } },
};

/** What is no answer, though its status says so. */
const ODD: Readonly<Record<string, object | string>> = {
  "odd-error": { error: { message: "Overloaded, sorry" }, choices: [{}], output: [] },
  "odd-empty": {},
  "odd-list": { choices: [], data: [], output: {} },
  "odd-cut": '{"id":"x","output":[],"choices":[{"message":{"content":"hello"}}',
  "odd-name": '{"id":"x","ou\ntput',
};

function json(
  response: ServerResponse,
  status: number,
  body: object | string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** What is asked of each interface at once, as recorded. */
function wholeFor(path: string, body: Record<string, unknown>): object {
  if (path.endsWith("/embeddings")) {
    const input = Array.isArray(body.input) ? body.input : [body.input];
    const embedding = body.encoding_format === "base64" ? "AAAAPwAAgD8=" : [0.5, 1];
    return {
      object: "list",
      data: input.map((_, index) => ({ object: "embedding", index, embedding })),
      model: body.model,
      usage: { prompt_tokens: 8, total_tokens: 8 },
    };
  }
  if (path.endsWith("/messages")) return { ...MESSAGE, model: body.model };
  if (path.includes("batchEmbedContents")) return { embeddings: [{ values: [0.5, 1] }] };
  if (path.includes("generateContent")) return GEMINI_ANSWER;
  if (body.model === "declines") return DECLINED;
  return body.tools ? TOOL_COMPLETION : { ...COMPLETION, model: body.model };
}

/** What a model says that will not answer: beside the place of an answer. */
const REFUSAL = "I will not say that.";

const USAGE = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };
const COMPLETION = {
  id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
  object: "chat.completion",
  created: 1741569952,
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: "Hello! How can I help?",
        refusal: null,
        annotations: [],
      },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: USAGE,
  service_tier: "default",
};
const TOOL_COMPLETION = {
  ...COMPLETION,
  model: "gpt-4o-2024-08-06",
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: "call_abc123",
            type: "function",
            function: { name: "get_weather", arguments: '{"location": "Boston, MA"}' },
          },
        ],
      },
      logprobs: null,
      finish_reason: "tool_calls",
    },
  ],
};
const DECLINED = {
  ...COMPLETION,
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: null, refusal: REFUSAL },
      finish_reason: "stop",
    },
  ],
};
const MESSAGE = {
  id: "msg_01XFDUDYJgAACzvnptvVoYEL",
  type: "message",
  role: "assistant",
  content: [{ type: "text", text: "Hello from Claude" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 800, cache_read_input_tokens: 200, output_tokens: 100 },
};
const GEMINI_ANSWER = {
  candidates: [
    {
      content: { parts: [{ text: "Hello from Gemini" }], role: "model" },
      finishReason: "STOP",
      index: 0,
    },
  ],
  usageMetadata: { promptTokenCount: 1_000, candidatesTokenCount: 100, totalTokenCount: 1_100 },
  modelVersion: "gemini-2.5-flash",
  responseId: "mAitaLmkHPPlz7IPvtfUqQ4",
};

function stream(response: ServerResponse, path: string, model: string): void | Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (model === "endless") return endless(response, PIECES[path.split("/").at(-1) ?? ""] ?? CHAT);
  if (model === "slow") return slow(response);
  if (model === "declines") {
    for (const refusal of REFUSAL.match(/\S+ ?/g) ?? []) response.write(delta({ refusal }));
    response.end(`${delta({}, "stop")}data: [DONE]\n\n`);
    return;
  }
  if (model === "fails-midway") {
    response.write(word("Hello"));
    response.end('data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n');
    return;
  }
  if (model === "breaks-at-once") {
    const delta = { role: "assistant", content: "" };
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
    setTimeout(() => response.destroy(), 50);
    return;
  }
  if (model === "breaks") {
    response.write(word("Hello there, "));
    setTimeout(() => response.destroy(), 50);
    return;
  }
  if (path.endsWith("/responses")) response.end(recorded("responses-stream.txt"));
  else if (path.endsWith("/messages")) response.end(recorded("anthropic-stream.txt"));
  else if (path.includes("streamGenerateContent")) response.end(recorded("gemini-stream.txt"));
  else response.end(recorded("openai-stream.txt"));
}

/** One token of four bytes. */
export function word(text: string): string {
  return delta({ content: text });
}

function delta(said: object, finish: "stop" | null = null): string {
  const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  const choices = [{ index: 0, delta: said, finish_reason: finish }];
  return `data: ${JSON.stringify({ ...chunk, choices })}\n\n`;
}

interface Pieces {
  readonly begin: string;
  readonly piece: string;
}

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const CHAT: Pieces = { begin: "", piece: word("tok ") };
/** How an answer begins, and four bytes of it, by the path that it is asked for at. */
const PIECES: Readonly<Record<string, Pieces>> = {
  messages: {
    begin:
      event("message_start", {
        message: { ...MESSAGE, content: [], stop_reason: null },
      }) + event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    piece: event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "tok " } }),
  },
  responses: {
    begin: event("response.created", {
      sequence_number: 0,
      response: { id: "resp_1", object: "response", status: "in_progress", output: [] },
    }),
    piece: event("response.output_text.delta", {
      ...{ sequence_number: 1, item_id: "msg_1", output_index: 0, content_index: 0, delta: "tok " },
    }),
  },
};

/** Far more than anybody asked for. */
async function endless(response: ServerResponse, { begin, piece }: Pieces): Promise<void> {
  response.write(begin);
  for (let count = 0; count < 100_000 && !response.destroyed; count++) {
    if (!response.write(piece)) await sleep(1);
    if (count % 50 === 0) await sleep(1);
  }
  response.end("data: [DONE]\n\n");
}

/** A token every ten milliseconds, for two minutes. */
async function slow(response: ServerResponse): Promise<void> {
  for (let count = 0; count < 12_000 && !response.destroyed; count++) {
    response.write(word("tok "));
    await sleep(10);
  }
  response.end("data: [DONE]\n\n");
}
