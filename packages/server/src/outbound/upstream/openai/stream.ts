/** Streamed answers of an OpenAI-compatible interface. */
import type { AnswerPiece, ModelRequest, UpstreamRoute } from "../../../core/ports.ts";
import type { ChatChunk } from "../../../domain/chat.ts";
import { EventReader } from "../event-reader.ts";
import { badAnswer, faultInStream, wordsOf } from "../faults.ts";
import { firstByteOf, textBytesIn } from "../text-bytes.ts";
import type { AnswerReader } from "../wire.ts";
import { withoutParts } from "./content-parts.ts";
import { isPassed } from "./request.ts";
import { parse, passWhole, readChat, TEXT_NAMES, usageOf } from "./response.ts";

const USAGE = Buffer.from('"usage"');
const ERROR = Buffer.from('"error"');
const DONE = Buffer.from("[DONE]");
const FINISH = Buffer.from('"finish_reason"');
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const DELTAS: ReadonlySet<string> = new Set(["delta"]);

/** Chooses by what the caller speaks: bytes as they are, or chunks to be worded anew. */
export function openaiReader(route: UpstreamRoute, request: ModelRequest): AnswerReader {
  if (!isPassed(route, request)) return new ConvertedChat();
  return request.dialect === "responses" ? new PassedResponses() : new PassedChat(request);
}

/** Chunks of chat completions, up to the word that none follows. */
abstract class ChatEvents extends EventReader {
  #hasChunk = false;
  #isDone = false;
  /** Whether the caller reads the last word as well. */
  protected abstract readonly passesDone: boolean;

  protected abstract lookAtChunk(data: Buffer): boolean;

  protected look(data: Buffer): boolean {
    // It said that it was done: more is no part of the answer, and nobody is to pay for it.
    if (this.#isDone) return false;
    if (!data.equals(DONE)) {
      this.#hasChunk = true;
      return this.lookAtChunk(data);
    }
    // An end of nothing is no answer: its input would be paid for, and nobody has read it.
    if (!this.#hasChunk) throw badAnswer();
    this.#isDone = true;
    this.isOver = true;
    return this.passesDone;
  }
}

/** Bytes of chat completions, watched for their usage and their end. */
class PassedChat extends ChatEvents {
  readonly #request: ModelRequest;
  protected readonly passesDone = true;

  constructor(request: ModelRequest) {
    super();
    this.#request = request;
  }

  whole(bytes: Buffer): AnswerPiece {
    const { piece, usage } = passWhole(this.#request.dialect, bytes);
    this.counted = usage;
    return piece;
  }

  /** All events are passed on, but for a usage that the caller did not ask for. */
  protected lookAtChunk(data: Buffer): boolean {
    if (firstByteOf(data, ERROR) !== undefined) throwReported(parse(data));
    this.countText(textBytesIn(data, TEXT_NAMES.chat));
    // Some servers end without [DONE].
    if (firstByteOf(data, FINISH) === QUOTE) this.isOver = true;
    if (firstByteOf(data, USAGE) !== OPEN_BRACE) return true;
    const chunk = parse(data) as Partial<ChatChunk>;
    this.counted = usageOf(chunk.usage) ?? this.counted;
    return this.#request.wantsUsage || chunk.choices?.length !== 0;
  }
}

/** Bytes of responses, watched for the same. */
class PassedResponses extends EventReader {
  whole(bytes: Buffer): AnswerPiece {
    const { piece, usage } = passWhole("responses", bytes);
    this.counted = usage;
    return piece;
  }

  protected look(data: Buffer): boolean {
    this.countText(textBytesIn(data, DELTAS));
    if (!data.includes(USAGE) && !data.includes(ERROR)) return true;
    const { type, response, ...rest } = parse(data) as {
      type?: unknown;
      response?: { usage?: unknown; error?: unknown };
      error?: unknown;
    };
    if (type === "error") throw faultInStream(wordsOf(rest) ?? wordsOf(rest.error));
    if (type === "response.failed") throw faultInStream(wordsOf(response?.error));
    if (type === "response.completed" || type === "response.incomplete") {
      this.counted = usageOf(response?.usage);
      this.isOver = true;
    }
    return true;
  }
}

/** Chat completions that are worded anew for a caller who speaks something else. */
class ConvertedChat extends ChatEvents {
  protected readonly passesDone = false;

  whole(bytes: Buffer): AnswerPiece {
    const { piece, usage } = readChat(bytes);
    this.counted = usage;
    return piece;
  }

  protected lookAtChunk(data: Buffer): boolean {
    const chunk = parse(data) as ChatChunk | null;
    throwReported(chunk);
    if (!Array.isArray(chunk?.choices)) throw badAnswer();
    this.counted = usageOf(chunk.usage) ?? this.counted;
    if (chunk.choices.some((choice) => choice?.finish_reason)) this.isOver = true;
    const choices = chunk.choices.map((choice) =>
      choice?.delta ? { ...choice, delta: withoutParts(choice.delta) } : choice,
    );
    this.add({ ...chunk, choices }, textBytesIn(data, TEXT_NAMES.chat));
    return false;
  }
}

/** Servers report a failure in the middle as an object with an `error`, whatever the status was. */
function throwReported(value: unknown): void {
  const error = (value as { error?: unknown } | null)?.error;
  if (error !== undefined && error !== null) throw faultInStream(wordsOf(error));
}
