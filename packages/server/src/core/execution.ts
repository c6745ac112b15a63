/**
 * Executions: an instruction, done by a model that somebody connected (OpenMarlin contract §6).
 *
 *   1. The call is routed and opened: from here on its run is acknowledged.
 *   2. Its node is told. One that is lost, or refuses, before it has answered anything is replaced once
 *      by another that fits, unless the caller named it.
 *   3. The answer is given whole, or handed on as it comes; what is handed on is paid for.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isModelName } from "../domain/model.ts";
import { tokensIn } from "../domain/token-price.ts";
import type { CallStream } from "./call-streams.ts";
import type { CallOrder, ModelCalls, OpenCall } from "./model-call.ts";
import { dispatch, type RunView, viewAtEnd } from "./run.ts";
import type { RunContext } from "./run-context.ts";

/** What is asked for. */
export interface Execution {
  readonly instruction: string;
  readonly kind: string;
  readonly providerId: string | undefined;
  readonly model: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Opaque to us: which agent of the node's is to do it. */
  readonly agentId: string | undefined;
  /** Opaque to us: which conversation it belongs to. A node sees it together with the workspace. */
  readonly sessionKey: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  readonly timeoutMs: number;
  readonly maxMicros: bigint | undefined;
}

/** What a node is told of an execution: the input of its run. */
export interface ExecutionInput {
  readonly instruction: string;
  /** As the node itself calls it. */
  readonly model: string;
  readonly is_streamed: boolean;
  readonly timeout_ms: number;
  readonly agent_id?: string;
  readonly session_key?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** An execution that is under way or done. */
export interface ExecutionView {
  readonly call: OpenCall;
  readonly run: RunView;
}

/** A streamed execution as it comes. It ends with `end`, or by throwing what it failed with. */
export type ExecutionEvent =
  | { readonly kind: "start"; readonly call: OpenCall }
  | { readonly kind: "chunk"; readonly sequence: number; readonly text: string }
  | {
      readonly kind: "end";
      readonly view: ExecutionView;
      /** All that was handed on. */
      readonly text: string;
      /** Whether it was cut, because it had come to what is held. */
      readonly isCut: boolean;
    };

export interface Executions {
  /** Who is there. */
  nodes: ModelCalls["nodes"];
  /**
   * Throws what refused it, or what it failed with. The signal fires when the caller goes away: an
   * answer that is kept nowhere is then not wanted any more; one that is kept can be asked for later.
   */
  execute(caller: Caller, execution: Execution, leaving: AbortSignal): Promise<ExecutionView>;
  /**
   * Opens it and gives its answer as it comes. What refuses it is thrown here; what it fails with
   * later, while reading.
   */
  stream(caller: Caller, execution: Execution, leaving: AbortSignal): Promise<ExecutionStream>;
}

export interface ExecutionStream {
  /** The run that is under way: another one, where its provider was replaced. */
  runId(): string;
  readonly events: AsyncIterable<ExecutionEvent>;
  /** Whoever asked has gone: what was handed on is paid, and the rest is not wanted. */
  stop(): void;
}

/** The first and one more. */
const PROVIDERS_MAX = 2;
/** A provider that failed with one of these has not begun, or is not there to go on. */
const REPLACED = new Set(["provider_offline", "provider_busy"]);

export function createExecutions(context: RunContext, calls: ModelCalls): Executions {
  return {
    nodes: () => calls.nodes(),
    async execute(caller, execution) {
      checkModelName(execution.model);
      const except = new Set<string>();
      let call = await open(calls, caller, execution, except, false);
      for (let asked = 1; ; asked++) {
        await send(context, call);
        const run = await viewAtEnd(context, call.opened.run);
        if (!run.fault) return { call, run };
        except.add(call.node.providerId);
        const next =
          mayAskAnother(execution, run.fault, asked) &&
          (await another(calls, caller, execution, except, false));
        if (!next) throw afterwards(run.fault);
        call = next;
      }
    },
    async stream(caller, execution, leaving) {
      checkModelName(execution.model);
      const call = await open(calls, caller, execution, new Set(), true);
      const line: Line = {
        runId: call.opened.run.id,
        isStopped: leaving.aborted,
        stream: undefined,
      };
      const stop = () => {
        line.isStopped = true;
        line.stream?.close();
      };
      leaving.addEventListener("abort", stop, { once: true });
      const events = streamed(context, calls, caller, execution, call, line);
      return { runId: () => line.runId, events, stop };
    },
  };
}

/** The stream that is being read, for whoever stops it. */
interface Line {
  runId: string;
  isStopped: boolean;
  stream: CallStream | undefined;
}

async function* streamed(
  context: RunContext,
  calls: ModelCalls,
  caller: Caller,
  execution: Execution,
  first: OpenCall,
  line: Line,
): AsyncGenerator<ExecutionEvent> {
  const except = new Set<string>();
  for (let call = first, asked = 1; ; asked++) {
    const { text, run, isCut } = yield* call.opened.run.call?.isStreamed
      ? readStream(context, call, line)
      : readWhole(context, call);
    if (run.fault && text === "" && !line.isStopped && mayAskAnother(execution, run.fault, asked)) {
      except.add(call.node.providerId);
      const next = await another(calls, caller, execution, except, true);
      if (next) {
        call = next;
        line.runId = call.opened.run.id;
        continue;
      }
    }
    if (run.fault) throw afterwards(run.fault);
    if (text === "") yield { kind: "start", call };
    // What was handed on is the answer of a node that does not say it again at its end.
    const view = { call, run: { ...run, output: run.output ?? text } };
    yield { kind: "end", view, text, isCut };
    return;
  }
}

/** Whoever else could do it, or `undefined`: then what the first one failed with is said. */
async function another(
  calls: ModelCalls,
  caller: Caller,
  execution: Execution,
  except: ReadonlySet<string>,
  isStreamed: boolean,
): Promise<OpenCall | undefined> {
  try {
    return await open(calls, caller, execution, except, isStreamed);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** Reads one provider's answer. That it began is said with its first chunk: until then it may be replaced. */
async function* readStream(
  context: RunContext,
  call: OpenCall,
  line: Line,
): AsyncGenerator<ExecutionEvent, { text: string; run: RunView; isCut: boolean }> {
  const { run } = call.opened;
  const stream = context.streams.open(run.id);
  line.stream = stream;
  if (line.isStopped) stream.close();
  let text = "";
  let bytes = 0;
  let sequence = 0;
  try {
    await send(context, call);
    const ending = viewAtEnd(context, run).finally(() => stream.finish());
    // Its failure is looked at below, once what came before it was read.
    ending.catch(() => undefined);
    for await (const chunk of stream) {
      // Nothing was said with it: its node may still be replaced.
      if (chunk === "") continue;
      const room = call.affordableTokens - tokensIn(bytes);
      const handed = tokensIn(Buffer.byteLength(chunk)) <= room ? chunk : cutTo(chunk, room);
      if (sequence === 0) yield { kind: "start", call };
      if (handed !== "") yield { kind: "chunk", sequence, text: handed };
      sequence += 1;
      text += handed;
      bytes += Buffer.byteLength(handed);
      if (handed.length < chunk.length) {
        return { text, isCut: true, run: await cut(context, call, tokensIn(bytes)) };
      }
    }
    return { text, isCut: false, run: await ending };
  } finally {
    // Whoever reads no more, or was cut off, has gone; where all was read this changes nothing.
    stream.close();
  }
}

/** A provider at another process, which nothing but the database reaches: its answer comes as one. */
async function* readWhole(
  context: RunContext,
  call: OpenCall,
): AsyncGenerator<ExecutionEvent, { text: string; run: RunView; isCut: boolean }> {
  await send(context, call);
  const run = await viewAtEnd(context, call.opened.run);
  if (run.fault || typeof run.output !== "string") return { text: "", run, isCut: false };
  yield { kind: "start", call };
  yield { kind: "chunk", sequence: 0, text: run.output };
  return { text: run.output, run, isCut: false };
}

/** As much of a text as so many tokens are for, by our count, without cutting a character apart. */
function cutTo(text: string, tokens: number): string {
  let bytes = tokens * 4;
  let end = 0;
  for (const character of text) {
    bytes -= Buffer.byteLength(character);
    if (bytes < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}

async function cut(context: RunContext, call: OpenCall, outputTokens: number): Promise<RunView> {
  const { run } = call.opened;
  const phase = outputTokens > 0 ? "during" : "before";
  const errorMessage = "The answer had come to what was held for it.";
  await call.end({ end: "hold", phase, usage: undefined, outputTokens, errorMessage });
  context.dispatcher.cancel(run.agentId, run.id, run.attempt, "its budget is used up");
  return viewAtEnd(context, run);
}

async function open(
  calls: ModelCalls,
  caller: Caller,
  execution: Execution,
  except: ReadonlySet<string>,
  isStreamed: boolean,
): Promise<OpenCall> {
  const { kind, providerId, model, labels, maxMicros, timeoutMs, instruction } = execution;
  const order: Omit<CallOrder, "input"> = {
    ...{ kind, providerId, model, labels, maxMicros, timeoutMs, isStreamed, except },
    via: "node",
    inputBytes: Buffer.byteLength(instruction),
    outputTokensMax: undefined,
    chainId: undefined,
    idempotencyKey: undefined,
    requestHash: undefined,
  };
  const input = (own: string) => JSON.stringify(inputOf(caller, execution, own, isStreamed));
  return calls.open(caller, { ...order, input });
}

/** @throws {Fault} `invalid_request` */
export function checkModelName(model: string | undefined): void {
  if (model === undefined || isModelName(model)) return;
  const rule = "model must be an exact name such as openai-codex/gpt-5.4.";
  throw new Fault("invalid_request", rule, { field: "model" });
}

function inputOf(
  caller: Caller,
  { instruction, agentId, sessionKey, metadata, timeoutMs }: Execution,
  model: string,
  isStreamed: boolean,
): ExecutionInput {
  return {
    instruction,
    model,
    is_streamed: isStreamed,
    timeout_ms: timeoutMs,
    ...(agentId !== undefined && { agent_id: agentId }),
    // Two workspaces may name their conversations alike.
    ...(sessionKey !== undefined && { session_key: `${caller.workspaceId}:${sessionKey}` }),
    ...(metadata && { metadata }),
  };
}

async function send(context: RunContext, { opened, input }: OpenCall): Promise<void> {
  await dispatch(context, opened, { input: JSON.parse(input), manifest: {} });
}

/** Of work that had been sent it is said that it failed, not that nobody is there. */
function afterwards(fault: Fault): Fault {
  return REPLACED.has(fault.code as string) ? new Fault("provider_failed", fault.message) : fault;
}

function mayAskAnother(execution: Execution, fault: Fault, asked: number): boolean {
  return (
    execution.providerId === undefined &&
    asked < PROVIDERS_MAX &&
    REPLACED.has(fault.code as string)
  );
}
