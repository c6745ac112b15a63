/**
 * Asks models behind interfaces that the server calls itself, for whoever speaks a wire of theirs.
 *
 *   1. The call is routed and opened: the most that it may cost is held.
 *   2. The interface is asked. Where it fails before its first byte, nothing is paid, and another
 *      provider of the same model may be asked.
 *   3. Each piece of the answer is handed on, and counted as delivered once it was taken.
 *   4. It ends once: with its last piece, with a failure, where its reader stops, or where what was
 *      delivered has come to what is held. The settlement follows the last piece; nobody waits for it.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { CallEnd, CallPhase } from "../domain/settlement.ts";
import { type TokenUsage, tokensIn } from "../domain/token-price.ts";
import type { Log } from "../lib/log.ts";
import { type CallKeeper, createCallKeeper, type KeptCall, stopping } from "./call-keeping.ts";
import type { CallOrder, ModelCalls, OpenCall } from "./model-call.ts";
import { askNode, type NodeAsking } from "./node-asking.ts";
import type { AnswerPiece, ModelAnswer, ModelRequest, ModelUpstreams } from "./ports.ts";
import { sha256Hex } from "./run-context.ts";
import type { UpstreamDirectory } from "./upstream-directory.ts";

/** What a caller asks of a model. */
export interface ModelQuestion {
  readonly model: string;
  /** Only this provider, where one is named. */
  readonly providerId?: string;
  readonly request: ModelRequest;
  /** How long it may take; a quarter of an hour where nothing is said. */
  readonly timeoutMs?: number;
  /** Bytes of what the model is given to read, in favour of whoever pays. */
  readonly inputBytes: number;
  /** As many as it may come to at most, where that is more. */
  readonly inputBytesMost?: number;
  /** How many answers are asked for: each may be as long as the limit says. */
  readonly choices: number;
  /** The most tokens of output that the caller asked for, all answers together. */
  readonly outputTokensMax: number | undefined;
  /** The most that the caller is willing to pay. */
  readonly maxMicros: bigint | undefined;
  readonly chainId: string | undefined;
  /** SHA-256 of what was asked, in hex. */
  readonly inputDigest: string;
  /** The caller's own name for this call. Its answer is not kept: a second call by that name is refused. */
  readonly idempotencyKey?: string | undefined;
}

/** A part of an answer; the last one where it was cut says so, and what had been delivered. */
export type ReplyPiece =
  | (AnswerPiece & { readonly cut?: undefined })
  | { readonly cut: TokenUsage };

/** An answer that has begun. */
export interface ModelReply {
  readonly runId: string;
  /**
   * To be read once, each piece taken when it was handed on. Its end settles the call, as does whoever
   * stops reading. Throws what the answer failed with.
   */
  readonly pieces: AsyncGenerator<ReplyPiece, void>;
}

/** An answer of an interface that the server called itself. */
export interface DirectReply extends ModelReply {
  readonly call: OpenCall;
  /** Resolves once it is settled, after its pieces were read. */
  readonly settled: Promise<void>;
}

export interface Models {
  /**
   * Asks, and resolves when the answer begins. The signal fires when the caller goes away.
   *
   * @throws {Fault} what refuses the opening of any run; `provider_not_found` where nobody has the
   * model; `conflict` where the same call was made before, and nothing is paid again; what the
   * interface refused or failed with, and then nothing is paid
   */
  ask(caller: Caller, question: ModelQuestion, signal: AbortSignal): Promise<ModelReply>;
}

interface Dependencies extends NodeAsking {
  readonly calls: ModelCalls;
  readonly directory: UpstreamDirectory;
  readonly upstreams: ModelUpstreams;
  readonly keeper: CallKeeper;
}

/** The first and one more. */
const PROVIDERS_MAX = 2;
/** How long a call may take from its opening to its last byte. */
const CALL_MS = 15 * 60_000;
const KIND = "agent_run";
const EMBEDDINGS = "embeddings";

export function createModels(
  parts: Omit<Dependencies, "keeper"> & { readonly log: Log },
): Models & {
  /** As `ask`, of interfaces that the server calls itself and of nobody else. */
  askDirectly(caller: Caller, question: ModelQuestion, signal: AbortSignal): Promise<DirectReply>;
  /** Opens no more calls, and waits a few seconds until those that are open are settled. */
  close(): Promise<void>;
} {
  const keeper = createCallKeeper(parts);
  const deps = { ...parts, keeper };
  return {
    close: () => keeper.close(),

    askDirectly: (caller, question, signal) => askUpstream(deps, caller, question, signal),

    async ask(caller, question, signal) {
      try {
        return await askUpstream(deps, caller, question, signal);
      } catch (error) {
        const isElsewhere =
          error instanceof Fault && (error.code as string) === "provider_not_found";
        if (!isElsewhere || !(await hasNode(deps, question))) throw error;
        return askNode(deps, caller, question, signal);
      }
    },
  };
}

