/** Requests to Anthropic's Messages API. */
import type {
  AskOptions,
  ModelRequest,
  UpstreamEndpoint,
  UpstreamRoute,
} from "../../../core/ports.ts";
import type {
  ChatContent,
  ChatMessage,
  ChatPart,
  ChatRequest,
  ChatToolChoice,
  ChatTurn,
} from "../../../domain/chat.ts";
import { Fault } from "../../../domain/fault.ts";
import { jsonMembers, numberIn, setMembers, spliced } from "../../../lib/json-members.ts";
import type { WireRequest } from "../wire.ts";

const VERSION = "2023-06-01";

type Block = Readonly<Record<string, unknown>>;

/** @throws {Fault} `invalid_request` */
export function encodeRequest(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): WireRequest {
  const headers = ["content-type", "application/json", "anthropic-version", VERSION];
  if (endpoint.key !== undefined) headers.push("x-api-key", endpoint.key);
  if (request.isStream) headers.push("accept", "text/event-stream");
  return {
    url: `${endpoint.url}/messages`,
    headers,
    body:
      request.dialect === "messages"
        ? edited(route, request, options)
        : converted(route, request, options),
  };
}

function edited(route: UpstreamRoute, { body }: ModelRequest, options: AskOptions): Buffer {
  const members = jsonMembers(body);
  const values = new Map([["model", JSON.stringify(route.upstreamModel)]]);
  const limit = numberIn(body, members, "max_tokens");
  if (limit !== undefined && limit > options.outputTokensMax) {
    values.set("max_tokens", String(options.outputTokensMax));
  }
  return spliced(body, setMembers(members, values));
}

function converted(route: UpstreamRoute, request: ModelRequest, options: AskOptions): string {
  if (request.dialect === "embeddings") {
    throw invalid("model", "This model does not make embeddings.");
  }
  const chat = request.toChat();
  if ((chat.n ?? 1) > 1) throw invalid("n", "This model gives one answer at a time.");
  const system = systemOf(chat.messages);
  const maxTokens = Math.min(
    chat.max_completion_tokens ?? Number.POSITIVE_INFINITY,
    options.outputTokensMax,
  );
  return JSON.stringify({
    model: route.upstreamModel,
    max_tokens: maxTokens,
    ...(system.length > 0 && { system }),
    messages: messagesOf(chat.messages),
    ...(request.isStream && { stream: true }),
    ...samplingOf(chat, maxTokens),
    ...toolsOf(chat),
    ...(chat.user !== undefined && { metadata: { user_id: chat.user } }),
  });
}

/** Effort as a share of the output: the API takes a number of tokens, of at least 1,024. */
const EFFORT_SHARES = { minimal: 0.1, low: 0.2, medium: 0.5, high: 0.8, xhigh: 0.95 } as const;
const THINKING_TOKENS_MIN = 1_024;

function samplingOf(chat: ChatRequest, maxTokens: number): object {
  const stop = typeof chat.stop === "string" ? [chat.stop] : chat.stop;
  const thinking = thinkingOf(chat, maxTokens);
  return {
    // With thinking on, the API takes no temperature.
    ...(chat.temperature !== undefined &&
      !thinking && { temperature: Math.min(chat.temperature, 1) }),
    ...(chat.top_p !== undefined && { top_p: chat.top_p }),
    ...(chat.top_k !== undefined && { top_k: chat.top_k }),
    ...(stop && { stop_sequences: stop }),
    ...(thinking && { thinking }),
    ...formatOf(chat),
  };
}

function thinkingOf(chat: ChatRequest, maxTokens: number): object | undefined {
  const effort = chat.reasoning_effort;
  if (effort === undefined || effort === "none") return undefined;
  const budget = Math.floor(maxTokens * EFFORT_SHARES[effort]);
  if (budget < THINKING_TOKENS_MIN || budget >= maxTokens) return undefined;
  return { type: "enabled", budget_tokens: budget };
}

