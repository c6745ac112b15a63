/**
 * What providers say of the runs they were offered (`RunEvents`), by whichever wire.
 *
 * An answer counts only for the attempt it names, and only while this process drives the run: a run
 * that another connection took over has moved on, and its version says so.
 */
import { Fault } from "../domain/fault.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import { findRequest, findRun, listLiveRunsOf } from "../store/run.ts";
import type { RunEvents, RunOffer } from "./ports.ts";
import { type RunContext, toOffer } from "./run-context.ts";
import { settleRun } from "./run-settling.ts";
import { takeOver } from "./run-takeover.ts";

export function createRunAnswers(context: RunContext): RunEvents {
  return {
    accepted() {
      // The run is running since it was opened; that it was received changes nothing for anyone.
    },
    async refused(link, runId, attempt, { code, message }) {
      const run = await requireRun(context, link.agentId, runId, attempt);
      const outcome = { errorCode: code, errorMessage: message };
      if (run) await settleRun(context, run, "fail", outcome, true);
    },
    async chunk(link, runId, attempt) {
      // A run asked for by a plain call has nobody to stream to; its answer carries the whole output.
      const run = await requireRun(context, link.agentId, runId, attempt);
      if (!run) context.dispatcher.cancel(link.agentId, runId, attempt, "the run has ended");
    },
    async succeeded(link, runId, attempt, answer) {
      const run = await requireRun(context, link.agentId, runId, attempt);
      if (!run) return "late";
      context.metrics.step("provider", msSince(context, run));
      const problem = await problemOf(context, run, answer.output);
      if (problem) {
        const outcome = { errorCode: "provider_bad_output", errorMessage: problem };
        return settleRun(context, run, "fail", outcome, true);
      }
      const output = JSON.stringify(answer.output ?? null);
      const evidence = answer.evidence === undefined ? undefined : JSON.stringify(answer.evidence);
      return settleRun(context, run, "succeed", { output, evidence }, true);
    },
    async failed(link, runId, attempt, { code, message }) {
      const run = await requireRun(context, link.agentId, runId, attempt);
      if (!run) return "late";
      // A provider whose clock runs a moment ahead says of the same deadline what we would say.
      const isDeadline = code === "provider_timeout" && isDue(context, run);
      const ending = isDeadline ? "expire" : "fail";
      return settleRun(context, run, ending, { errorCode: code, errorMessage: message }, true);
    },
    async gone(agentId, epoch, reason) {
      // It may be back already, by another link: then its runs were sent to it again.
      const link = await context.links.whereIs(agentId);
      if (link && link.epoch > epoch) return;
      const message =
        reason === "shutdown" ? "The provider disconnected." : "The provider stopped answering.";
      for (const run of await listLiveRunsOf(context.database, agentId)) {
        const outcome = { errorCode: "provider_offline", errorMessage: message };
        await settleRun(context, run, "fail", outcome, false);
      }
    },
    unanswered: (agentId) => unanswered(context, agentId),
  };
}

/** How far a provider's clock may be ahead of ours. */
const CLOCK_SLACK_MS = 1_000;

function isDue(context: RunContext, { deadlineAt }: Run): boolean {
  const now = context.clock.now().getTime();
  return deadlineAt !== undefined && now >= deadlineAt.getTime() - CLOCK_SLACK_MS;
}

/** The agent's live runs, driven by this process from now on: who answers for them is here. */
async function unanswered(context: RunContext, agentId: string): Promise<RunOffer[]> {
  const offers: RunOffer[] = [];
  for (const live of await listLiveRunsOf(context.database, agentId)) {
    const run = await takeOver(context, live);
    const request = run && (await findRequest(context.database, run.id));
    if (!run || !request) continue;
    context.driven.set(run.id, run);
    const input: unknown = JSON.parse(request.input);
    offers.push(await toOffer(context, run, { input, manifest: JSON.parse(request.manifest) }));
  }
  return offers;
}

/** The run as this process drives it, or `undefined` where the answer is of no use any more. */
async function requireRun(
  context: RunContext,
  agentId: string,
  runId: string,
  attempt: number,
): Promise<Run | undefined> {
  const run = context.driven.get(runId) ?? (await findRun(context.database, runId));
  if (!run || run.agentId !== agentId || run.attempt !== attempt) return undefined;
  if (isTerminal(run.state) || run.processId !== context.processId) return undefined;
  return run;
}

/** What is wrong with an output, or `undefined`: the provider published what it would give. */
async function problemOf(
  context: RunContext,
  run: Run,
  output: unknown,
): Promise<string | undefined> {
  if (!run.outputSchema) return undefined;
  try {
    const problems = await context.schemas.problemsOf(run.outputSchema, output);
    return problems.length > 0
      ? `The provider's answer does not fit its schema: ${problems.join("; ")}`
      : undefined;
  } catch (error) {
    // The provider's own schema cannot be had: that is the provider's failure, not the requester's.
    if (!(error instanceof Fault)) throw error;
    return `The provider's output schema cannot be had: ${error.message}`;
  }
}

function msSince(context: RunContext, run: Run): number {
  return Math.max(0, context.clock.now().getTime() - run.createdAt.getTime());
}