/** Whether somebody who connected runs the model. */
async function hasNode({ calls }: Dependencies, { model, request }: ModelQuestion) {
  if (request.dialect === "embeddings") return false;
  const nodes = await calls.nodes();
  return nodes.some(
    ({ via, models }) => via === "node" && models.some(({ name }) => name === model),
  );
}

async function askUpstream(
  deps: Dependencies,
  caller: Caller,
  question: ModelQuestion,
  signal: AbortSignal,
): Promise<DirectReply> {
  const except = new Set<string>();
  for (let asked = 1; ; asked++) {
    const kept = await deps.keeper.open(() => openNew(deps, caller, orderOf(question, except)));
    const { call, settled } = kept;
    const deadline = withDeadline(signal, deps.keeper.cutting, question.timeoutMs ?? CALL_MS);
    try {
      const answer = await begin(deps, call, question, deadline);
      const pieces = metered(kept, question, answer, deadline);
      return { runId: call.opened.run.id, pieces, call, settled };
    } catch (error) {
      deadline.clear();
      await fail(kept, error, deadline);
      const told = deadline.toldOf(error);
      const isNamed = question.providerId !== undefined;
      if (isNamed || asked === PROVIDERS_MAX || !mayAskAnother(told)) throw told;
      except.add(call.node.providerId);
      if (!(await hasAnother(deps, question.model, except))) throw told;
    }
  }
}

/** Opens a call that was not made before. What it was answered then is nowhere any more. */
async function openNew({ calls }: Dependencies, caller: Caller, order: CallOrder) {
  const call = await calls.open(caller, order);
  if (!call.opened.isReplay) return call;
  const before = `A call with this idempotency key was made before: run ${call.opened.run.id}.`;
  throw new Fault("conflict", `${before} Its answer is not kept. Nothing is charged for this one.`);
}

function orderOf(question: ModelQuestion, except: ReadonlySet<string>): CallOrder {
  const { request, model, inputBytes, outputTokensMax, maxMicros, chainId } = question;
  const isEmbedding = request.dialect === "embeddings";
  return {
    kind: isEmbedding ? EMBEDDINGS : KIND,
    ...{ providerId: question.providerId, model, labels: {} },
    ...{ via: "upstream" as const, except },
    inputBytes,
    inputBytesMost: question.inputBytesMost,
    outputTokensMax: isEmbedding ? 0 : outputTokensMax,
    isStreamed: request.isStream,
    ...{ maxMicros, timeoutMs: question.timeoutMs ?? CALL_MS, chainId },
    // Nobody is told it a second time, so it is not kept: its digest says what it was.
    ...{ input: () => "null", inputDigest: question.inputDigest },
    ...(except.size === 0 ? nameOf(question) : UNNAMED),
  };
}

/** What is asked of a second provider goes on under the first one's name. */
const UNNAMED = { idempotencyKey: undefined, requestHash: undefined };

function nameOf({ idempotencyKey, request, inputDigest, maxMicros, chainId }: ModelQuestion) {
  if (idempotencyKey === undefined) return UNNAMED;
  const parts = [request.dialect, inputDigest, maxMicros?.toString() ?? null, chainId ?? null];
  return { idempotencyKey, requestHash: sha256Hex(JSON.stringify(parts)) };
}

async function begin(
  deps: Dependencies,
  { node, model, outputTokensMax }: OpenCall,
  { request, choices }: ModelQuestion,
  { signal }: Deadline,
): Promise<ModelAnswer> {
  const routes = await deps.directory.routesOf(node.agentId, model.own);
  if (routes.length === 0) {
    throw new Fault("provider_unconfigured", "Nobody knows where this model is asked for.");
  }
  const each = Math.max(1, Math.floor(outputTokensMax / choices));
  return deps.upstreams.ask(routes, request, { outputTokensMax: each, signal });
}

