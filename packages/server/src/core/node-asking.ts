/**
 * Asks models that somebody connected, for whoever speaks a wire of models' interfaces: the talk becomes
 * an instruction, and what the node answers becomes the answer of a chat.
 */
import type { Caller } from "../domain/caller.ts";
import type {
  ChatChunk,
  ChatContent,
  ChatDelta,
  ChatMessage,
  ChatRequest,
  ChatResponse,
  ChatUsage,
} from "../domain/chat.ts";
import { Fault } from "../domain/fault.ts";
import type { TokenUsage } from "../domain/token-price.ts";
import type { Clock } from "../lib/clock.ts";
import type { Execution, ExecutionEvent, Executions, ExecutionView } from "./execution.ts";
import type { ModelQuestion, ModelReply, ReplyPiece } from "./model-asking.ts";

export interface NodeAsking {
  readonly executions: Executions;
  readonly clock: Clock;
}

/** As long as an execution may take unless its caller says otherwise. */
const TIMEOUT_MS = 300_000;
const INSTRUCTION_CHARS_MAX = 100_000;
const KIND = "agent_run";

/** @throws {Fault} `invalid_request` where a node has nothing for what is asked; what executions throw */
export async function askNode(
  { executions, clock }: NodeAsking,
  caller: Caller,
  question: ModelQuestion,
  signal: AbortSignal,
): Promise<ModelReply> {
  // Its ceiling would not hold for what is done here.
  if (question.chainId !== undefined)
    throw invalid("chain", "This model's calls belong to no chain.");
  if (question.idempotencyKey !== undefined)
    throw invalid("idempotency-key", "This model's calls take no idempotency key.");
  if (question.choices > 1) throw invalid("n", "This model gives one answer at a time.");
  const chat = question.request.toChat();
  const execution: Execution = {
    ...{ instruction: instructionOf(chat), kind: KIND, model: question.model },
    ...{ providerId: undefined, labels: {}, agentId: undefined, sessionKey: undefined },
    ...{ metadata: undefined, timeoutMs: TIMEOUT_MS, maxMicros: question.maxMicros },
  };
  const head = { created: Math.floor(clock.now().getTime() / 1000), model: question.model };
  if (!question.request.isStream) {
    const view = await executions.execute(caller, execution, signal);
    return { runId: view.call.opened.run.id, pieces: wholeOf(view, head) };
  }
  const { events, stop } = await executions.stream(caller, execution, signal);
  const reading = events[Symbol.asyncIterator]();
  // What fails before the first word is a refusal yet.
  const first = await reading.next();
  if (first.done || first.value.kind !== "start") throw new Error("a stream without a start");
  const runId = first.value.call.opened.run.id;
  return { runId, pieces: chunksOf(reading, { ...head, id: `chatcmpl-${runId}` }, stop) };
}

interface Head {
  readonly created: number;
  readonly model: string;
}

async function* wholeOf(
  { call, run }: ExecutionView,
  head: Head,
): AsyncGenerator<ReplyPiece, void> {
  const content = contentOf(run.output);
  const response: ChatResponse = {
    ...{ id: `chatcmpl-${call.opened.run.id}`, object: "chat.completion", ...head },
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    ...(run.usage && { usage: toChatUsage(run.usage) }),
  };
  yield { response, ...textOf(content) };
}

async function* chunksOf(
  reading: AsyncIterator<ExecutionEvent>,
  head: Head & { readonly id: string },
  stop: () => void,
): AsyncGenerator<ReplyPiece, void> {
  const chunk = (choices: ChatChunk["choices"]): ChatChunk => {
    return { object: "chat.completion.chunk", ...head, choices };
  };
  const say = (delta: ChatDelta, finish: "stop" | null = null): ReplyPiece => {
    const choice = { index: 0, delta, finish_reason: finish };
    return { chunk: chunk([choice]), ...textOf(delta.content ?? "") };
  };
  try {
    yield say({ role: "assistant", content: "" });
    for (;;) {
      const { done, value: event } = await reading.next();
      if (done) return;
      if (event.kind === "chunk") yield say({ content: event.text });
      if (event.kind !== "end") continue;
      const { usage } = event.view.run;
      if (event.isCut) {
        yield { cut: usage ?? { inputTokens: 0, cachedTokens: 0, outputTokens: 0 } };
        return;
      }
      const rest = restOf(event);
      if (rest !== "") yield say({ content: rest });
      yield say({}, "stop");
      if (usage) yield { chunk: { ...chunk([]), usage: toChatUsage(usage) }, ...textOf("") };
    }
  } finally {
    // Whoever reads no more has gone; where all was read this changes nothing.
    stop();
    await reading.return?.();
  }
}

/** What an answer has beyond its pieces: all of it where a node sends none, though asked for them. */
function restOf({ text, view }: Extract<ExecutionEvent, { kind: "end" }>): string {
  const whole = contentOf(view.run.output);
  return whole.startsWith(text) ? whole.slice(text.length) : "";
}

/** An answer as a chat has it: a text, whatever JSON it is. */
function contentOf(output: unknown): string {
  return typeof output === "string" ? output : JSON.stringify(output);
}

function textOf(text: string): { readonly textBytes: number; readonly textEvents: number } {
  return { textBytes: Buffer.byteLength(text), textEvents: text === "" ? 0 : 1 };
}

function toChatUsage({ inputTokens, cachedTokens, outputTokens }: TokenUsage): ChatUsage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** What a node is told: the only thing that is said, or the whole talk with who said what. */
function instructionOf({ messages, tools }: ChatRequest): string {
  if (tools && tools.length > 0) throw invalid("tools", "This model does not call tools.");
  const [only] = messages;
  const text =
    messages.length === 1 && only?.role === "user"
      ? wordsOf(only.content)
      : messages.map((message) => `${message.role}: ${saidBy(message)}`).join("\n\n");
  if (text.trim() === "") throw invalid("messages", "Nothing is asked.");
  if (text.length <= INSTRUCTION_CHARS_MAX) return text;
  throw invalid("messages", `This model takes at most ${INSTRUCTION_CHARS_MAX} characters.`);
}

/** A refusal is what a model said instead. */
function saidBy(message: ChatMessage): string {
  const refusal = message.role === "assistant" ? message.refusal : undefined;
  return wordsOf(message.content ?? refusal ?? "");
}

function wordsOf(content: ChatContent): string {
  if (typeof content === "string") return content;
  return content
    .map((part) => {
      if (part.type === "text") return part.text;
      if (part.type === "refusal") return part.refusal;
      throw invalid("messages", "This model takes text only.");
    })
    .join("\n");
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
