/** Requests to Google's Gemini API (`generateContent`, `streamGenerateContent`, `batchEmbedContents`). */
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
  ChatToolCall,
  ChatToolChoice,
  ChatTurn,
  EmbeddingsRequest,
} from "../../../domain/chat.ts";
import { Fault } from "../../../domain/fault.ts";
import type { WireRequest } from "../wire.ts";

type Part = Readonly<Record<string, unknown>>;

/** @throws {Fault} `invalid_request` */
export function encodeRequest(
  route: UpstreamRoute,
  endpoint: UpstreamEndpoint,
  request: ModelRequest,
  options: AskOptions,
): WireRequest {
  const headers = ["content-type", "application/json"];
  if (endpoint.key !== undefined) headers.push("x-goog-api-key", endpoint.key);
  const model = `${endpoint.url}/models/${encodeURIComponent(route.upstreamModel)}`;
  if (request.dialect === "embeddings") {
    const body = embeddingsOf(route.upstreamModel, request.toEmbeddings());
    return { url: `${model}:batchEmbedContents`, headers, body: JSON.stringify(body) };
  }
  const verb = request.isStream ? "streamGenerateContent?alt=sse" : "generateContent";
  const body = JSON.stringify(contentOf(request.toChat(), options.outputTokensMax));
  return { url: `${model}:${verb}`, headers, body };
}

function embeddingsOf(model: string, { input, dimensions }: EmbeddingsRequest): object {
  return {
    requests: input.map((text) => {
      if (typeof text !== "string") throw invalid("input", "This model takes texts, not tokens.");
      return {
        model: `models/${model}`,
        content: { parts: [{ text }] },
        ...(dimensions !== undefined && { outputDimensionality: dimensions }),
      };
    }),
  };
}

function contentOf(chat: ChatRequest, outputTokensMax: number): object {
  const system = chat.messages.flatMap((message) =>
    message.role === "system" || message.role === "developer" ? partsOf(message.content) : [],
  );
  return {
    contents: contentsOf(chat.messages),
    ...(system.length > 0 && { systemInstruction: { parts: system } }),
    ...toolsOf(chat),
    generationConfig: configOf(chat, outputTokensMax),
  };
}

/** The API's largest limits differ by model; beyond this one it refuses for all. */
const OUTPUT_TOKENS_MAX = 65_536;

function configOf(chat: ChatRequest, outputTokensMax: number): object {
  const stop = typeof chat.stop === "string" ? [chat.stop] : chat.stop;
  const wanted = chat.max_completion_tokens ?? OUTPUT_TOKENS_MAX;
  const limit = Math.min(wanted, outputTokensMax);
  return {
    maxOutputTokens: limit,
    ...(chat.n !== undefined && { candidateCount: chat.n }),
    ...(chat.temperature !== undefined && { temperature: chat.temperature }),
    ...(chat.top_p !== undefined && { topP: chat.top_p }),
    ...(chat.top_k !== undefined && { topK: chat.top_k }),
    ...(chat.seed !== undefined && { seed: chat.seed }),
    ...(chat.presence_penalty !== undefined && { presencePenalty: chat.presence_penalty }),
    ...(chat.frequency_penalty !== undefined && { frequencyPenalty: chat.frequency_penalty }),
    ...(stop && { stopSequences: stop }),
    ...formatOf(chat),
    ...thinkingOf(chat, limit),
  };
}

function formatOf({ response_format: format }: ChatRequest): object {
  if (format === undefined || format.type === "text") return {};
  const schema = format.type === "json_schema" ? format.json_schema.schema : undefined;
  return { responseMimeType: "application/json", ...(schema && { responseJsonSchema: schema }) };
}

const EFFORT_SHARES = {
  none: 0,
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
} as const;

function thinkingOf({ reasoning_effort: effort }: ChatRequest, limit: number): object {
  if (effort === undefined) return {};
  const thinkingBudget = Math.floor(limit * EFFORT_SHARES[effort]);
  return { thinkingConfig: { thinkingBudget, includeThoughts: effort !== "none" } };
}

