/** Runs, as those who ask for them see them: invoke, look up, wait. */

import { FAULT_CODES, type FaultCode } from "@guildhall/protocol";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import type { TokenUsage } from "../domain/token-price.ts";
import { monotonicMs } from "../lib/clock.ts";
import { findRequest, findResult, findRun, type ResultRecord } from "../store/run.ts";
import type { AgentReader } from "./agent-reader.ts";
import { isBeingAnswered, offerRun, offersFor, type RunContext } from "./run-context.ts";
import { type InvokeRun, type OpenedRun, openRun } from "./run-opening.ts";
import { settleRun } from "./run-settling.ts";
import type { Ended } from "./waiters.ts";

/** A run and, once it has ended, how. */
export interface RunView {
  readonly run: Run;
  readonly output: unknown;
  readonly evidence: unknown;
  readonly chargedMicros: bigint;
  /** The tokens that it was charged for, of the call of a model. */
  readonly usage: TokenUsage | undefined;
  /** Why it did not succeed, or `undefined` where it did or still runs. */
  readonly fault: Fault | undefined;
  readonly finishedAt: Date | undefined;
}

export interface Runs {
  /**
   * Opens a run, has it done and gives its result. Throws what the run failed with. `onOpened` is
   * called as soon as the run is acknowledged: from then on it goes on without the caller.
   */
  invoke(caller: Caller, command: InvokeRun, onOpened?: (run: Run) => void): Promise<RunView>;
  /** Opens a run and does not wait for it. */
  start(caller: Caller, command: InvokeRun): Promise<RunView>;
  /** For either side. Throws `not_found`. */
  require(caller: Caller, id: string): Promise<RunView>;
}

/** How long after its deadline a run may take to be seen ended, before the wait itself is at fault. */
const SETTLING_MS_MAX = 10_000;

export function createRuns(context: RunContext, agents: AgentReader): Runs {
  async function open(caller: Caller, command: InvokeRun): Promise<OpenedRun> {
    const startedAt = monotonicMs();
    const opened = await agents.hire(command.agentId, (agent) =>
      openRun(context, agent, caller, command),
    );
    context.metrics.step("open", monotonicMs() - startedAt);
    if (!opened.isReplay) await dispatch(context, opened, command);
    return opened;
  }

  return {
    async invoke(caller, command, onOpened) {
      const { run } = await open(caller, command);
      onOpened?.(run);
      const view = await viewAtEnd(context, run);
      if (view.fault) throw view.fault;
      return view;
    },
    async start(caller, command) {
      const { run } = await open(caller, command);
      return viewOf(context, run);
    },
    async require(caller, id) {
      const run = await findRun(context.database, id);
      const isParty =
        run?.workspaceId === caller.workspaceId || run?.providerWorkspaceId === caller.workspaceId;
      if (!run || !isParty) throw new Fault("not_found", "No such run.", { kind: "run", id });
      return viewOf(context, run);
    },
  };
}

/** Waits for the run's end, at most until a moment after its deadline, and tells how it ended. */
export async function viewAtEnd(context: RunContext, run: Run): Promise<RunView> {
  const ended = await waitFor(context, run);
  if (ended) return toView(ended.run, ended.result);
  return viewOf(context, (await findRun(context.database, run.id)) ?? run);
}

/** Sends a run to its agent, or tells the process that holds the agent's connection to. */
export async function dispatch(
  context: RunContext,
  { run, processId }: OpenedRun,
  request: { readonly input: unknown; readonly manifest: unknown },
): Promise<void> {
  if (processId === context.processId) await offerRun(context, run, request);
  else if (processId) context.bus.publish(offersFor(processId), { runId: run.id });
}

