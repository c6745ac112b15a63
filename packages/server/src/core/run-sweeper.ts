/**
 * What time alone does to runs. It only applies events; it never touches a hold by itself.
 *
 *   1. A run past its deadline expires.
 *   2. A run whose process lost its lease is taken over, so that somebody answers for it; an answer
 *      that was being handed on is charged as far as it had come.
 *   3. A run that this process drives is sent, where the hint to do so was lost; where its agent
 *      turned up at another process while it opened, it is handed over to that one; where its agent
 *      said goodbye while it opened, it fails like those that were open by then.
 *   4. Rows of requests that were refused are removed.
 */
import type { Run } from "../domain/run.ts";
import { deleteEndedCallProgress } from "../store/call-progress.ts";
import {
  deleteUnopenedRuns,
  findRuns,
  listAbandonedRuns,
  listOverdueRuns,
  listRunsDrivenBy,
} from "../store/run.ts";
import { deleteUnopenedTasks } from "../store/task.ts";
import { dispatchHinted } from "./run.ts";
import { abandon, settleCutOff } from "./run-answers.ts";
import { isBeingAnswered, offersFor, type RunContext } from "./run-context.ts";
import { settleRun } from "./run-settling.ts";
import { handOver, takeOver } from "./run-takeover.ts";
import { createSweeper, type Sweeper } from "./sweeping.ts";

/** Runs a sweep and kind: more are left to the next one. */
const RUNS_MAX = 500;
/** A run this old was sent, if its agent was still where it was when the run opened. */
const SETTLED_IN_MS = 2_000;
/**
 * A call this old was opened, if this process ever hears that it was: where the database went away
 * before it could say so, nobody asks the interface, and what is held is given back.
 */
const UNHEARD_AGE_MS = 60_000;
const UNOPENED_AGE_MS = 3_600_000;
const UNOPENED_SWEEP_MS = 60_000;
const PROGRESS_ROWS_MAX = 100_000;

export function createRunSweeper(context: RunContext): Sweeper {
  let unopenedSweptAt = 0;

  async function sweepOnce(): Promise<void> {
    const now = context.clock.now();
    await each(context, await listOverdueRuns(context.database, now, RUNS_MAX), (run) =>
      expire(context, run),
    );
    const abandoned = await listAbandonedRuns(context.database, now, RUNS_MAX);
    // Asked once they are listed: a database that was away answers when others have not renewed their leases yet.
    if (context.mayTakeOver()) await each(context, abandoned, (run) => adopt(context, run));
    await each(context, await listNotUnderWay(context), (run) => drive(context, run));
    if (now.getTime() - unopenedSweptAt >= UNOPENED_SWEEP_MS) {
      unopenedSweptAt = now.getTime();
      const before = new Date(now.getTime() - UNOPENED_AGE_MS);
      await deleteUnopenedRuns(context.database, before);
      await deleteUnopenedTasks(context.database, before);
      await deleteEndedCallProgress(context.database, PROGRESS_ROWS_MAX);
    }
  }

  const { database, log } = context;
  const sweeper = createSweeper({ database, log, what: "runs", shapes: ["run"], sweepOnce });
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
    sweep: sweeper.sweep,
    async stop() {
      unsubscribe();
      await sweeper.stop();
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
  await settleCutOff(context, run);
}

/**
 * Runs that this process drives and that are not just being done: it has not sent them, or their agent is not
 * here. All of them are looked at, lest many that are well keep those waiting that are not.
 */
async function listNotUnderWay(context: RunContext): Promise<readonly Run[]> {
  const { database, processId, driven, calling } = context;
  const sent = [...driven.keys()];
  const live = await listRunsDrivenBy(database, processId);
  const ids = new Set(live.map(({ id }) => id));
  // Another process drives them now, or has ended them.
  for (const id of sent) if (!ids.has(id)) driven.delete(id);
  const left = live.filter(({ id, isStray }) => isStray || (!driven.has(id) && !calling.has(id)));
  return findRuns(
    database,
    left.slice(0, RUNS_MAX).map(({ id }) => id),
  );
}

async function drive(context: RunContext, run: Run): Promise<void> {
  const ageMs = context.clock.now().getTime() - run.createdAt.getTime();
  // Whoever asks an interface of others does so itself, and nobody is to be sent anything.
  if (run.call?.via === "upstream") {
    if (!context.calling.has(run.id) && ageMs > UNHEARD_AGE_MS) await adopt(context, run);
    return;
  }
  if (ageMs < SETTLED_IN_MS) {
    if (!context.driven.has(run.id)) await dispatchHinted(context, run.id);
    return;
  }
  const link = await context.links.whereIs(run.agentId);
  if (!link && (await context.links.hasEnded(run.agentId))) return leaveOff(context, run);
  if (!context.driven.has(run.id)) return dispatchHinted(context, run.id);
  if (!link || link.processId === context.processId) return;
  if (await handOver(context, run, link.processId)) {
    context.driven.delete(run.id);
    context.bus.publish(offersFor(link.processId), { runId: run.id });
  }
}

/** Whoever was to do it said goodbye while it was opened: those who left then did not know of it yet. */
async function leaveOff(context: RunContext, run: Run): Promise<void> {
  if (isBeingAnswered(context, run)) return;
  const outcome = {
    errorCode: "provider_offline",
    errorMessage: "The provider disconnected.",
  };
  await settleRun(context, run, "fail", outcome, undefined);
}

async function expire(context: RunContext, run: Run): Promise<void> {
  if (isBeingAnswered(context, run)) return;
  const errorMessage = "The provider did not answer in time.";
  const outcome = { errorCode: "deadline_exceeded", errorMessage };
  await settleRun(context, run, "expire", outcome, undefined);
  // Only now: a server that died in between would offer the run anew to somebody who forgot it.
  context.dispatcher.cancel(run.agentId, run.id, run.attempt, "the deadline passed");
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
