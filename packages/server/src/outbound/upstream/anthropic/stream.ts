/** Streamed answers of Anthropic's Messages API. */
import type { AnswerPiece, ModelRequest } from "../../../core/ports.ts";
import type { ChatChunk, ChatDelta, ChatFinish } from "../../../domain/chat.ts";
import { EventReader } from "../event-reader.ts";
import { badAnswer, faultInStream, wordsOf } from "../faults.ts";
import { textBytesIn } from "../text-bytes.ts";
import type { AnswerReader } from "../wire.ts";
import {
  type AnthropicBlock,
  type AnthropicUsage,
  finishOf,
  readMessage,
  toChatUsage,
  usageOf,
} from "./response.ts";

/** What the model wrote; a tool's arguments come as `partial_json` in a stream. */
const TEXTS: ReadonlySet<string> = new Set(["text", "thinking", "partial_json"]);
const USAGE = Buffer.from('"usage"');
const STOP = Buffer.from('"message_stop"');
const ERROR = Buffer.from('"error"');

export function anthropicReader(request: ModelRequest, nowSeconds: () => number): AnswerReader {
  return request.dialect === "messages"
    ? new PassedMessages()
    : new ConvertedMessages(nowSeconds());
}

interface MessageEvent {
  readonly type?: string;
  readonly index?: number;
  readonly message?: { id?: string; model?: string; usage?: AnthropicUsage };
  readonly content_block?: AnthropicBlock;
  readonly delta?: {
    readonly type?: string;
    readonly text?: string;
    readonly thinking?: string;
    readonly signature?: string;
    readonly partial_json?: string;
    readonly stop_reason?: string | null;
  };
  readonly usage?: AnthropicUsage;
  readonly error?: unknown;
}

/** What is counted comes in two parts: the input when it begins, the output when it ends. */
abstract class MessagesReader extends EventReader {
  #usage: AnthropicUsage = {};

  protected count(event: MessageEvent): void {
    const part = event.type === "message_start" ? event.message?.usage : event.usage;
    if (!part) return;
    this.#usage = { ...this.#usage, ...withoutNulls(part) };
    // Before the end the output is what it was when the answer began.
    if (event.type === "message_delta") this.counted = usageOf(this.#usage);
  }

  protected countWhole(usage: AnthropicUsage | undefined): void {
    this.counted = usageOf(usage);
  }
}

/** Bytes as they are, watched for usage and end. */
class PassedMessages extends MessagesReader {
  whole(bytes: Buffer): AnswerPiece {
    const message = parse(bytes) as { content?: unknown; usage?: AnthropicUsage } | null;
    if (!Array.isArray(message?.content)) throw badAnswer();
    this.countWhole(message.usage);
    return { bytes, textBytes: textBytesIn(bytes, TEXTS), textEvents: 0 };
  }

  protected look(data: Buffer): boolean {
    this.countText(textBytesIn(data, TEXTS));
    if (data.includes(STOP)) this.isOver = true;
    if (!data.includes(USAGE) && !data.includes(ERROR)) return true;
    const event = parse(data) as MessageEvent;
    if (event.type === "error") throw faultInStream(wordsOf(event.error));
    this.count(event);
    return true;
  }
}

/** Events worded anew as chunks of chat completions. */
class ConvertedMessages extends MessagesReader {
  readonly #created: number;
  #id = "";
  #model = "";
  /** Tool calls are numbered by themselves; blocks of all kinds share one numbering. */
  readonly #calls = new Map<number, number>();
  /** The thought under way: what signs it signs the whole of it. */
  #thought = "";

  constructor(created: number) {
    super();
    this.#created = created;
  }

  whole(bytes: Buffer): AnswerPiece {
    const value = parse(bytes);
    const response = readMessage(value, this.#created);
    this.countWhole((value as { usage?: AnthropicUsage }).usage);
    return { response, textBytes: textBytesIn(bytes, TEXTS), textEvents: 0 };
  }

  protected look(data: Buffer): boolean {
    const event = parse(data) as MessageEvent;
    if (event.type === "error") throw faultInStream(wordsOf(event.error));
    this.count(event);
    const textBytes = textBytesIn(data, TEXTS);
    if (event.type === "message_start") {
      this.#id = event.message?.id ?? "";
      this.#model = event.message?.model ?? "";
      this.#say({ role: "assistant", content: "" }, 0);
    } else if (event.type === "content_block_start") this.#begin(event, textBytes);
    else if (event.type === "content_block_delta") this.#grow(event, textBytes);
    else if (event.type === "message_delta") {
      this.#say({}, 0, finishOf(event.delta?.stop_reason));
    } else if (event.type === "message_stop") this.#stop();
    return false;
  }

  #begin({ index = 0, content_block: block }: MessageEvent, textBytes: number): void {
    if (block?.type === "tool_use") {
      const call = this.#calls.size;
      this.#calls.set(index, call);
      const { id, name } = block;
      const opened = {
        index: call,
        id,
        type: "function",
        function: { name, arguments: "" },
      } as const;
      this.#say({ tool_calls: [opened] }, 0);
    } else if (block?.type === "redacted_thinking") {
      this.#say({ reasoning_details: [{ type: "reasoning.encrypted", data: block.data }] }, 0);
    } else if (block?.type === "text" && block.text) this.#say({ content: block.text }, textBytes);
  }

  #grow({ index = 0, delta }: MessageEvent, textBytes: number): void {
    if (delta?.text !== undefined) this.#say({ content: delta.text }, textBytes);
    else if (delta?.thinking !== undefined) {
      this.#thought += delta.thinking;
      this.#say({ reasoning_content: delta.thinking }, textBytes);
    } else if (delta?.signature !== undefined) {
      const signed = {
        type: "reasoning.text",
        text: this.#thought,
        signature: delta.signature,
      } as const;
      this.#thought = "";
      this.#say({ reasoning_details: [signed] }, 0);
    } else if (delta?.partial_json !== undefined) {
      const call = this.#calls.get(index) ?? 0;
      const grown = { index: call, function: { arguments: delta.partial_json } };
      this.#say({ tool_calls: [grown] }, textBytes);
    }
  }

  #stop(): void {
    this.isOver = true;
    if (!this.counted) return;
    this.add({ ...this.#chunk([]), usage: toChatUsage(this.counted) }, 0);
  }

  #say(delta: ChatDelta, textBytes: number, finish: ChatFinish | null = null): void {
    this.add(this.#chunk([{ index: 0, delta, finish_reason: finish }]), textBytes);
  }

  #chunk(choices: ChatChunk["choices"]): ChatChunk {
    const head = { id: this.#id, object: "chat.completion.chunk", created: this.#created } as const;
    return { ...head, model: this.#model, choices };
  }
}

function withoutNulls(usage: AnthropicUsage): AnthropicUsage {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}

function parse(bytes: Buffer): unknown {
  try {
    const value = JSON.parse(bytes.toString("utf8")) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw badAnswer(error);
  }
  throw badAnswer();
}