function toolsOf({ tools, tool_choice: choice }: ChatRequest): object {
  if (!tools || tools.length === 0) return {};
  const functionDeclarations = tools.map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description !== undefined && { description }),
    ...(parameters && { parametersJsonSchema: parameters }),
  }));
  return {
    tools: [{ functionDeclarations }],
    ...(choice !== undefined && { toolConfig: { functionCallingConfig: choiceOf(choice) } }),
  };
}

function choiceOf(choice: ChatToolChoice): object {
  if (choice === "none") return { mode: "NONE" };
  if (choice === "required") return { mode: "ANY" };
  if (choice === "auto") return { mode: "AUTO" };
  return { mode: "ANY", allowedFunctionNames: [choice.function.name] };
}

/** The API takes turns of two roles, and tells a tool's answer from others by the tool's name. */
function contentsOf(messages: readonly ChatMessage[]): { role: string; parts: Part[] }[] {
  const names = new Map<string, string>();
  const turns: { role: string; parts: Part[] }[] = [];
  for (const message of messages) {
    if (message.role === "system" || message.role === "developer") continue;
    const role = message.role === "assistant" ? "model" : "user";
    const parts = turnOf(message, names);
    const last = turns.at(-1);
    if (parts.length === 0) continue;
    if (last?.role === role) last.parts.push(...parts);
    else turns.push({ role, parts });
  }
  return turns;
}

function turnOf(message: ChatTurn, names: Map<string, string>): Part[] {
  if (message.role === "user") return partsOf(message.content);
  if (message.role === "tool") {
    const name = names.get(message.tool_call_id);
    if (name === undefined) throw invalid("messages", "A tool answers that was not called.");
    return [{ functionResponse: { name, response: toolAnswerOf(message.content) } }];
  }
  for (const call of message.tool_calls ?? []) names.set(call.id, call.function.name);
  return [
    ...partsOf(message.content ?? message.refusal ?? ""),
    ...(message.tool_calls ?? []).map(callOf),
  ];
}

function callOf({ function: { name, arguments: json }, extra_content: extra }: ChatToolCall): Part {
  const signature = extra?.google?.thought_signature;
  return {
    functionCall: { name, args: argumentsOf(json) },
    ...(signature !== undefined && { thoughtSignature: signature }),
  };
}

function argumentsOf(json: string): unknown {
  try {
    return json === "" ? {} : JSON.parse(json);
  } catch {
    throw invalid("messages", "The arguments of a tool call are not JSON.");
  }
}

/** The API wants an object; what is none becomes one. */
function toolAnswerOf(content: ChatContent): object {
  const text = textOf(content);
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Plain words are an answer as well.
  }
  return { output: text };
}

function textOf(content: ChatContent): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function partsOf(content: ChatContent): Part[] {
  if (typeof content === "string") return content === "" ? [] : [{ text: content }];
  return content.flatMap(partOf);
}

const AUDIO_TYPES: Readonly<Record<string, string>> = { wav: "audio/wav", mp3: "audio/mp3" };

function partOf(part: ChatPart): Part[] {
  if (part.type === "text") return part.text === "" ? [] : [{ text: part.text }];
  if (part.type === "refusal") return [{ text: part.refusal }];
  if (part.type === "image_url") return [dataOf(part.image_url.url, "image/*")];
  if (part.type === "input_audio") {
    const { data, format } = part.input_audio;
    return [{ inlineData: { mimeType: AUDIO_TYPES[format] ?? `audio/${format}`, data } }];
  }
  if (part.file.file_data === undefined) {
    throw invalid("messages", "Send a file with its data: this model knows no files by id.");
  }
  return [dataOf(part.file.file_data, "application/pdf")];
}

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+);base64,/;

function dataOf(url: string, type: string): Part {
  const match = DATA_URL.exec(url);
  if (!match) return { fileData: { mimeType: type, fileUri: url } };
  return { inlineData: { mimeType: match[1], data: url.slice(match[0].length) } };
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
