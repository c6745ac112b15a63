/** Answers of an OpenAI-compatible interface that come at once. */
import type { AnswerPiece, ModelDialect } from "../../../core/ports.ts";
import type { ChatResponse } from "../../../domain/chat.ts";
import type { TokenUsage } from "../../../domain/token-price.ts";
import { jsonMembers } from "../../../lib/json-members.ts";
import { badAnswer } from "../faults.ts";
import { textBytesIn } from "../text-bytes.ts";

/** Under which names each dialect has what the model wrote. */
export const TEXT_NAMES: Readonly<Record<ModelDialect, ReadonlySet<string>>> = {
  chat: new Set(["content", "reasoning_content", "reasoning", "refusal", "arguments"]),
  responses: new Set(["text", "refusal", "arguments"]),
  messages: new Set(["text", "thinking", "partial_json"]),
  embeddings: new Set(),
  converted: new Set(),
};

export interface WholeAnswer {
  readonly piece: AnswerPiece;
  readonly usage: TokenUsage | undefined;
}

/** An answer in the caller's own dialect: its bytes as they are. @throws {Fault} `provider_bad_output` */
export function passWhole(dialect: ModelDialect, bytes: Buffer): WholeAnswer {
  const usage = memberOf(bytes, "usage");
  return {
    piece: { bytes, textBytes: textBytesIn(bytes, TEXT_NAMES[dialect]), textEvents: 0 },
    usage: usageOf(usage),
  };
}

/** An answer to a request that was converted. @throws {Fault} `provider_bad_output` */
export function readChat(bytes: Buffer): WholeAnswer {
  const value = parse(bytes) as ChatResponse | null;
  if (!Array.isArray(value?.choices) || !value.choices[0]?.message) throw badAnswer();
  return {
    piece: { response: value, textBytes: textBytesIn(bytes, TEXT_NAMES.chat), textEvents: 0 },
    usage: usageOf(value.usage),
  };
}

/** What was counted, in the words of any of these dialects; none where it is no count. */
export function usageOf(usage: unknown): TokenUsage | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  const fields = usage as Readonly<Record<string, unknown>>;
  const inputTokens = countOf(fields.prompt_tokens) ?? countOf(fields.input_tokens);
  if (inputTokens === undefined) return undefined;
  const written = countOf(fields.completion_tokens) ?? countOf(fields.output_tokens) ?? 0;
  // Some makers count reasoning in the total only.
  const rest = (countOf(fields.total_tokens) ?? 0) - inputTokens;
  return {
    inputTokens,
    cachedTokens: Math.min(inputTokens, cachedOf(fields)),
    outputTokens: Math.max(written, rest),
  };
}

function cachedOf(fields: Readonly<Record<string, unknown>>): number {
  const details = (fields.prompt_tokens_details ?? fields.input_tokens_details) as
    | { cached_tokens?: unknown }
    | null
    | undefined;
  return countOf(details?.cached_tokens) ?? countOf(fields.prompt_cache_hit_tokens) ?? 0;
}

/** A number of tokens, or nothing where it cannot be one. */
export function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

export function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (error) {
    throw badAnswer(error);
  }
}

/** One member of an object, without building the others. @throws {Fault} `provider_bad_output` */
function memberOf(bytes: Buffer, name: string): unknown {
  if (firstByte(bytes) !== 0x7b) throw badAnswer();
  const member = jsonMembers(bytes).byName.get(name);
  return member && parse(bytes.subarray(member.start, member.end));
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
}