/** Does on the hint of another process what that one could not: the agent's connection is here. */
export async function dispatchHinted(context: RunContext, runId: string): Promise<void> {
  if (context.driven.has(runId) || context.dispatching.has(runId)) return;
  context.dispatching.add(runId);
  try {
    const run = await findRun(context.database, runId);
    if (!run || isTerminal(run.state) || run.processId !== context.processId) return;
    const request = await findRequest(context.database, runId);
    if (!request) return;
    const input: unknown = JSON.parse(request.input);
    await offerRun(context, run, { input, manifest: JSON.parse(request.manifest) });
  } finally {
    context.dispatching.delete(runId);
  }
}

/** Waits for the run's end; how it ended, where that is known without asking. */
async function waitFor(context: RunContext, run: Run): Promise<Ended | undefined> {
  if (isTerminal(run.state)) return undefined;
  const untilMs = (run.deadlineAt ?? run.createdAt).getTime() - context.clock.now().getTime();
  const waited = await wait(context, run, Math.max(0, untilMs));
  if (waited !== "timed-out") return waited === "ended" ? undefined : waited;
  // At the deadline the one who waits ends the run itself; the sweeper would, a moment later.
  const message = "The provider did not answer in time.";
  const outcome = { errorCode: "deadline_exceeded", errorMessage: message };
  let current = await findRun(context.database, run.id);
  if (current && isBeingAnswered(context, current)) {
    const answered = await wait(context, run, SETTLING_MS_MAX);
    if (answered !== "timed-out") return answered === "ended" ? undefined : answered;
    current = await findRun(context.database, run.id);
  }
  if (!current || isTerminal(current.state) || isBeingAnswered(context, current)) return undefined;
  const settled = await settleRun(context, current, "expire", outcome, undefined);
  // Only now: a server that died in between would offer the run anew to somebody who forgot it.
  context.dispatcher.cancel(run.agentId, run.id, run.attempt, "the deadline passed");
  if (settled === "late") await wait(context, run, SETTLING_MS_MAX);
  return undefined;
}

/** Throws `overloaded` where this process stops: the run goes on, and can be asked for at another. */
async function wait(context: RunContext, run: Run, untilMs: number) {
  const waited = await context.waiters.wait(run.id, untilMs);
  if (waited !== "stopped") return waited;
  const message =
    "This server is stopping, and the run goes on. Ask again, with the same idempotency key if you gave one.";
  throw new Fault("overloaded", message, { retryAfterSeconds: 1 });
}

/** A run and, once it has ended, how. */
export async function viewOf(context: RunContext, run: Run): Promise<RunView> {
  return toView(run, isTerminal(run.state) ? await findResult(context.database, run) : undefined);
}

function toView(run: Run, result: ResultRecord | undefined): RunView {
  const succeeded = run.state === "succeeded";
  return {
    run,
    output: succeeded ? parse(result?.output) : undefined,
    evidence: succeeded ? parse(result?.evidence) : undefined,
    chargedMicros: chargedMicrosOf(run, result),
    usage: result?.charge?.usage,
    fault: isTerminal(run.state) && !succeeded ? faultOf(run, result) : undefined,
    finishedAt: result?.finishedAt,
  };
}

function chargedMicrosOf(run: Run, result: ResultRecord | undefined): bigint {
  if (run.call) return result?.charge?.micros ?? 0n;
  return run.state === "succeeded" ? run.priceMicros : 0n;
}

function faultOf(run: Run, result: ResultRecord | undefined): Fault {
  if (run.state === "expired")
    return new Fault("deadline_exceeded", "The provider did not answer in time.");
  if (run.state === "cancelled") return new Fault("cancelled", "The run was cancelled.");
  const code = FAULT_CODES.find((known) => known === result?.errorCode) ?? "provider_failed";
  return new Fault(code as BareCode, result?.errorMessage ?? "The provider failed.");
}

/** Codes that a failed run can have: those that need no facts. */
type BareCode = Extract<
  FaultCode,
  | "provider_failed"
  | "provider_offline"
  | "provider_busy"
  | "provider_timeout"
  | "provider_bad_output"
>;

function parse(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
