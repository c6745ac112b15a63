/** Requests to an OpenAI-compatible interface (OpenAI, vLLM, llama.cpp, Ollama, OpenRouter and others). */
import type {
  AskOptions,
  ModelRequest,
  UpstreamEndpoint,
  UpstreamRoute,
} from "../../../core/ports.ts";
import type { ChatMessage } from "../../../domain/chat.ts";
import {
  type JsonMembers,
  jsonMembers,
  numberIn,
  setMembers,
  spliced,
} from "../../../lib/json-members.ts";
import type { WireRequest } from "../wire.ts";

const OPENAI = /^https:\/\/api\.openai\.com(?:[:/]|$)/;

/**
 * A request in a dialect of this interface's own goes as it came, but for the model's name, for the
 * usage that a stream is to end with, and for what must not be kept in the operator's account.
 *
 * @throws {Fault} `invalid_request`
 */
export function encodeRequest(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): WireRequest {
  const headers = ["content-type", "application/json"];
  if (endpoint.key !== undefined) headers.push("authorization", `Bearer ${endpoint.key}`);
  if (request.isStream) headers.push("accept", "text/event-stream");
  const { path, body } = isPassed(route, request)
    ? {
        path: PATHS[request.dialect as keyof typeof PATHS],
        body: edited(route, endpoint, request, options),
      }
    : { path: PATHS.chat, body: converted(route, endpoint, request, options) };
  return { url: `${endpoint.url}${path}`, headers, body };
}

const PATHS = { chat: "/chat/completions", responses: "/responses", embeddings: "/embeddings" };

/** Whether the interface speaks the dialect itself. */
export function isPassed(route: UpstreamRoute, { dialect }: ModelRequest): boolean {
  return (
    dialect === "chat" ||
    dialect === "embeddings" ||
    (dialect === "responses" && route.hasResponses)
  );
}

function edited(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): Buffer {
  const { dialect, body, isStream } = request;
  const members = jsonMembers(body);
  const values = new Map([["model", JSON.stringify(route.upstreamModel)]]);
  if (dialect === "chat" && isStream && !request.wantsUsage) {
    const options = members.byName.get("stream_options");
    const given = options && parsed(body.subarray(options.start, options.end));
    values.set("stream_options", JSON.stringify({ ...given, include_usage: true }));
  }
  const [name, limit] = limitOf(endpoint, request, members, options);
  if (name) values.set(name, String(limit));
  // It would be kept for anybody with the operator's key; and it is kept unless that is refused.
  if (dialect === "responses" || members.byName.has("store")) {
    if (dialect !== "embeddings") values.set("store", "false");
  }
  return spliced(body, setMembers(members, values));
}

/** Which member is to say how much output is wanted at most, where the caller's own does not do. */
function limitOf(
  endpoint: UpstreamEndpoint,
  { dialect, body }: ModelRequest,
  members: JsonMembers,
  { outputTokensMax }: AskOptions,
): [name: string | undefined, limit: number] {
  if (dialect === "embeddings") return [undefined, 0];
  const names = dialect === "responses" ? ["max_output_tokens"] : CHAT_LIMITS;
  const given = names.find((name) => numberIn(body, members, name) !== undefined);
  const isFine = given && (numberIn(body, members, given) ?? 0) <= outputTokensMax;
  if (isFine) return [undefined, 0];
  const own = dialect === "responses" ? "max_output_tokens" : limitName(endpoint);
  return [given ?? own, outputTokensMax];
}

const CHAT_LIMITS = ["max_completion_tokens", "max_tokens"];

/** OpenAI's newer models refuse the old name; many other servers do not know the new one. */
function limitName({ url }: UpstreamEndpoint): "max_completion_tokens" | "max_tokens" {
  return OPENAI.test(url) ? "max_completion_tokens" : "max_tokens";
}

function parsed(bytes: Buffer): object | undefined {
  const value = JSON.parse(bytes.toString("utf8")) as unknown;
  return typeof value === "object" && value !== null ? value : undefined;
}

function converted(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): string {
  const { max_completion_tokens: wanted, top_k: _notHere, ...chat } = request.toChat();
  const isOpenai = OPENAI.test(endpoint.url);
  return JSON.stringify({
    ...chat,
    model: route.upstreamModel,
    messages: chat.messages.map((message) => messageOf(message, isOpenai)),
    [limitName(endpoint)]: Math.min(wanted ?? Number.POSITIVE_INFINITY, options.outputTokensMax),
    ...(request.isStream && { stream: true, stream_options: { include_usage: true } }),
  });
}

/**
 * A message without what other makers have added to the shape: OpenAI itself refuses a request for a
 * member that it does not know. Signed thoughts go back to those who may have signed them.
 */
function messageOf(message: ChatMessage, isOpenai: boolean): ChatMessage {
  if (message.role === "tool") {
    const { is_error: _notHere, ...said } = message;
    return said;
  }
  if (message.role !== "assistant" || !isOpenai) return message;
  const { reasoning_details: _notHere, ...said } = message;
  return said;
}
