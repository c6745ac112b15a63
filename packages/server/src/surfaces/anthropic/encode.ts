/** Answers of models -> this wire's words. What came in them already goes out as it is. */
import type { ReplyPiece } from "../../core/index.ts";
import type { ChatFinish, ChatUsage } from "../../domain/chat.ts";

/** What a message says of itself, beside its answer. */
export interface MessageHead {
  readonly runId: string;
  readonly model: string;
}

const STOP_REASONS = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "refusal",
} as const satisfies Record<ChatFinish, string>;

export function stopReasonOf(finish: ChatFinish | null | undefined): string {
  return finish ? STOP_REASONS[finish] : "end_turn";
}

/** A message that comes at once. */
export function encodeMessage(piece: ReplyPiece, head: MessageHead): Buffer | string {
  if (piece.cut) throw new Error("an answer that comes at once is not cut");
  if (piece.bytes) return piece.bytes;
  const [choice] = piece.response?.choices ?? [];
  const { message, finish_reason: finish } = choice ?? {};
  const content: object[] = [];
  if (message?.reasoning_content) content.push(thinkingBlock(message.reasoning_content));
  const said = message?.content ?? message?.refusal;
  if (said) content.push({ type: "text", text: said });
  for (const { id, function: called } of message?.tool_calls ?? []) {
    content.push({ type: "tool_use", id, name: called.name, input: inputOf(called.arguments) });
  }
  return JSON.stringify({
    ...messageOf(head),
    content,
    stop_reason: stopReasonOf(finish),
    stop_sequence: null,
    usage: encodeUsage(piece.response?.usage),
  });
}

export function messageOf({ runId, model }: MessageHead): object {
  return { id: `msg_${runId}`, type: "message", role: "assistant", model };
}

/** It was signed by nobody, so it goes back to nobody. */
function thinkingBlock(thinking: string): object {
  return { type: "thinking", thinking, signature: "" };
}

/** A model may write what is no JSON; a client of this wire expects an object. */
function inputOf(json: string): unknown {
  try {
    return json === "" ? {} : JSON.parse(json);
  } catch {
    return { invalid_json: json };
  }
}

/** On this wire what was cached comes beside the input, not within it. */
export function encodeUsage(usage: ChatUsage | null | undefined): object {
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  return {
    input_tokens: Math.max(0, (usage?.prompt_tokens ?? 0) - cached),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: usage?.completion_tokens ?? 0,
  };
}
