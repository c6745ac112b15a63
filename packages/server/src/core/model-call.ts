/**
 * Calls of models: routed, held for, and settled by usage.
 *
 *   1. Who does it: the node that was named, or the best of those that fit.
 *   2. The most that it may cost is held, under every budget, before anybody is asked.
 *   3. What is handed on is noted; once it has come to what is held, it is cut there.
 *   4. It ends once, and is charged by domain/settlement.ts.
 */
import { usdOfMicros } from "@guildhall/protocol";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { OfferedModel } from "../domain/model.ts";
import { type RoutingRefusal, routeCall, type TieBreak } from "../domain/routing.ts";
import type { Run } from "../domain/run.ts";
import { type CallEnd, type CallPhase, RUN_ENDINGS } from "../domain/settlement.ts";
import {
  costMicros,
  outputTokensFor,
  type TokenRates,
  type TokenUsage,
  tokensAtMostIn,
  tokensIn,
} from "../domain/token-price.ts";
import { findResult, findRun } from "../store/run.ts";
import type { AgentReader } from "./agent-reader.ts";
import type { DirectedNode, ModelDirectory } from "./model-directory.ts";
import type { RunContext } from "./run-context.ts";
import { commitRun, type OpenedRun } from "./run-opening.ts";
import { settle } from "./run-settling.ts";

/** What a caller wants of a model. */
export interface CallOrder {
  /** What kind of work, e.g. `agent_run`. */
  readonly kind: string;
  readonly providerId: string | undefined;
  readonly model: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Only by these means, where it matters. */
  readonly via?: DirectedNode["via"];
  /** Providers that were asked before and failed. */
  readonly except?: ReadonlySet<string>;
  /** Bytes of text that the model is given, in favour of whoever pays. */
  readonly inputBytes: number;
  /** What is held for, where it may come to more. */
  readonly inputBytesMost?: number | undefined;
  /** The most tokens of output that the caller asked for. */
  readonly outputTokensMax: number | undefined;
  readonly isStreamed: boolean;
  /** The most that the caller is willing to pay. */
  readonly maxMicros: bigint | undefined;
  readonly timeoutMs: number;
  readonly chainId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly requestHash: string | undefined;
  /**
   * JSON text that is kept, so that a node can be told again; by what whoever does it calls the model.
   */
  readonly input: (own: string) => string;
  /** SHA-256 of what was asked, in hex, where `input` is not all of it. */
  readonly inputDigest?: string;
  readonly manifest?: string;
}

/** A call that is acknowledged: its run is open and its money held. */
export interface OpenCall {
  readonly opened: OpenedRun;
  readonly node: DirectedNode;
  readonly model: OfferedModel;
  readonly rates: TokenRates;
  /** What its run was asked, as JSON text. */
  readonly input: string;
  /** The most tokens of output that the model is to be asked for. */
  readonly outputTokensMax: number;
  /** The most tokens of output that what is held pays for, by our own count. */
  readonly affordableTokens: number;
  /**
   * Notes that so many tokens of output were handed on, all in all, as far as we can count them.
   * `false` once that has come to what is held: nothing more is to be handed on.
   */
  handedOn(outputTokens: number): boolean;
  /** Ends it: what is charged, in micros. Ending it again changes nothing. */
  end(ending: CallOutcome): Promise<bigint>;
}

export interface CallOutcome {
  readonly end: CallEnd;
  readonly phase: CallPhase;
  /** What the provider counted, where it did. */
  readonly usage: TokenUsage | undefined;
  /** Tokens of output that were handed on, where they were not noted as they were. */
  readonly outputTokens?: number;
  /** JSON text of the answer, where it is to be kept. */
  readonly output?: string;
  readonly errorMessage?: string;
}

