/** Answers of Google's Gemini API that come at once. */
import type {
  ChatAnswer,
  ChatFinish,
  ChatResponse,
  ChatToolCall,
  ChatUsage,
  EmbeddingsResponse,
} from "../../../domain/chat.ts";
import type { TokenUsage } from "../../../domain/token-price.ts";
import { badAnswer } from "../faults.ts";

export interface GeminiPart {
  readonly text?: string;
  /** Whether the text is what the model thought, not what it says. */
  readonly thought?: boolean;
  readonly functionCall?: { readonly id?: string; readonly name: string; readonly args?: unknown };
  readonly thoughtSignature?: string;
}

export interface GeminiAnswer {
  readonly responseId?: string;
  readonly modelVersion?: string;
  readonly candidates?: readonly {
    readonly index?: number;
    readonly content?: { readonly parts?: readonly GeminiPart[] };
    readonly finishReason?: string;
  }[];
  readonly promptFeedback?: { readonly blockReason?: string };
  readonly usageMetadata?: Readonly<Record<string, unknown>>;
  readonly error?: unknown;
}

const FINISHES: Readonly<Record<string, ChatFinish>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
};

export function finishOf(reason: string, hasCalls: boolean): ChatFinish {
  const finish = FINISHES[reason] ?? "stop";
  return finish === "stop" && hasCalls ? "tool_calls" : finish;
}

/** Thoughts are output, and counted beside it; what a tool was shown is input. */
export function usageOf(usage: GeminiAnswer["usageMetadata"]): TokenUsage | undefined {
  const prompt = countOf(usage?.promptTokenCount);
  if (prompt === undefined) return undefined;
  const inputTokens = prompt + (countOf(usage?.toolUsePromptTokenCount) ?? 0);
  return {
    inputTokens,
    cachedTokens: Math.min(inputTokens, countOf(usage?.cachedContentTokenCount) ?? 0),
    outputTokens:
      (countOf(usage?.candidatesTokenCount) ?? 0) + (countOf(usage?.thoughtsTokenCount) ?? 0),
  };
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

export function toChatUsage(usage: TokenUsage, reasoning: unknown): ChatUsage {
  const { inputTokens, cachedTokens, outputTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: countOf(reasoning) ?? 0 },
  };
}

/** @throws {Fault} `provider_bad_output` */
export function readAnswer(answer: GeminiAnswer, created: number): ChatResponse {
  const { candidates = [], promptFeedback, usageMetadata } = answer;
  if (candidates.length === 0 && promptFeedback?.blockReason === undefined) throw badAnswer();
  const usage = usageOf(usageMetadata);
  const id = answer.responseId ?? "";
  return {
    id,
    object: "chat.completion",
    created,
    model: answer.modelVersion ?? "",
    choices:
      candidates.length === 0
        ? [
            {
              index: 0,
              message: { role: "assistant", content: null },
              finish_reason: "content_filter",
            },
          ]
        : candidates.map(({ index = 0, content, finishReason = "" }) => {
            const message = messageOf(content?.parts ?? [], id);
            const finish = finishOf(finishReason, message.tool_calls !== undefined);
            return { index, message, finish_reason: finish };
          }),
    ...(usage && { usage: toChatUsage(usage, usageMetadata?.thoughtsTokenCount) }),
  };
}

function messageOf(parts: readonly GeminiPart[], answerId: string): ChatAnswer {
  const said = parts.flatMap(({ text, thought }) => (text !== undefined && !thought ? [text] : []));
  const thoughts = parts.flatMap(({ text, thought }) => (text && thought ? [text] : []));
  const calls = parts
    .filter(({ functionCall }) => functionCall)
    .map((part, index) => toolCallOf(part, answerId, index));
  return {
    role: "assistant",
    content: said.length === 0 ? null : said.join(""),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join("") }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** The API often gives a call no id: its answer's own, and its place in it, name it. */
export function toolCallOf(part: GeminiPart, answerId: string, index: number): ChatToolCall {
  const { id = `call_${answerId}_${index}`, name = "", args = {} } = part.functionCall ?? {};
  return {
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
    ...(part.thoughtSignature !== undefined && {
      extra_content: { google: { thought_signature: part.thoughtSignature } },
    }),
  };
}

/** @throws {Fault} `provider_bad_output` */
export function readEmbeddings(value: unknown, promptTokens: number): EmbeddingsResponse {
  const { embeddings } = (value ?? {}) as { embeddings?: unknown };
  if (!Array.isArray(embeddings)) throw badAnswer();
  const vectors = embeddings.map((embedding) => {
    const { values } = (embedding ?? {}) as { values?: unknown };
    if (!Array.isArray(values) || !values.every(Number.isFinite)) throw badAnswer();
    return values as number[];
  });
  return { vectors, promptTokens };
}
