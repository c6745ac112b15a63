/**
 * What time alone does to runs. It only applies events; it never touches a hold by itself.
 *
 *   1. A run past its deadline expires.
 *   2. A run whose process lost its lease is taken over, so that somebody answers for it; an answer
 *      that was being handed on is charged as far as it had come.
 *   3. A run that this process drives is sent, where the hint to do so was lost; where its agent
 *      turned up at another process while it opened, it is handed over to that one.
 *   4. Rows of requests that were refused are removed.
 */
import type { Run } from "../domain/run.ts";
import { deleteEndedCallProgress } from "../store/call-progress.ts";
import {
  deleteUnopenedRuns,
  listAbandonedRuns,
  listOverdueRuns,
  listRunsDrivenBy,
} from "../store/run.ts";
import { dispatchHinted } from "./run.ts";
import { abandon } from "./run-answers.ts";
import { isBeingAnswered, offersFor, type RunContext } from "./run-context.ts";
import { settleRun } from "./run-settling.ts";
import { handOver, takeOver } from "./run-takeover.ts";

export interface Sweeper {
  /** Does all of it once; what fails is logged and tried again the next time. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

const SWEEP_MS = 1_000;
/** Runs a sweep and kind: more are left to the next one. */
const RUNS_MAX = 500;
/** A run this old was sent, if its agent was still where it was when the run opened. */
const SETTLED_IN_MS = 2_000;
const UNOPENED_AGE_MS = 3_600_000;
const UNOPENED_SWEEP_MS = 60_000;
const PROGRESS_ROWS_MAX = 100_000;

export function createRunSweeper(context: RunContext): Sweeper {
  let unopenedSweptAt = 0;
  let sweeping: Promise<void> | undefined;

  async function sweepOnce(): Promise<void> {
    const now = context.clock.now();
    await each(context, await listOverdueRuns(context.database, now, RUNS_MAX), (run) =>
      expire(context, run),
    );
    await each(context, await listAbandonedRuns(context.database, now, RUNS_MAX), (run) =>
      adopt(context, run),
    );
    const driven = await listRunsDrivenBy(context.database, context.processId, RUNS_MAX);
    await each(context, driven, (run) => drive(context, run));
    if (now.getTime() - unopenedSweptAt >= UNOPENED_SWEEP_MS) {
      unopenedSweptAt = now.getTime();
      await deleteUnopenedRuns(context.database, new Date(now.getTime() - UNOPENED_AGE_MS));
      await deleteEndedCallProgress(context.database, PROGRESS_ROWS_MAX);
    }
  }

  async function sweep(): Promise<void> {
    sweeping ??= sweepOnce()
      .catch((error: unknown) => context.log.error({ error }, "sweeping runs failed"))
      .finally(() => {
        sweeping = undefined;
      });
    await sweeping;
  }

  const timer = setInterval(() => void sweep(), SWEEP_MS);
  timer.unref();
  const unsubscribe = context.bus.subscribe(offersFor(context.processId), ({ runId }) => {
    dispatchHinted(context, String(runId)).catch((error: unknown) =>
      context.log.warn({ error, runId }, "could not send a run; the sweeper will"),
    );
  });

  context.streams.onGone((runId) => {
    const run = context.driven.get(runId);
    if (!run?.call?.isStreamed) return;
    abandon(context, run).catch((error: unknown) =>
      context.log.error({ error, runId }, "could not end what nobody waits for; its deadline will"),
    );
  });

  return {
    sweep,
    async stop() {
      clearInterval(timer);
      unsubscribe();
      await sweeping;
    },
  };
}

/**
 * A run whose server died. What was being handed on ends there, as does what the server itself was
 * asking for: there is nobody left who gets the answer.
 */
async function adopt(context: RunContext, run: Run): Promise<void> {
  const { call } = run;
  if (!call || (call.via === "node" && !call.isStreamed)) {
    await takeOver(context, run);
    return;
  }
  const phase = (await context.progress.of(run)) > 0 ? "during" : "before";
  const errorMessage = "The server that handed the answer on went away.";
  const outcome = {
    errorCode: "provider_failed",
    errorMessage,
    call: { end: "server", phase },
  } as const;
  await settleRun(context, run, "fail", outcome, undefined);
}

async function drive(context: RunContext, run: Run): Promise<void> {
  // Whoever asks an interface of others does so itself, and nobody is to be sent anything.
  if (run.call?.via === "upstream") return;
  if (!context.driven.has(run.id)) return dispatchHinted(context, run.id);
  if (context.clock.now().getTime() - run.createdAt.getTime() < SETTLED_IN_MS) return;
  const link = await context.links.whereIs(run.agentId);
  if (!link || link.processId === context.processId) return;
  if (await handOver(context, run, link.processId)) {
    context.driven.delete(run.id);
    context.bus.publish(offersFor(link.processId), { runId: run.id });
  }
}

async function expire(context: RunContext, run: Run): Promise<void> {
  if (isBeingAnswered(context, run)) return;
  context.dispatcher.cancel(run.agentId, run.id, run.attempt, "the deadline passed");
  const errorMessage = "The provider did not answer in time.";
  const outcome = { errorCode: "deadline_exceeded", errorMessage };
  await settleRun(context, run, "expire", outcome, undefined);
}

/** One run's trouble does not keep the others waiting. */
async function each(
  context: RunContext,
  runs: readonly Run[],
  work: (run: Run) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(runs.map(work));
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "rejected") {
      context.log.error({ error: outcome.reason, runId: runs[index]?.id }, "sweeping a run failed");
    }
  }
}
