/**
 * Executions by whoever has the model: a program that connected, or an interface that the server calls
 * itself. To its caller there is no difference.
 */
import type { Caller } from "../domain/caller.ts";
import type { ChatRequest } from "../domain/chat.ts";
import { Fault } from "../domain/fault.ts";
import {
  checkModelName,
  type Execution,
  type ExecutionEvent,
  type Executions,
  type ExecutionView,
} from "./execution.ts";
import type { DirectReply, ModelQuestion, ReplyPiece } from "./model-asking.ts";
import type { ModelCalls } from "./model-call.ts";
import type { DirectedNode } from "./model-directory.ts";
import type { Runs } from "./run.ts";
import { sha256Hex } from "./run-context.ts";

interface Dependencies {
  /** Those by programs that connected. */
  readonly executions: Executions;
  readonly calls: ModelCalls;
  readonly runs: Pick<Runs, "require">;
  readonly askDirectly: (
    caller: Caller,
    question: ModelQuestion,
    signal: AbortSignal,
  ) => Promise<DirectReply>;
}

export function createAllExecutions(deps: Dependencies): Executions {
  const { executions } = deps;

  /** The interface that is to do it, or `undefined` where it is for a program that connected. */
  async function upstreamFor(caller: Caller, asked: Execution): Promise<DirectedNode | undefined> {
    checkModelName(asked.model);
    // Who says nothing at all of whom to ask wants an agent, and an interface may have any models.
    if (asked.model === undefined && asked.providerId === undefined) return undefined;
    const { kind, providerId, model, labels } = asked;
    const node = await deps.calls.route(caller, { kind, providerId, model, labels });
    return node.via === "upstream" ? node : undefined;
  }

  return {
    nodes: () => executions.nodes(),
    async execute(caller, asked) {
      const node = await upstreamFor(caller, asked);
      if (!node) return executions.execute(caller, asked);
      const question = questionOf(asked, node, false);
      const reply = await deps.askDirectly(caller, question, new AbortController().signal);
      let text = "";
      for await (const piece of reply.pieces) text += textOf(piece);
      return viewOf(deps, caller, reply, text);
    },
    async stream(caller, asked) {
      const node = await upstreamFor(caller, asked);
      if (!node) return executions.stream(caller, asked);
      const leaving = new AbortController();
      const question = questionOf(asked, node, true);
      const reply = await deps.askDirectly(caller, question, leaving.signal);
      return { events: streamed(deps, caller, reply), stop: () => leaving.abort() };
    },
  };
}

async function* streamed(
  deps: Dependencies,
  caller: Caller,
  reply: DirectReply,
): AsyncGenerator<ExecutionEvent> {
  const { call } = reply;
  let text = "";
  let sequence = 0;
  let isCut = false;
  yield { kind: "start", call };
  for await (const piece of reply.pieces) {
    const words = textOf(piece);
    isCut = piece.cut !== undefined;
    if (words === "") continue;
    yield { kind: "chunk", sequence, text: words };
    text += words;
    sequence += 1;
  }
  yield { kind: "end", view: await viewOf(deps, caller, reply, text), text, isCut };
}

/** The run as it was settled. Its answer is kept nowhere, and goes out with it. */
async function viewOf(
  { runs }: Dependencies,
  caller: Caller,
  { call, settled }: DirectReply,
  text: string,
): Promise<ExecutionView> {
  await settled;
  const run = await runs.require(caller, call.opened.run.id);
  return { call, run: { ...run, output: text } };
}

function questionOf(asked: Execution, node: DirectedNode, isStream: boolean): ModelQuestion {
  const { instruction, maxMicros, timeoutMs } = asked;
  const model = asked.model ?? node.models[0]?.name ?? "";
  const chat: ChatRequest = {
    model,
    messages: [{ role: "user", content: instruction }],
    ...(isStream && { stream: true }),
  };
  return {
    ...{ model, providerId: node.providerId, maxMicros, timeoutMs, choices: 1 },
    request: {
      // It is worded for whichever interface it is.
      ...{ dialect: "converted", body: Buffer.alloc(0), isStream, wantsUsage: false },
      toChat: () => chat,
      toEmbeddings() {
        throw new Fault("invalid_request", "An execution asks for words.", { field: "kind" });
      },
    },
    inputBytes: Buffer.byteLength(instruction),
    outputTokensMax: undefined,
    chainId: undefined,
    inputDigest: sha256Hex(instruction),
  };
}

function textOf(piece: ReplyPiece): string {
  if (piece.cut) return "";
  const { chunk, response } = piece;
  if (chunk) return chunk.choices[0]?.delta.content ?? "";
  const content = response?.choices[0]?.message.content;
  return typeof content === "string" ? content : "";
}
