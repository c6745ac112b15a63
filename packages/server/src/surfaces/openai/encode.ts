/** Answers of models -> this wire's words. What came in them already goes out as it is. */
import type { ModelRequest, ReplyPiece } from "../../core/index.ts";
import type { ChatChunk, ChatUsage } from "../../domain/chat.ts";
import type { TokenUsage } from "../../domain/token-price.ts";
import type { ReplyWords } from "../shared/model-reply.ts";
import { errorBody } from "./refusal.ts";

const DONE = "data: [DONE]\n\n";

export interface CutAnswer {
  readonly id: string;
  readonly model: string;
  readonly choices: number;
  /** Seconds since 1970. */
  readonly created: number;
}

/** A streamed chat completion. */
export function chatWords(request: ModelRequest, answer: CutAnswer): ReplyWords {
  // Whoever answered in this wire's own bytes says by itself that this is all.
  let saysDone = true;
  return {
    piece(piece) {
      if (piece.cut) {
        saysDone = false;
        return encodeCut(piece.cut, answer, request.wantsUsage);
      }
      if (piece.bytes) {
        saysDone = false;
        return piece.bytes;
      }
      return piece.chunk ? encodeChunk(piece.chunk, answer.model, request.wantsUsage) : "";
    },
    end: () => (saysDone ? DONE : ""),
    failed: (error) => event(errorBody(error)),
  };
}

/** By the name that the caller has for its model, as an answer that comes at once. */
function encodeChunk({ usage, ...chunk }: ChatChunk, model: string, wantsUsage: boolean): string {
  if (wantsUsage) return event({ ...chunk, model, usage: usage ?? null });
  // Some programs stumble over a chunk without a choice.
  return chunk.choices.length === 0 ? "" : event({ ...chunk, model });
}

/** The last words of an answer that came to what is held for it: it is as if its limit had been reached. */
function encodeCut(usage: TokenUsage, answer: CutAnswer, wantsUsage: boolean): string {
  const { id, model, created } = answer;
  const choices = Array.from({ length: answer.choices }, (_, index) => {
    return { index, delta: {}, finish_reason: "length" };
  });
  const head = { id, object: "chat.completion.chunk", created, model };
  const cut = { cut_at: "hold", message: "The answer came to what was held for it." };
  const counted = wantsUsage ? { usage: encodeUsage(usage) } : {};
  return `${event({ ...head, choices, ...counted, guildhall: cut })}${DONE}`;
}

export function encodeUsage({ inputTokens, cachedTokens, outputTokens }: TokenUsage): ChatUsage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** A chat completion that comes at once, by the name that the caller has for its model. */
export function encodeChat(piece: ReplyPiece, model: string): Buffer | string {
  if (piece.cut) throw new Error("an answer that comes at once is not cut");
  return piece.bytes ?? JSON.stringify({ ...piece.response, model });
}

/** Vectors, in the order of their texts: as numbers, or as 32-bit floats in base64. */
export function encodeEmbeddings(
  piece: ReplyPiece,
  model: string,
  format: "float" | "base64",
): Buffer | string {
  if (piece.cut) throw new Error("an answer that comes at once is not cut");
  if (piece.bytes) return piece.bytes;
  const { vectors = [], promptTokens = 0 } = piece.embeddings ?? {};
  return JSON.stringify({
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: format === "float" ? vector : base64Of(vector),
    })),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
}

function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

export function event(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
