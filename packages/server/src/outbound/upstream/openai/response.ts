/** Answers of an OpenAI-compatible interface that come at once. */
import type { AnswerPiece, ModelDialect } from "../../../core/ports.ts";
import type { ChatResponse } from "../../../domain/chat.ts";
import type { TokenUsage } from "../../../domain/token-price.ts";
import { type JsonMember, jsonMembers } from "../../../lib/json-members.ts";
import { badAnswer, faultInStream, wordsOf } from "../faults.ts";
import { textBytesIn } from "../text-bytes.ts";
import { withoutParts } from "./content-parts.ts";

/** Under which names each dialect has what the model wrote. */
export const TEXT_NAMES: Readonly<Record<ModelDialect, ReadonlySet<string>>> = {
  // `text` is that of a part, where content comes in parts.
  chat: new Set(["content", "text", "reasoning_content", "reasoning", "refusal", "arguments"]),
  responses: new Set(["text", "refusal", "arguments"]),
  messages: new Set(["text", "thinking", "partial_json"]),
  embeddings: new Set(),
  converted: new Set(),
};

export interface WholeAnswer {
  readonly piece: AnswerPiece;
  readonly usage: TokenUsage | undefined;
}

/** The list that each dialect has its answer in, and whether it may be one of nothing. */
const ANSWERS: Readonly<Record<ModelDialect, readonly [name: string, mayBeEmpty: boolean]>> = {
  chat: ["choices", false],
  responses: ["output", true],
  messages: ["content", true],
  embeddings: ["data", false],
  converted: ["choices", false],
};

/**
 * An answer in the caller's own dialect: its bytes as they are. Some interfaces report a failure with
 * status 200: that is no answer, and nobody pays for it.
 *
 * @throws {Fault} `provider_failed`, `provider_bad_output`
 */
export function passWhole(dialect: ModelDialect, bytes: Buffer): WholeAnswer {
  const members = membersOf(bytes);
  const bytesOf = (name: string) => {
    const member = members.get(name);
    return member && bytes.subarray(member.start, member.end);
  };
  const error = bytesOf("error");
  if (error && String(error) !== "null") throw faultInStream(wordsOf(parse(error)));
  const [name, mayBeEmpty] = ANSWERS[dialect];
  const list = bytesOf(name);
  if (list?.[0] !== OPEN_BRACKET) throw badAnswer();
  if (!mayBeEmpty && firstByte(list.subarray(1)) === CLOSE_BRACKET) throw badAnswer();
  const usage = bytesOf("usage");
  return {
    piece: { bytes, textBytes: textBytesIn(bytes, TEXT_NAMES[dialect]), textEvents: 0 },
    usage: usage && usageOf(parse(usage)),
  };
}

/** An answer to a request that was converted. @throws {Fault} `provider_bad_output` */
export function readChat(bytes: Buffer): WholeAnswer {
  const value = parse(bytes) as ChatResponse | null;
  if (!Array.isArray(value?.choices) || !value.choices[0]?.message) throw badAnswer();
  const choices = value.choices.map((choice) =>
    choice?.message ? { ...choice, message: withoutParts(choice.message) } : choice,
  );
  return {
    piece: {
      response: { ...value, choices },
      textBytes: textBytesIn(bytes, TEXT_NAMES.chat),
      textEvents: 0,
    },
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

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Where the members of an object are, without building it. @throws {Fault} `provider_bad_output` */
function membersOf(bytes: Buffer): ReadonlyMap<string, JsonMember> {
  if (firstByte(bytes) !== OPEN_BRACE) throw badAnswer();
  try {
    const { byName, close } = jsonMembers(bytes);
    const isWhole =
      bytes[close] === CLOSE_BRACE && firstByte(bytes.subarray(close + 1)) === undefined;
    if (isWhole) return byName;
  } catch (error) {
    throw badAnswer(error);
  }
  throw badAnswer();
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
}
