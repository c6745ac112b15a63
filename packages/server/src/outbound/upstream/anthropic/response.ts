/** Answers of Anthropic's Messages API that come at once. */
import type {
  ChatFinish,
  ChatReasoning,
  ChatResponse,
  ChatToolCall,
  ChatUsage,
} from "../../../domain/chat.ts";
import type { TokenUsage } from "../../../domain/token-price.ts";
import { badAnswer } from "../faults.ts";

/** What the API counts: what it read from its cache and what it wrote there come beside the input. */
export interface AnthropicUsage {
  readonly input_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
  readonly output_tokens?: unknown;
}

export type AnthropicBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature?: string }
  | { readonly type: "redacted_thinking"; readonly data: string }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
    };

interface AnthropicMessage {
  readonly id: string;
  readonly model: string;
  readonly content: readonly AnthropicBlock[];
  readonly stop_reason: string | null;
  readonly usage?: AnthropicUsage;
}

const FINISHES: Readonly<Record<string, ChatFinish>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

export function finishOf(reason: string | null | undefined): ChatFinish {
  return FINISHES[reason ?? ""] ?? "stop";
}

export function usageOf(usage: AnthropicUsage | undefined): TokenUsage | undefined {
  const input = countOf(usage?.input_tokens);
  const outputTokens = countOf(usage?.output_tokens);
  if (input === undefined || outputTokens === undefined) return undefined;
  const cachedTokens = countOf(usage?.cache_read_input_tokens) ?? 0;
  const written = countOf(usage?.cache_creation_input_tokens) ?? 0;
  return { inputTokens: input + cachedTokens + written, cachedTokens, outputTokens };
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** The same counts in the words of the one form. */
export function toChatUsage(usage: TokenUsage): ChatUsage {
  const { inputTokens, cachedTokens, outputTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** @throws {Fault} `provider_bad_output` */
export function readMessage(value: unknown, createdAt: number): ChatResponse {
  const message = value as AnthropicMessage | null;
  if (!Array.isArray(message?.content)) throw badAnswer();
  const blocks = message.content as readonly AnthropicBlock[];
  const text = blocks.flatMap((block) => (block.type === "text" ? [block.text] : []));
  const calls = blocks.flatMap(toolCallOf);
  const details = blocks.flatMap(thoughtOf);
  const reasoning = details.flatMap((detail) => ("text" in detail ? [detail.text] : [])).join("");
  const usage = usageOf(message.usage);
  return {
    id: message.id,
    object: "chat.completion",
    created: createdAt,
    model: message.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: text.length === 0 ? null : text.join(""),
          ...(calls.length > 0 && { tool_calls: calls }),
          ...(reasoning !== "" && { reasoning_content: reasoning }),
          ...(details.length > 0 && { reasoning_details: details }),
        },
        finish_reason: finishOf(message.stop_reason),
      },
    ],
    ...(usage && { usage: toChatUsage(usage) }),
  };
}

function toolCallOf(block: AnthropicBlock): ChatToolCall[] {
  if (block.type !== "tool_use") return [];
  const { id, name, input } = block;
  return [{ id, type: "function", function: { name, arguments: JSON.stringify(input ?? {}) } }];
}

export function thoughtOf(block: AnthropicBlock): ChatReasoning[] {
  if (block.type === "redacted_thinking") {
    return [{ type: "reasoning.encrypted", data: block.data }];
  }
  if (block.type !== "thinking") return [];
  const { thinking: text, signature } = block;
  return [{ type: "reasoning.text", text, ...(signature !== undefined && { signature }) }];
}
