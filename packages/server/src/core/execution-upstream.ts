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
import type { ModelCalls, Route, WantedRoute } from "./model-call.ts";
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

/** No program that connected can do it now. */
const MISSING: ReadonlySet<string> = new Set(["provider_not_found", "provider_busy"]);

export function createAllExecutions(deps: Dependencies): Executions {
  const { executions } = deps;

  /** The interface that is to do it, or `undefined` where it is for a program that connected. */
  async function upstreamFor(caller: Caller, asked: Execution): Promise<Route | undefined> {
    checkModelName(asked.model);
    const { kind, providerId, model, labels } = asked;
    const wanted = { kind, providerId, model, labels };
    const route =
      model === undefined && providerId === undefined
        ? await anybody(caller, wanted)
        : await deps.calls.route(caller, wanted);
    return route.node.via === "upstream" ? route : undefined;
  }

  /** Who leaves all to the server wants an agent first; an interface answers where there is none. */
  async function anybody(caller: Caller, wanted: WantedRoute): Promise<Route> {
    try {
      return await deps.calls.route(caller, { ...wanted, via: "node" });
    } catch (error) {
      if (!(error instanceof Fault) || !MISSING.has(error.code)) throw error;
      return deps.calls.route(caller, { ...wanted, via: "upstream" }).catch((other: unknown) => {
        // That the programs are busy says more than that there is no interface.
        throw (other as Fault).code === "provider_not_found" ? error : other;
      });
    }
  }

  return {
    async nodes() {
      // What makes videos answers nobody: tasks are asked for elsewhere (core/task.ts).
      return (await executions.nodes()).filter(({ kinds }) =>
        kinds.some((kind) => kind !== "video"),
      );
    },
    async execute(caller, asked, leaving) {
      const route = await upstreamFor(caller, asked);
      if (!route) return executions.execute(caller, asked, leaving);
      const reply = await deps.askDirectly(caller, questionOf(asked, route, false), leaving);
      let text = "";
      for await (const piece of reply.pieces) {
        // It is kept nowhere, and was not handed to anybody: whoever reads no further does not pay.
        if (leaving.aborted) throw new Fault("cancelled", "Nobody waits for the answer any more.");
        text += textOf(piece);
      }
      return viewOf(deps, caller, reply, text);
    },
    async stream(caller, asked, leaving) {
      const route = await upstreamFor(caller, asked);
      if (!route) return executions.stream(caller, asked, leaving);
      const stopping = new AbortController();
      const signal = AbortSignal.any([leaving, stopping.signal]);
      const reply = await deps.askDirectly(caller, questionOf(asked, route, true), signal);
      const { runId } = reply;
      return {
        events: streamed(deps, caller, reply),
        runId: () => runId,
        stop: () => stopping.abort(),
      };
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

function questionOf(
  asked: Execution,
  { node, model: { name: model } }: Route,
  isStream: boolean,
): ModelQuestion {
  const { instruction, maxMicros, timeoutMs } = asked;
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

/** What is said in a piece. A model that refuses says so in a place of its own, and is paid for it. */
function textOf(piece: ReplyPiece): string {
  if (piece.cut) return "";
  const { chunk, response } = piece;
  const said = chunk ? chunk.choices[0]?.delta : response?.choices[0]?.message;
  return said?.content || said?.refusal || "";
}
