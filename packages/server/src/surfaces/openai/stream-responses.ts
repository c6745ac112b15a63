/**
 * A streamed answer to a chat -> the events of a response. An item is begun with its first piece, grows,
 * and is ended when another one begins: items of a response come one after the other.
 */
import type { ReplyPiece } from "../../core/index.ts";
import type { ChatChunk, ChatFinish, ChatToolCallDelta, ChatUsage } from "../../domain/chat.ts";
import type { ReplyWords } from "../shared/model-reply.ts";
import { encodeUsage as toChatUsage } from "./encode.ts";
import {
  callItem,
  endOf,
  messageItem,
  type ResponseHead,
  type ResponseState,
  reasoningItem,
  refusalPart,
  responseOf,
  textPart,
} from "./encode-responses.ts";
import { errorBody } from "./refusal.ts";

/** A refusal is a message that has nothing else in it. */
type Kind = "message" | "refusal" | "reasoning" | "function_call";

interface Item {
  readonly kind: Kind;
  readonly index: number;
  readonly id: string;
  /** Of a call, its number among the chunks' calls. */
  readonly call: number;
  readonly callId: string;
  readonly name: string;
  text: string;
}

export function responsesWords(head: ResponseHead): ReplyWords {
  const stream = new ResponseStream(head);
  let isPassed = false;
  return {
    piece(piece: ReplyPiece) {
      if (piece.cut) return stream.end("length", toChatUsage(piece.cut));
      if (piece.bytes) {
        isPassed = true;
        stream.beganElsewhere();
        return piece.bytes;
      }
      return piece.chunk ? stream.take(piece.chunk) : "";
    },
    end: () => (isPassed ? "" : stream.end(undefined, undefined)),
    failed: (error) => stream.fail(error),
  };
}

class ResponseStream {
  readonly #head: ResponseHead;
  readonly #output: object[] = [];
  #sequence = 0;
  #hasBegun = false;
  #hasEnded = false;
  #item: Item | undefined;
  #finish: ChatFinish | null = null;
  #usage: ChatUsage | undefined;

  constructor(head: ResponseHead) {
    this.#head = head;
  }

  /** The interface says it in its own words, from the beginning on. */
  beganElsewhere(): void {
    this.#hasBegun = true;
  }

  take({ choices, usage }: ChatChunk): string {
    this.#usage = usage ?? this.#usage;
    let events = this.#begin();
    for (const { index, delta, finish_reason: finish } of choices) {
      // A response is one answer.
      if (index !== 0) continue;
      this.#finish = finish ?? this.#finish;
      if (delta?.reasoning_content) events += this.#grow("reasoning", delta.reasoning_content);
      if (delta?.content) events += this.#grow("message", delta.content);
      if (delta?.refusal) events += this.#grow("refusal", delta.refusal);
      for (const call of delta?.tool_calls ?? []) events += this.#growCall(call);
    }
    return events;
  }

  end(finish: ChatFinish | undefined, usage: ChatUsage | undefined): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    const events = this.#begin() + this.#endItem();
    const end = endOf(finish ?? this.#finish);
    const state: ResponseState = {
      ...end,
      output: this.#output,
      usage: usage ?? this.#usage,
    };
    return `${events}${this.#say(`response.${end.status}`, { response: this.#response(state) })}`;
  }

  fail(error: unknown): string {
    if (this.#hasEnded) return "";
    this.#hasEnded = true;
    const body = errorBody(error).error as { code: string; message: string };
    const { code, message } = body;
    return this.#say("error", { code, message, param: null });
  }

  #begin(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const state: ResponseState = { status: "in_progress", output: [], usage: undefined };
    const response = this.#response(state);
    return (
      this.#say("response.created", { response }) + this.#say("response.in_progress", { response })
    );
  }