function formatOf({ response_format: format }: ChatRequest): object {
  if (format?.type !== "json_schema") return {};
  const { schema } = format.json_schema;
  return schema ? { output_config: { format: { type: "json_schema", schema } } } : {};
}

function toolsOf({
  tools,
  tool_choice: choice,
  parallel_tool_calls: isParallel,
}: ChatRequest): object {
  if (!tools || tools.length === 0) return {};
  const toolChoice = choiceOf(choice, isParallel);
  return {
    tools: tools.map(({ function: { name, description, parameters } }) => ({
      name,
      ...(description !== undefined && { description }),
      input_schema: parameters ?? { type: "object", properties: {} },
    })),
    ...(toolChoice && { tool_choice: toolChoice }),
  };
}

function choiceOf(
  choice: ChatToolChoice | undefined,
  isParallel: boolean | undefined,
): Block | undefined {
  const oneByOne = isParallel === false && { disable_parallel_tool_use: true };
  if (choice === "none") return { type: "none" };
  if (choice === "required") return { type: "any", ...oneByOne };
  if (typeof choice === "object") return { type: "tool", name: choice.function.name, ...oneByOne };
  return oneByOne ? { type: "auto", ...oneByOne } : undefined;
}

function systemOf(messages: readonly ChatMessage[]): Block[] {
  return messages.flatMap((message) =>
    message.role === "system" || message.role === "developer" ? blocksOf(message.content) : [],
  );
}

/** The API takes turns of two roles: what tools answered is said by the user, and joined to what follows. */
function messagesOf(messages: readonly ChatMessage[]): { role: string; content: Block[] }[] {
  const turns: { role: string; content: Block[] }[] = [];
  for (const message of messages) {
    if (message.role === "system" || message.role === "developer") continue;
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = turnOf(message);
    const last = turns.at(-1);
    if (content.length === 0) continue;
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  }
  return turns;
}

function turnOf(message: ChatTurn): Block[] {
  if (message.role === "user") return blocksOf(message.content);
  if (message.role === "tool") {
    const { tool_call_id: id, content, is_error: isError } = message;
    const result = { type: "tool_result", tool_use_id: id, content: blocksOf(content) };
    return [isError ? { ...result, is_error: true } : result];
  }
  return [
    ...(message.reasoning_details ?? []).flatMap(thoughtOf),
    ...blocksOf(message.content ?? message.refusal ?? ""),
    ...(message.tool_calls ?? []).map(({ id, function: { name, arguments: json } }) => ({
      type: "tool_use",
      id,
      name,
      input: inputOf(json),
    })),
  ];
}

/** Only thoughts that are signed may go back. */
function thoughtOf(detail: {
  type: string;
  text?: string;
  signature?: string;
  data?: string;
}): Block[] {
  if (detail.type === "reasoning.encrypted")
    return [{ type: "redacted_thinking", data: detail.data }];
  if (detail.signature === undefined) return [];
  return [{ type: "thinking", thinking: detail.text ?? "", signature: detail.signature }];
}

function inputOf(json: string): unknown {
  try {
    return json === "" ? {} : JSON.parse(json);
  } catch {
    throw invalid("messages", "The arguments of a tool call are not JSON.");
  }
}

function blocksOf(content: ChatContent): Block[] {
  // The API refuses empty texts.
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return content.flatMap(blockOf);
}

function blockOf(part: ChatPart): Block[] {
  if (part.type === "text") return part.text === "" ? [] : [{ type: "text", text: part.text }];
  if (part.type === "refusal") return [{ type: "text", text: part.refusal }];
  if (part.type === "image_url") return [{ type: "image", source: sourceOf(part.image_url.url) }];
  if (part.type === "file" && part.file.file_data !== undefined) {
    return [{ type: "document", source: sourceOf(part.file.file_data) }];
  }
  throw invalid("messages", `This model does not take parts of type ${part.type}.`);
}

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+);base64,/;

function sourceOf(url: string): Block {
  const match = DATA_URL.exec(url);
  if (!match) return { type: "url", url };
  return { type: "base64", media_type: match[1], data: url.slice(match[0].length) };
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
