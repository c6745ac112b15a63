/** An answer to a chat -> a response of this wire. */
import type { ReplyPiece } from "../../core/index.ts";
import type { ChatAnswer, ChatFinish, ChatToolCall, ChatUsage } from "../../domain/chat.ts";
import type { Fields } from "../shared/model-body.ts";

/** What a response says of its request, beside its answer. */
export interface ResponseHead {
  readonly runId: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly asked: Fields;
}

export type ResponseStatus = "in_progress" | "completed" | "incomplete" | "failed";

export interface ResponseState {
  readonly status: ResponseStatus;
  readonly output: readonly object[];
  readonly usage: ChatUsage | undefined;
  /** Why it is incomplete. */
  readonly reason?: "max_output_tokens" | "content_filter";
  readonly error?: object;
}

/** A response that comes at once. */
export function encodeResponse(piece: ReplyPiece, head: ResponseHead): Buffer | string {
  if (piece.cut) throw new Error("an answer that comes at once is not cut");
  if (piece.bytes) return piece.bytes;
  const { choices, usage } = piece.response ?? { choices: [], usage: undefined };
  const [choice] = choices;
  const { message, finish_reason: finish } = choice ?? { message: undefined, finish_reason: null };
  const output: object[] = [];
  if (message?.reasoning_content) output.push(reasoningItem(head, 0, message.reasoning_content));
  const parts = message ? partsOf(message) : [];
  if (parts.length > 0) output.push(messageItem(head, output.length, parts, "completed"));
  for (const call of message?.tool_calls ?? []) {
    output.push(callItem(head, output.length, call, "completed"));
  }
  return JSON.stringify(responseOf(head, { ...endOf(finish), output, usage }));
}

/** What was said, and what a model said instead of an answer. */
function partsOf({ content, refusal }: ChatAnswer): readonly object[] {
  const said = typeof content === "string" && (content !== "" || !refusal);
  return [...(said ? [textPart(content)] : []), ...(refusal ? [refusalPart(refusal)] : [])];
}

export function endOf(finish: ChatFinish | null): Pick<ResponseState, "status" | "reason"> {
  if (finish === "length") return { status: "incomplete", reason: "max_output_tokens" };
  if (finish === "content_filter") return { status: "incomplete", reason: "content_filter" };
  return { status: "completed" };
}

export function responseOf(head: ResponseHead, state: ResponseState): object {
  const { asked } = head;
  return {
    id: `resp_${head.runId}`,
    object: "response",
    created_at: head.createdAt,
    status: state.status,
    error: state.error ?? null,
    incomplete_details: state.reason === undefined ? null : { reason: state.reason },
    instructions: asked.instructions ?? null,
    max_output_tokens: asked.max_output_tokens ?? null,
    model: head.model,
    output: state.output,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: asked.reasoning ?? { effort: null, summary: null },
    store: false,
    temperature: asked.temperature ?? 1,
    text: asked.text ?? { format: { type: "text" } },
    tool_choice: asked.tool_choice ?? "auto",
    tools: asked.tools ?? [],
    top_p: asked.top_p ?? 1,
    truncation: "disabled",
    usage: state.usage ? encodeUsage(state.usage) : null,
    metadata: asked.metadata ?? {},
  };
}

function encodeUsage(usage: ChatUsage): object {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
  };
}

export function messageItem(
  { runId }: ResponseHead,
  index: number,
  content: readonly object[],
  status: "in_progress" | "completed",
): object {
  return { type: "message", id: `msg_${runId}_${index}`, status, role: "assistant", content };
}

export function textPart(text: string): object {
  return { type: "output_text", text, annotations: [] };
}

export function refusalPart(refusal: string): object {
  return { type: "refusal", refusal };
}

export function callItem(
  { runId }: ResponseHead,
  index: number,
  { id, function: { name, arguments: json } }: ChatToolCall,
  status: "in_progress" | "completed",
): object {
  const head = { type: "function_call", id: `fc_${runId}_${index}`, call_id: id };
  return { ...head, name, arguments: json, status };
}

export function reasoningItem({ runId }: ResponseHead, index: number, text: string): object {
  const summary = text === "" ? [] : [{ type: "summary_text", text }];
  return { type: "reasoning", id: `rs_${runId}_${index}`, summary };
}
