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
import type { CallOrder, CallOutcome, ModelCalls, OpenCall } from "./model-call.ts";
import { askNode, type NodeAsking } from "./node-asking.ts";
import type { AnswerPiece, ModelAnswer, ModelRequest, ModelUpstreams } from "./ports.ts";
import type { UpstreamDirectory } from "./upstream-directory.ts";

/** What a caller asks of a model. */
export interface ModelQuestion {
  readonly model: string;
  /** Only this provider, where one is named. */
  readonly providerId?: string;
  readonly request: ModelRequest;
  /** How long it may take; a quarter of an hour where nothing is said. */
  readonly timeoutMs?: number;
  /** Bytes of what the model is given to read. */
  readonly inputBytes: number;
  /** How many answers are asked for: each may be as long as the limit says. */
  readonly choices: number;
  /** The most tokens of output that the caller asked for, all answers together. */
  readonly outputTokensMax: number | undefined;
  /** The most that the caller is willing to pay. */
  readonly maxMicros: bigint | undefined;
  readonly chainId: string | undefined;
  /** SHA-256 of what was asked, in hex. */
  readonly inputDigest: string;
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
   * model; what the interface refused or failed with, and then nothing is paid
   */
  ask(caller: Caller, question: ModelQuestion, signal: AbortSignal): Promise<ModelReply>;
}

interface Dependencies extends NodeAsking {
  readonly calls: ModelCalls;
  readonly directory: UpstreamDirectory;
  readonly upstreams: ModelUpstreams;
  readonly log: Log;
  readonly settling: Set<Promise<void>>;
}

/** The first and one more. */
const PROVIDERS_MAX = 2;
/** How long a call may take from its opening to its last byte. */
const CALL_MS = 15 * 60_000;
const KIND = "agent_run";
const EMBEDDINGS = "embeddings";

export function createModels(parts: Omit<Dependencies, "settling">): Models & {
  /** As `ask`, of interfaces that the server calls itself and of nobody else. */
  askDirectly(caller: Caller, question: ModelQuestion, signal: AbortSignal): Promise<DirectReply>;
  /** Waits for settlements that are under way. */
  close(): Promise<void>;
} {
  const settling = new Set<Promise<void>>();
  const deps = { ...parts, settling };
  return {
    async close() {
      await Promise.all(settling);
    },

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
    const call = await deps.calls.open(caller, orderOf(question, except));
    const deadline = withDeadline(signal, question.timeoutMs ?? CALL_MS);
    try {
      const answer = await begin(deps, call, question, deadline);
      const { promise: settled, resolve } = Promise.withResolvers<void>();
      const pieces = metered(deps, call, question, answer, deadline, resolve);
      return { runId: call.opened.run.id, pieces, call, settled };
    } catch (error) {
      deadline.clear();
      await fail(call, error, deadline);
      const isNamed = question.providerId !== undefined;
      if (isNamed || asked === PROVIDERS_MAX || !mayAskAnother(error)) throw error;
      except.add(call.node.providerId);
      if (!(await hasAnother(deps, question.model, except))) throw error;
    }
  }
}

function orderOf(question: ModelQuestion, except: ReadonlySet<string>): CallOrder {
  const { request, model, inputBytes, outputTokensMax, maxMicros, chainId } = question;
  const isEmbedding = request.dialect === "embeddings";
  return {
    kind: isEmbedding ? EMBEDDINGS : KIND,
    ...{ providerId: question.providerId, model, labels: {} },
    ...{ via: "upstream" as const, except },
    inputBytes,
    outputTokensMax: isEmbedding ? 0 : outputTokensMax,
    isStreamed: request.isStream,
    ...{ maxMicros, timeoutMs: question.timeoutMs ?? CALL_MS, chainId },
    // Nobody is told it a second time, so it is not kept: its digest says what it was.
    ...{ input: () => "null", inputDigest: question.inputDigest },
    ...{ idempotencyKey: undefined, requestHash: undefined },
  };
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
  deps: Dependencies,
  call: OpenCall,
  { request, inputBytes }: ModelQuestion,
  answer: ModelAnswer,
  deadline: Deadline,
  settled: () => void,
): AsyncGenerator<ReplyPiece, void> {
  const count = { bytes: 0, events: 0 };
  const delivered = (): TokenUsage => ({
    inputTokens: tokensIn(inputBytes),
    cachedTokens: 0,
    outputTokens: tokensIn(count.bytes),
  });
  let end: CallEnd = "requester";
  let phase: CallPhase = "before";
  try {
    for await (const piece of answer.pieces) {
      yield piece;
      phase = "during";
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
    throw deadline.hasPassed() ? lateFault(error) : error;
  } finally {
    deadline.clear();
    // Some hang up on the last words, before anybody can say goodbye.
    if (end === "requester" && phase === "during" && answer.isWhole()) phase = "after";
    // Where the interface counted nothing, what we counted is what there is.
    const usage = answer.usage() ?? (end === "completed" ? delivered() : undefined);
    const outcome = { end, phase, usage, outputTokens: tokensIn(count.bytes) };
    settle(deps, call, outcome, settled);
  }
}

/**
 * Whether so much was certainly delivered: the interface was told the limit as well, and four bytes a
 * token would cut what it writes in longer ones.
 */
function surelyReached(count: { bytes: number; events: number }, outputTokensMax: number): boolean {
  return count.events >= outputTokensMax || count.bytes >= outputTokensMax * 8;
}

/** Not waited for: the last byte went out before. What cannot be settled now, the deadline settles. */
function settle(
  { log, settling }: Dependencies,
  call: OpenCall,
  outcome: CallOutcome,
  whenSettled: () => void,
): void {
  const settled = call
    .end(outcome)
    .then(() => undefined)
    .catch((error: unknown) => {
      log.error({ error, runId: call.opened.run.id }, "a call could not be settled");
    })
    .finally(() => {
      settling.delete(settled);
      whenSettled();
    });
  settling.add(settled);
}

/** Nothing was delivered, so nothing is paid; whoever asked hears of it once that is so. */
async function fail(call: OpenCall, error: unknown, deadline: Deadline): Promise<void> {
  const errorMessage = error instanceof Fault ? error.message : "Something went wrong on our side.";
  const end = endOf(error, deadline);
  await call.end({ end, phase: "before", usage: undefined, outputTokens: 0, errorMessage });
}

function endOf(error: unknown, deadline: Deadline): CallEnd {
  if (deadline.hasPassed()) return "deadline";
  if (!(error instanceof Fault)) return "error";
  if (error.code === "cancelled") return "requester";
  return error.code === "provider_offline" ? "provider" : "error";
}

function lateFault(cause: unknown): Fault {
  return new Fault("deadline_exceeded", "The answer took too long.", undefined, { cause });
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

/** Fires when the caller goes away, or when the call has taken too long. */
interface Deadline {
  readonly signal: AbortSignal;
  hasPassed(): boolean;
  clear(): void;
}

function withDeadline(signal: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let hasPassed = false;
  const abort = () => controller.abort();
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => {
    hasPassed = true;
    abort();
  }, ms);
  return {
    signal: controller.signal,
    hasPassed: () => hasPassed,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    },
  };
}