async function* metered(
  kept: KeptCall,
  { request, inputBytes }: ModelQuestion,
  answer: ModelAnswer,
  deadline: Deadline,
): AsyncGenerator<ReplyPiece, void> {
  const { call } = kept;
  const count = { bytes: 0, events: 0 };
  const delivered = (): TokenUsage => ({
    inputTokens: tokensIn(inputBytes),
    cachedTokens: 0,
    outputTokens: tokensIn(count.bytes),
  });
  let end: CallEnd = "requester";
  let phase: CallPhase = "before";
  let hasBegun = false;
  try {
    for await (const piece of answer.pieces) {
      yield piece;
      hasBegun = true;
      // A frame around no words is nothing that anybody pays for.
      if (piece.textBytes > 0) phase = "during";
      count.bytes += piece.textBytes;
      count.events += piece.textEvents;
      if (!request.isStream || piece.textBytes === 0) continue;
      const hasRoom = call.handedOn(tokensIn(count.bytes));
      if (!hasRoom && surelyReached(count, call.outputTokensMax)) {
        end = "hold";
        yield { cut: delivered() };
        return;
      }
    }
    phase = "after";
    end = "completed";
  } catch (error) {
    end = endOf(error, deadline);
    throw deadline.toldOf(error);
  } finally {
    deadline.clear();
    // Some hang up on the last words, before anybody can say goodbye.
    if (end === "requester" && hasBegun && answer.isWhole()) phase = "after";
    // Where the interface counted nothing, what we counted is what there is.
    const usage = answer.usage() ?? (end === "completed" ? delivered() : undefined);
    // Not waited for: the last byte went out before.
    void kept.end({ end, phase, usage, outputTokens: tokensIn(count.bytes) });
  }
}

/**
 * Whether so much was certainly delivered: the interface was told the limit as well, and four bytes a
 * token would cut what it writes in longer ones.
 */
function surelyReached(count: { bytes: number; events: number }, outputTokensMax: number): boolean {
  return count.events >= outputTokensMax || count.bytes >= outputTokensMax * 8;
}

/** Nothing was delivered, so nothing is paid; whoever asked hears of it once that is so. */
async function fail(kept: KeptCall, error: unknown, deadline: Deadline): Promise<void> {
  const errorMessage = error instanceof Fault ? error.message : "Something went wrong on our side.";
  const end = endOf(error, deadline);
  await kept.end({ end, phase: "before", usage: undefined, outputTokens: 0, errorMessage });
}

function endOf(error: unknown, { cause }: Deadline): CallEnd {
  if (cause === "deadline") return "deadline";
  if (cause === "stopping") return "server";
  if (!(error instanceof Fault)) return "error";
  if (error.code === "cancelled") return "requester";
  return error.code === "provider_offline" ? "provider" : "error";
}

/** Failures of one provider say nothing of another one. */
const REPLACED: ReadonlySet<string> = new Set([
  "provider_offline",
  "provider_busy",
  "provider_failed",
  "provider_bad_output",
  "provider_unconfigured",
]);

function mayAskAnother(error: unknown): boolean {
  return error instanceof Fault && REPLACED.has(error.code);
}

async function hasAnother(
  { calls }: Dependencies,
  model: string,
  except: ReadonlySet<string>,
): Promise<boolean> {
  const nodes = await calls.nodes();
  return nodes.some(
    ({ via, providerId, models }) =>
      via === "upstream" && !except.has(providerId) && models.some(({ name }) => name === model),
  );
}

/** Fires when the caller goes away, when the call has taken too long, or when this process stops. */
interface Deadline {
  readonly signal: AbortSignal;
  /** What made it fire, where that was not the caller. */
  readonly cause: "deadline" | "stopping" | undefined;
  /** What whoever asked is told of a failure, which may be this deadline's own doing. */
  toldOf(error: unknown): unknown;
  clear(): void;
}

function withDeadline(leaving: AbortSignal, cutting: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let cause: Deadline["cause"];
  const abort = () => controller.abort();
  const abortFor = (why: "deadline" | "stopping") => () => {
    if (!controller.signal.aborted) cause = why;
    abort();
  };
  const onCutting = abortFor("stopping");
  if (leaving.aborted) abort();
  else leaving.addEventListener("abort", abort, { once: true });
  if (cutting.aborted) onCutting();
  else cutting.addEventListener("abort", onCutting, { once: true });
  const timer = setTimeout(abortFor("deadline"), ms);
  return {
    signal: controller.signal,
    get cause() {
      return cause;
    },
    toldOf(error) {
      if (cause === "stopping") return stopping(error);
      if (cause !== "deadline") return error;
      return new Fault("deadline_exceeded", "The answer took too long.", undefined, {
        cause: error,
      });
    },
    clear() {
      clearTimeout(timer);
      leaving.removeEventListener("abort", abort);
      cutting.removeEventListener("abort", onCutting);
    },
  };
}