export interface ModelCalls {
  /** Who is there, for lists of models. */
  nodes(): Promise<readonly DirectedNode[]>;
  /** Who would do a call that is opened now, and by which model. Throws where nobody can. */
  route(caller: Caller, wanted: WantedRoute): Promise<Route>;
  /**
   * Routes a call and opens it. Throws `provider_not_found` and its like where nobody can do it,
   * `budget_exceeded` where the caller allows too little, and what opening any run throws.
   */
  open(caller: Caller, order: CallOrder): Promise<OpenCall>;
}

export interface Route {
  readonly node: DirectedNode;
  readonly model: OfferedModel;
}

/** What a call's route depends on. */
export type WantedRoute = Pick<CallOrder, "kind" | "providerId" | "model" | "labels"> &
  Partial<Pick<CallOrder, "via" | "except">>;

export interface ModelCallSettings {
  readonly tieBreak: TieBreak;
  /** Tokens of output that are held for where the caller does not say how many it wants at most. */
  readonly outputTokens: number;
}

const OPERATION = "models.call";

export function createModelCalls(
  context: RunContext,
  agents: AgentReader,
  directory: ModelDirectory,
  settings: ModelCallSettings,
): ModelCalls {
  return {
    nodes: () => directory.list(),
    route: (caller, wanted) => requireRoute(directory, caller, wanted, settings.tieBreak),
    async open(caller, order) {
      const route = await requireRoute(directory, caller, order, settings.tieBreak);
      const { model } = route;
      let { node } = route;
      const input = order.input(model.own);
      let hold = holdFor(node.ratesOf(model.name), order, settings);
      const opened = await agents.hire(node.agentId, async (agent) => {
        if (agent.revision !== node.revision) {
          const again = await directory.again(node.agentId);
          if (!again?.models.some(({ name }) => name === model.name))
            throw refusalFault("provider_unavailable", order);
          node = again;
          hold = holdFor(node.ratesOf(model.name), order, settings);
        }
        const { via, processId } = node;
        const { inputBytes } = order;
        // Without a bus, or while it is away, a stream reaches whoever asks only from this process.
        const isHere = via === "upstream" || processId === context.processId;
        const isStreamed = order.isStreamed && (isHere || context.bus.reachesOthers);
        const { micros: priceMicros, rates } = hold;
        return commitRun(context, agent, caller, {
          ...{ operation: OPERATION, capability: order.kind, priceMicros },
          call: { via, model: model.name, isStreamed, inputTokens: tokensIn(inputBytes), rates },
          input,
          ...(order.inputDigest && { inputDigest: order.inputDigest }),
          ...{ manifest: order.manifest ?? "{}", manifestId: undefined },
          timeoutMs: order.timeoutMs,
          ...{ outputSchema: undefined, referredBy: undefined },
          chainId: order.chainId,
          idempotencyKey: order.idempotencyKey,
          requestHash: order.requestHash,
          driver: () => (via === "upstream" ? context.processId : processId),
        });
      });
      return toOpenCall(context, { opened, node, model, input, ...hold });
    },
  };
}

interface Hold {
  readonly rates: TokenRates;
  readonly micros: bigint;
  readonly outputTokensMax: number;
}

/** What is held: the input as it may be counted at most, and as much output as is asked for. */
function holdFor(rates: TokenRates, order: CallOrder, settings: ModelCallSettings): Hold {
  const { inputBytes, inputBytesMost = inputBytes } = order;
  const input = { inputTokens: tokensAtMostIn(inputBytesMost), cachedTokens: 0 };
  const wanted = order.outputTokensMax ?? settings.outputTokens;
  const most = costMicros(rates, { ...input, outputTokens: wanted });
  const { maxMicros } = order;
  if (maxMicros === undefined || most <= maxMicros) {
    return { rates, micros: most, outputTokensMax: wanted };
  }
  const outputTokensMax = outputTokensFor(rates, input, maxMicros);
  if (outputTokensMax > 0) return { rates, micros: maxMicros, outputTokensMax };
  const neededMicros = costMicros(rates, { ...input, outputTokens: 1 });
  const allowed = `and you allow ${usdOfMicros(maxMicros)} for it`;
  const rule = `This may cost ${usdOfMicros(neededMicros)} US dollars before it answers, ${allowed}.`;
  throw new Fault("budget_exceeded", rule, { neededMicros, limitMicros: maxMicros });
}

