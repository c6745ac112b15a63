/**
 * A streamed answer -> the events of a message. Blocks come one after the other: one is begun with its
 * first piece, and ended when another kind of piece comes.
 */
import type { ReplyPiece } from "../../core/index.ts";
import type { ChatChunk, ChatFinish, ChatToolCallDelta, ChatUsage } from "../../domain/chat.ts";
import type { TokenUsage } from "../../domain/token-price.ts";
import type { ReplyWords } from "../shared/model-reply.ts";
import { encodeUsage, type MessageHead, messageOf, stopReasonOf } from "./encode.ts";
import { errorBody } from "./refusal.ts";

export function messageWords(head: MessageHead): ReplyWords {
  const stream = new MessageStream(head);
  /** The last bytes that went out as they came: how far the message was, should it be cut. */
  let passed: Buffer | undefined;
  let isCut = false;
  return {
    piece(piece: ReplyPiece) {
      if (piece.cut) {
        isCut = true;
        return passed ? cutPassed(passed, piece.cut) : stream.cut(piece.cut);
      }
      if (piece.bytes) {
        passed = piece.bytes;
        return piece.bytes;
      }
      return piece.chunk ? stream.take(piece.chunk) : "";
    },
    end: () => (passed || isCut ? "" : stream.end()),
    failed: (error) => event("error", errorBody(error)),
  };
}

class MessageStream {
  readonly #head: MessageHead;
  #hasBegun = false;
  #index = -1;
  /** The kind of the block that is open, and of a tool's which call it is. */
  #open: string | undefined;
  #finish: ChatFinish | null = null;
  #usage: ChatUsage | undefined;

  constructor(head: MessageHead) {
    this.#head = head;
  }

  take({ choices, usage }: ChatChunk): string {
    this.#usage = usage ?? this.#usage;
    let events = this.#begin();
    for (const { index, delta, finish_reason: finish } of choices) {
      // A message is one answer.
      if (index !== 0) continue;
      this.#finish = finish ?? this.#finish;
      const { reasoning_content: thought, content, refusal, tool_calls: calls } = delta ?? {};
      if (thought) events += this.#think(thought);
      if (content) events += this.#speak(content);
      if (refusal) events += this.#speak(refusal);
      for (const call of calls ?? []) events += this.#call(call);
    }
    return events;
  }

  end(): string {
    return `${this.#begin()}${this.#endBlock()}${ending(stopReasonOf(this.#finish), encodeUsage(this.#usage))}`;
  }

  cut(usage: TokenUsage): string {
    return `${this.#begin()}${this.#endBlock()}${ending("max_tokens", cutUsage(usage))}`;
  }

  #begin(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const empty = { content: [], stop_reason: null, stop_sequence: null };
    const message = { ...messageOf(this.#head), ...empty, usage: encodeUsage(this.#usage) };
    return event("message_start", { type: "message_start", message });
  }

  #think(thinking: string): string {
    const block = { type: "thinking", thinking: "", signature: "" };
    return this.#in("thinking", block) + this.#delta({ type: "thinking_delta", thinking });
  }

  #speak(text: string): string {
    return this.#in("text", { type: "text", text: "" }) + this.#delta({ type: "text_delta", text });
  }

  #call({ index, id = "", function: called }: ChatToolCallDelta): string {
    const block = { type: "tool_use", id, name: called?.name ?? "", input: {} };
    const opening = this.#in(`tool ${index}`, block);
    const json = called?.arguments ?? "";
    if (json === "") return opening;
    return opening + this.#delta({ type: "input_json_delta", partial_json: json });
  }

  #in(kind: string, content_block: object): string {
    if (this.#open === kind) return "";
    const events = this.#endBlock();
    this.#open = kind;
    this.#index += 1;
    const start = { type: "content_block_start", index: this.#index, content_block };
    return events + event("content_block_start", start);
  }

  #delta(delta: object): string {
    const grown = { type: "content_block_delta", index: this.#index, delta };
    return event("content_block_delta", grown);
  }

  #endBlock(): string {
    if (this.#open === undefined) return "";
    this.#open = undefined;
    return blockStop(this.#index);
  }
}

const BLOCK_EVENT = /"type"\s*:\s*"content_block_(start|delta|stop)"/g;
const INDEX = /"index"\s*:\s*(\d+)/g;

/** Ends a message whose bytes are an interface's own: its open block first, where it has one. */
function cutPassed(bytes: Buffer, usage: TokenUsage): string {
  const text = bytes.toString("utf8");
  const last = [...text.matchAll(BLOCK_EVENT)].at(-1);
  const index = last && [...text.slice(last.index).matchAll(INDEX)].at(0)?.[1];
  const isOpen = last?.[1] !== "stop" && index !== undefined;
  return `${isOpen ? blockStop(Number(index)) : ""}${ending("max_tokens", cutUsage(usage))}`;
}

function cutUsage({ inputTokens, outputTokens }: TokenUsage): object {
  return { input_tokens: inputTokens, output_tokens: outputTokens };
}

function blockStop(index: number): string {
  return event("content_block_stop", { type: "content_block_stop", index });
}

function ending(stopReason: string, usage: object): string {
  const delta = { stop_reason: stopReason, stop_sequence: null };
  const end = event("message_delta", { type: "message_delta", delta, usage });
  return `${end}${event("message_stop", { type: "message_stop" })}`;
}

function event(name: string, value: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