  #grow(kind: "message" | "refusal" | "reasoning", text: string): string {
    const opening = this.#item?.kind === kind ? "" : this.#beginItem({ kind });
    const item = this.#item as Item;
    item.text += text;
    const place = { item_id: item.id, output_index: item.index, delta: text };
    if (kind === "reasoning") {
      const thought = { ...place, summary_index: 0 };
      return opening + this.#say("response.reasoning_summary_text.delta", thought);
    }
    const inside = { ...place, content_index: 0 };
    if (kind === "refusal") return opening + this.#say("response.refusal.delta", inside);
    return opening + this.#say("response.output_text.delta", { ...inside, logprobs: [] });
  }

  #growCall({ index, id, function: called }: ChatToolCallDelta): string {
    const isSame = this.#item?.kind === "function_call" && this.#item.call === index;
    const begun = { kind: "function_call", call: index, callId: id, name: called?.name } as const;
    const opening = isSame ? "" : this.#beginItem(begun);
    const delta = called?.arguments ?? "";
    if (delta === "") return opening;
    const item = this.#item as Item;
    item.text += delta;
    const place = { item_id: item.id, output_index: item.index, delta };
    return opening + this.#say("response.function_call_arguments.delta", place);
  }

  #beginItem(begun: {
    readonly kind: Kind;
    readonly call?: number;
    readonly callId?: string | undefined;
    readonly name?: string | undefined;
  }): string {
    const events = this.#endItem();
    const { kind, call = -1, callId = "", name = "" } = begun;
    const index = this.#output.length;
    const id = `${PREFIXES[kind]}_${this.#head.runId}_${index}`;
    this.#item = { kind, index, id, call, callId, name, text: "" };
    const item = this.#encode(this.#item, "in_progress");
    const added = this.#say("response.output_item.added", { output_index: index, item });
    const place = { item_id: id, output_index: index };
    if (kind === "message" || kind === "refusal") {
      const part = { ...place, content_index: 0, part: partOf(kind, "") };
      return events + added + this.#say("response.content_part.added", part);
    }
    if (kind === "reasoning") {
      const part = { ...place, summary_index: 0, part: { type: "summary_text", text: "" } };
      return events + added + this.#say("response.reasoning_summary_part.added", part);
    }
    return events + added;
  }

  #endItem(): string {
    const item = this.#item;
    if (!item) return "";
    this.#item = undefined;
    const { kind, index, id, text } = item;
    const encoded = this.#encode(item, "completed");
    this.#output.push(encoded);
    const place = { item_id: id, output_index: index };
    let events = "";
    if (kind === "message" || kind === "refusal") {
      const inside = { ...place, content_index: 0 };
      events +=
        kind === "message"
          ? this.#say("response.output_text.done", { ...inside, text, logprobs: [] })
          : this.#say("response.refusal.done", { ...inside, refusal: text });
      events += this.#say("response.content_part.done", { ...inside, part: partOf(kind, text) });
    } else if (kind === "reasoning") {
      const inside = { ...place, summary_index: 0 };
      events += this.#say("response.reasoning_summary_text.done", { ...inside, text });
      const part = { type: "summary_text", text };
      events += this.#say("response.reasoning_summary_part.done", { ...inside, part });
    } else {
      const { name } = item;
      events += this.#say("response.function_call_arguments.done", {
        ...place,
        name,
        arguments: text,
      });
    }
    return events + this.#say("response.output_item.done", { output_index: index, item: encoded });
  }

  #encode({ kind, index, callId, name, text }: Item, status: "in_progress" | "completed"): object {
    const isOver = status === "completed";
    if (kind === "message" || kind === "refusal")
      return messageItem(this.#head, index, isOver ? [partOf(kind, text)] : [], status);
    if (kind === "reasoning") return reasoningItem(this.#head, index, text);
    const called = { name, arguments: text };
    return callItem(this.#head, index, { id: callId, type: "function", function: called }, status);
  }

  #response(state: ResponseState): object {
    return responseOf(this.#head, state);
  }

  #say(type: string, fields: object): string {
    const event = { type, sequence_number: this.#sequence, ...fields };
    this.#sequence += 1;
    return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

function partOf(kind: "message" | "refusal", text: string): object {
  return kind === "message" ? textPart(text) : refusalPart(text);
}

const PREFIXES: Readonly<Record<Kind, string>> = {
  message: "msg",
  refusal: "msg",
  reasoning: "rs",
  function_call: "fc",
};