async function requireRoute(
  directory: ModelDirectory,
  caller: Caller,
  order: WantedRoute,
  tieBreak: TieBreak,
): Promise<Route> {
  const { kind, providerId, model, labels, via, except } = order;
  const nodes = (await directory.list()).filter(
    (node) => (!via || node.via === via) && !except?.has(node.providerId),
  );
  const { workspaceId } = caller;
  const route = routeCall(nodes, { workspaceId, kind, providerId, model, labels }, tieBreak);
  if (!route.ok) throw refusalFault(route.refusal, order);
  return route;
}

/** What a refusal says, in words that name what was asked for. */
function refusalFault(refusal: RoutingRefusal, order: WantedRoute): Fault {
  const { providerId = "", model, kind } = order;
  const who = `The provider "${providerId}"`;
  const what = model === undefined ? "such work" : `"${model}"`;
  switch (refusal) {
    case "provider_unavailable":
      return new Fault("provider_offline", `${who} is not connected.`);
    case "provider_label_mismatch":
      return new Fault("provider_label_mismatch", `${who} does not have these labels.`);
    case "execution_kind_not_available":
      return new Fault("capability_not_supported", `${who} does not do "${kind}".`);
    case "execution_provider_not_found":
      return new Fault(
        "provider_not_found",
        `Nobody who is connected offers ${what} under these conditions.`,
      );
    case "execution_provider_ambiguous":
      return new Fault("provider_ambiguous", `Several providers offer ${what}; name one.`);
    case "providers_busy":
      return new Fault("provider_busy", `Whoever offers ${what} is busy. Ask again in a moment.`);
  }
}

function toOpenCall(
  context: RunContext,
  call: Hold & Pick<OpenCall, "opened" | "node" | "model" | "input">,
): OpenCall {
  const { run } = call.opened;
  if (call.node.via === "upstream" && !call.opened.isReplay) context.calling.add(run.id);
  const inputTokens = run.call?.inputTokens ?? 0;
  // The hold is for at least this many, by the same count that the settlement goes by.
  const affordable = outputTokensFor(call.rates, { inputTokens, cachedTokens: 0 }, run.priceMicros);
  return {
    ...call,
    affordableTokens: affordable,
    handedOn(outputTokens) {
      context.progress.note(run.id, Math.min(outputTokens, affordable));
      return outputTokens < affordable;
    },
    end: (outcome) => endCall(context, run, outcome),
  };
}

async function endCall(context: RunContext, run: Run, outcome: CallOutcome): Promise<bigint> {
  const { end, phase, usage, output, outputTokens, errorMessage } = outcome;
  const ending = RUN_ENDINGS[end][phase];
  const errorCode = ending === "succeed" ? undefined : ERROR_CODES[end];
  const told = { output, errorCode, errorMessage, usage, call: { end, phase, outputTokens } };
  const settled = await settle(context, run, ending, told, undefined);
  if (settled.outcome === "ok") return settled.result.charge?.micros ?? 0n;
  // Somebody else was faster, such as the deadline: what it came to is in the books.
  const ended = await findRun(context.database, run.id);
  const result = ended && (await findResult(context.database, ended));
  return result?.charge?.micros ?? 0n;
}

// biome-ignore format: read as a table
const ERROR_CODES: Readonly<Record<CallEnd, string>> = {
  completed: "provider_failed",
  requester: "cancelled",
  provider:  "provider_offline",
  error:     "provider_failed",
  server:    "provider_failed",
  hold:      "budget_exceeded",
  deadline:  "deadline_exceeded",
};
