/**
 * Ends a run, once.
 *
 *   1. How it ended is written first, or with step 2: a settled run always has its result.
 *   2. One command changes its state and moves its money, on the version the decision was made on.
 *   3. Whoever waits is told.
 *
 * Two that want to end the same run race at step 2, and one of them learns that it came too late.
 */
import { decideRun, isTerminal, type Run, type RunEvent } from "../domain/run.ts";
import type { TokenUsage } from "../domain/token-price.ts";
import { monotonicMs } from "../lib/clock.ts";
import { findRun, type ResultRecord } from "../store/run.ts";
import { RESULT_ROWS } from "../store/run-rows.ts";
import { type CallEnding, chargeOfCall } from "./call-charge.ts";
import type { LinkIdentity } from "./ports.ts";
import { type RunContext, writeLarge } from "./run-context.ts";

export type Ending = Extract<RunEvent, "succeed" | "fail" | "cancel" | "expire">;
export interface RunOutcome
  extends Partial<Pick<ResultRecord, "output" | "evidence" | "errorCode" | "errorMessage">> {
  /** What the provider counted, of the call of a model. */
  readonly usage?: TokenUsage | undefined;
  /** How the call ended, where that is known better than by the run's event. */
  readonly call?: CallEnding;
}

/** Another process may have taken a run over between reading and writing it, but not this often. */
const ATTEMPTS_MAX = 5;

/** How a run was ended, or that it was too late to. */
export type Settled =
  | { readonly outcome: "ok"; readonly run: Run; readonly result: ResultRecord }
  | { readonly outcome: "late" };

/** As `settle`, for those who want to know no more than whether it did. */
export async function settleRun(...args: Parameters<typeof settle>): Promise<"ok" | "late"> {
  const { outcome } = await settle(...args);
  return outcome;
}

/**
 * `late` when the run had ended already, or gone on to another attempt. With `link`, also when it has
 * moved on since `run` was read and that connection was replaced: what comes by it is not believed.
 * Where it is the newest still, only who drives the run has changed, and a provider that was told that
 * it is late would be asked to do the work again.
 */
export async function settle(
  context: RunContext,
  run: Run,
  ending: Ending,
  outcome: RunOutcome,
  link: LinkIdentity | undefined,
): Promise<Settled> {
  const startedAt = monotonicMs();
  const result: ResultRecord = {
    runId: run.id,
    attempt: run.attempt,
    isSuccess: ending === "succeed",
    output: outcome.output,
    evidence: outcome.evidence,
    errorCode: outcome.errorCode,
    errorMessage: outcome.errorMessage,
    charge: run.call && (await chargeOfCall(context.progress, run, run.call, ending, outcome)),
    finishedAt: context.clock.now(),
  };
  const rows = await writeLarge(context.results, RESULT_ROWS, result);
  let current = run;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const { work, steps } = decideRun(current, ending, undefined, result.charge?.micros);
    const committed = await context.ledger.commit({ keyId: undefined, work, steps }, rows);
    if (committed.ok) {
      forget(context, run);
      const state = work.state as Run["state"];
      const ended = { ...current, state, version: committed.version, deadlineAt: undefined };
      context.waiters.ended(run.id, { run: ended, result });
      context.metrics.ended(work.state);
      context.metrics.step("settle", monotonicMs() - startedAt);
      return { outcome: "ok", run: ended, result };
    }
    if (committed.refusal.code !== "version_conflict") {
      throw new Error(`settling run ${run.id} was refused: ${committed.refusal.code}`);
    }
    const found = await findRun(context.database, run.id);
    const isSame = found && !isTerminal(found.state) && found.attempt === run.attempt;
    if (!isSame || (link && !(await context.links.isNewest(link)))) {
      forget(context, run);
      return { outcome: "late" };
    }
    current = found;
  }
  throw new Error(`settling run ${run.id} lost every race`);
}

/** Nothing of it is on its way in this process any more. */
function forget(
  { driven, calling, progress, streams, taskProgress }: RunContext,
  { id }: Run,
): void {
  driven.delete(id);
  calling.delete(id);
  progress.forget(id);
  streams.forget(id);
  taskProgress.forget(id);
}
