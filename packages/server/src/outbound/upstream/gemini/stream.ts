/** Streamed answers of Google's Gemini API. */
import type { AnswerPiece, ModelRequest } from "../../../core/ports.ts";
import type { ChatChunk, ChatDelta, ChatFinish } from "../../../domain/chat.ts";
import { EventReader } from "../event-reader.ts";
import { badAnswer, faultInStream, wordsOf } from "../faults.ts";
import { textBytesIn } from "../text-bytes.ts";
import type { AnswerReader } from "../wire.ts";
import {
  finishOf,
  type GeminiAnswer,
  readAnswer,
  readEmbeddings,
  toChatUsage,
  toolCallOf,
  usageOf,
} from "./response.ts";

const TEXTS: ReadonlySet<string> = new Set(["text"]);
/** The API does not say what it counted for embeddings: about four bytes a token. */
const BYTES_PER_TOKEN = 4;

export function geminiReader(request: ModelRequest, nowSeconds: () => number): AnswerReader {
  return new GeminiReader(request, nowSeconds());
}

class GeminiReader extends EventReader {
  readonly #request: ModelRequest;
  readonly #created: number;
  /** Tool calls so far, by candidate. */
  readonly #calls = new Map<number, number>();
  /** Candidates whose role was told. */
  readonly #begun = new Set<number>();

  constructor(request: ModelRequest, created: number) {
    super();
    this.#request = request;
    this.#created = created;
  }

  whole(bytes: Buffer): AnswerPiece {
    const value = parse(bytes);
    if (this.#request.dialect === "embeddings") return this.#wholeEmbeddings(value);
    const answer = value as GeminiAnswer;
    this.counted = usageOf(answer.usageMetadata);
    return {
      response: readAnswer(answer, this.#created),
      textBytes: textBytesIn(bytes, TEXTS),
      textEvents: 0,
    };
  }

  #wholeEmbeddings(value: unknown): AnswerPiece {
    const { input } = this.#request.toEmbeddings();
    const bytes = input.reduce((sum, text) => sum + Buffer.byteLength(String(text)), 0);
    const inputTokens = Math.ceil(bytes / BYTES_PER_TOKEN);
    const embeddings = readEmbeddings(value, inputTokens);
    if (embeddings.vectors.length !== input.length) throw badAnswer();
    this.counted = { inputTokens, cachedTokens: 0, outputTokens: 0 };
    return { embeddings, textBytes: 0, textEvents: 0 };
  }

  protected look(data: Buffer): boolean {
    const answer = parse(data) as GeminiAnswer;
    if (answer.error) throw faultInStream(wordsOf(answer.error));
    this.counted = usageOf(answer.usageMetadata) ?? this.counted;
    for (const candidate of answer.candidates ?? []) this.#tell(answer, candidate);
    if (answer.promptFeedback?.blockReason !== undefined && !answer.candidates?.length) {
      this.#say(answer, 0, {}, "content_filter");
    }
    if (this.isOver && this.counted) {
      const usage = toChatUsage(this.counted, answer.usageMetadata?.thoughtsTokenCount);
      this.add({ ...this.#chunk(answer, []), usage }, 0);
    }
    return false;
  }

  #tell(answer: GeminiAnswer, candidate: NonNullable<GeminiAnswer["candidates"]>[number]): void {
    const { index = 0, content, finishReason } = candidate;
    for (const part of content?.parts ?? []) {
      if (part.functionCall) {
        const number = this.#calls.get(index) ?? 0;
        this.#calls.set(index, number + 1);
        const call = toolCallOf(part, answer.responseId ?? "", number);
        this.#say(answer, index, { tool_calls: [{ ...call, index: number }] });
      } else if (part.text) {
        const delta = part.thought ? { reasoning_content: part.text } : { content: part.text };
        this.#say(answer, index, delta);
      }
    }
    if (finishReason === undefined) return;
    this.#say(answer, index, {}, finishOf(finishReason, this.#calls.has(index)));
  }

  #say(answer: GeminiAnswer, index: number, delta: ChatDelta, finish?: ChatFinish): void {
    const isFirst = !this.#begun.has(index);
    this.#begun.add(index);
    if (finish !== undefined) this.isOver = true;
    const said: ChatDelta = isFirst ? { role: "assistant", ...delta } : delta;
    const text = `${delta.content ?? ""}${delta.reasoning_content ?? ""}`;
    const chunk = this.#chunk(answer, [{ index, delta: said, finish_reason: finish ?? null }]);
    this.add(chunk, Buffer.byteLength(text) + argumentBytes(delta));
  }

  #chunk(answer: GeminiAnswer, choices: ChatChunk["choices"]): ChatChunk {
    return {
      id: answer.responseId ?? "",
      object: "chat.completion.chunk",
      created: this.#created,
      model: answer.modelVersion ?? "",
      choices,
    };
  }
}

function argumentBytes({ tool_calls: calls = [] }: ChatDelta): number {
  return calls.reduce((sum, call) => sum + Buffer.byteLength(call.function?.arguments ?? ""), 0);
}

function parse(bytes: Buffer): object {
  try {
    const value = JSON.parse(bytes.toString("utf8")) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw badAnswer(error);
  }
  throw badAnswer();
}
