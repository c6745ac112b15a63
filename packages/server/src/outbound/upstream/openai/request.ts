/** Requests to an OpenAI-compatible interface (OpenAI, vLLM, llama.cpp, Ollama, OpenRouter and others). */
import type { ModelRequest, UpstreamEndpoint, UpstreamRoute } from "../../../core/ports.ts";
import { jsonMembers, setMembers, spliced } from "../../../lib/json-members.ts";
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
): WireRequest {
  const headers = ["content-type", "application/json"];
  if (endpoint.key !== undefined) headers.push("authorization", `Bearer ${endpoint.key}`);
  if (request.isStream) headers.push("accept", "text/event-stream");
  const { path, body } = isPassed(route, request)
    ? { path: PATHS[request.dialect as keyof typeof PATHS], body: edited(route, request) }
    : { path: PATHS.chat, body: converted(route, endpoint, request) };
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

function edited(route: UpstreamRoute, request: ModelRequest): Buffer {
  const { dialect, body, isStream } = request;
  const members = jsonMembers(body);
  const values = new Map([["model", JSON.stringify(route.upstreamModel)]]);
  if (dialect === "chat" && isStream && !request.wantsUsage) {
    const options = members.byName.get("stream_options");
    const given = options && parsed(body.subarray(options.start, options.end));
    values.set("stream_options", JSON.stringify({ ...given, include_usage: true }));
  }
  // It would be kept for anybody with the operator's key; and it is kept unless that is refused.
  if (dialect === "responses" || members.byName.has("store")) {
    if (dialect !== "embeddings") values.set("store", "false");
  }
  return spliced(body, setMembers(members, values));
}

function parsed(bytes: Buffer): object | undefined {
  const value = JSON.parse(bytes.toString("utf8")) as unknown;
  return typeof value === "object" && value !== null ? value : undefined;
}

function converted(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
): string {
  const { max_completion_tokens: outputMax, top_k: _notHere, ...chat } = request.toChat();
  // OpenAI's newer models refuse the old name; many other servers do not know the new one.
  const limit = OPENAI.test(endpoint.url) ? "max_completion_tokens" : "max_tokens";
  return JSON.stringify({
    ...chat,
    model: route.upstreamModel,
    ...(outputMax !== undefined && { [limit]: outputMax }),
    ...(request.isStream && { stream: true, stream_options: { include_usage: true } }),
  });
}
