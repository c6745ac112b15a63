/**
 * What providers say of the runs they were offered (`RunEvents`), by whichever wire.
 *
 * An answer counts only for the attempt it names, by the agent's newest connection, and this process
 * drives the run from then on: a run that another connection took over has moved on, and its version
 * says so.
 */
import { Fault } from "../domain/fault.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import { findRequest, findRun, listLiveRunsOf } from "../store/run.ts";
import { usageFrom } from "./call-charge.ts";
import { ReaderGone } from "./call-streams.ts";
import type { LinkIdentity, RunEvents, RunOffer } from "./ports.ts";
import { type RunContext, toOffer } from "./run-context.ts";
import { settleRun } from "./run-settling.ts";
import { takeOver } from "./run-takeover.ts";

export function createRunAnswers(context: RunContext): RunEvents {
  return {
    accepted() {
      // The run is running since it was opened; that it was received changes nothing for anyone.
    },
    async refused(link, runId, attempt, { code, message }) {
      const run = await requireRun(context, link, runId, attempt);
      const outcome = { errorCode: code, errorMessage: message };
      if (run) await settleRun(context, run, "fail", outcome, link);
    },
    async chunk(link, runId, attempt, { seq, data }) {
      const run = await requireRun(context, link, runId, attempt);
      if (!run) context.dispatcher.cancel(link.agentId, runId, attempt, "the run has ended");
      else if (run.call?.isStreamed) await handOn(context, run, seq, data);
      // Asked for by a plain call it has nobody to stream to; its answer carries the whole output.
      else if (!run.call) context.taskProgress.hear(runId, data);
    },
    async succeeded(link, runId, attempt, answer) {
      const run = await requireRun(context, link, runId, attempt);
      if (!run) return "late";
      context.metrics.step("provider", msSince(context, run));
      const problem = await whileAnswering(context, run, () =>
        run.call
          ? problemOfCall(context, run, answer.output)
          : problemOf(context, run, answer.output),
      );
      if (problem) {
        const outcome = { errorCode: "provider_bad_output", errorMessage: problem };
        return settleRun(context, run, "fail", outcome, link);
      }
      const output = JSON.stringify(answer.output ?? null);
      const evidence = answer.evidence === undefined ? undefined : JSON.stringify(answer.evidence);
      const usage = usageFrom(answer.usage);
      return settleRun(context, run, "succeed", { output, evidence, usage }, link);
    },
    async failed(link, runId, attempt, { code, message }) {
      const run = await requireRun(context, link, runId, attempt);
      if (!run) return "late";
      // A provider whose clock runs a moment ahead says of the same deadline what we would say.
      const isDeadline = code === "provider_timeout" && isDue(context, run);
      const ending = isDeadline ? "expire" : "fail";
      return settleRun(context, run, ending, { errorCode: code, errorMessage: message }, link);
    },
    async gone(agentId, epoch, reason) {
      const runs = await listLiveRunsOf(context.database, agentId);
      // It may be back already, by another link: then its runs were sent to it again. Asked after they were
      // listed, or some that it was hired for by that link would be among them.
      const link = await context.links.whereIs(agentId);
      if (link && link.epoch > epoch) return;
      const message =
        reason === "shutdown" ? "The provider disconnected." : "The provider stopped answering.";
      for (const run of runs) {
        const outcome = { errorCode: "provider_offline", errorMessage: message };
        await settleRun(context, run, "fail", outcome, undefined);
      }
    },
    async listOver(agentId, runs) {
      const live = await listLiveRunsOf(context.database, agentId);
      const attempts = new Map(live.map(({ id, attempt }) => [id, attempt]));
      return runs.filter(({ runId, attempt }) => attempts.get(runId) !== attempt);
    },
    unanswered: (agentId) => unanswered(context, agentId),
  };
}

/** Hands a chunk of text to whoever asked, and notes that it was taken. Where nobody is there, ends it. */
async function handOn(context: RunContext, run: Run, seq: number, data: unknown): Promise<void> {
  if (typeof data !== "string") return;
  try {
    await context.streams.push(run.id, seq, data);
    context.progress.add(run.id, Buffer.byteLength(data));
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
    if (!error.isSilent) return abandon(context, run);
    context.dispatcher.cancel(run.agentId, run.id, run.attempt, "nobody takes it any more");
    await settleCutOff(context, run);
  }
}

/** The server that handed an answer on died, or nothing reaches it: whoever asked did not leave. */
export async function settleCutOff(context: RunContext, run: Run): Promise<void> {
  const phase = (await context.progress.of(run)) > 0 ? "during" : "before";
  const errorMessage = "The server that handed the answer on went away.";
  const call = { end: "server", phase } as const;
  const outcome = { errorCode: "provider_failed", errorMessage, call };
  await settleRun(context, run, "fail", outcome, undefined);
}

/** Whoever asked for a streamed answer has gone: what was handed on is paid, and the rest not wanted. */
export async function abandon(context: RunContext, run: Run): Promise<void> {
  context.dispatcher.cancel(run.agentId, run.id, run.attempt, "nobody waits for it any more");
  const phase = (await context.progress.of(run)) > 0 ? "during" : "before";
  await settleRun(context, run, "cancel", { call: { end: "requester", phase } }, undefined);
}

/** Another process may take a run over at the same moment, but not this often. */
const TAKE_OVERS_MAX = 5;
/** How far a provider's clock may be ahead of ours. */
const CLOCK_SLACK_MS = 1_000;

function isDue(context: RunContext, { deadlineAt }: Run): boolean {
  const now = context.clock.now().getTime();
  return deadlineAt !== undefined && now >= deadlineAt.getTime() - CLOCK_SLACK_MS;
}

/** The agent's live runs, driven by this process from now on: who answers for them is here. */
async function unanswered(context: RunContext, agentId: string): Promise<RunOffer[]> {
  const live = await listLiveRunsOf(context.database, agentId);
  const offers = await Promise.all(live.map((run) => offerAgain(context, run)));
  return offers.filter((offer) => offer !== undefined);
}

async function offerAgain(context: RunContext, live: Run): Promise<RunOffer | undefined> {
  if (live.call?.isStreamed) {
    // What was handed on of an answer cannot be taken back, and another answer does not go on from it.
    const errorMessage = "The provider's connection broke.";
    await settleRun(
      context,
      live,
      "fail",
      { errorCode: "provider_offline", errorMessage },
      undefined,
    );
    return undefined;
  }
  const run = await takeOver(context, live);
  const request = run && (await findRequest(context.database, run.id));
  if (!run || !request) return undefined;
  context.driven.set(run.id, run);
  const input: unknown = JSON.parse(request.input);
  return toOffer(context, run, { input, manifest: JSON.parse(request.manifest) });
}

/** The run, driven by this process, or `undefined` where the answer is of no use any more. */
async function requireRun(
  context: RunContext,
  link: LinkIdentity,
  runId: string,
  attempt: number,
): Promise<Run | undefined> {
  const isMeant = (run: Run) =>
    run.agentId === link.agentId && run.attempt === attempt && !isTerminal(run.state);
  const driven = context.driven.get(runId);
  if (driven) return isMeant(driven) ? driven : undefined;
  for (let tries = 1; tries <= TAKE_OVERS_MAX; tries++) {
    const run = await findRun(context.database, runId);
    if (!run || !isMeant(run)) return undefined;
    if (run.processId === context.processId) return run;
    // Who drives it died, or has not learnt that its agent is here now. The answer counts all the
    // same: a provider that was told otherwise would forget it, and be asked to do the work twice.
    if (!(await context.links.isNewest(link))) return undefined;
    const taken = await takeOver(context, run);
    if (taken) return taken;
  }
  throw new Error(`run ${runId} changed hands too often to take its answer`);
}

/** The answer came in time, however long it takes to look at it. */
async function whileAnswering<T>(
  { answering }: RunContext,
  run: Run,
  look: () => Promise<T>,
): Promise<T> {
  answering.add(run.id);
  try {
    return await look();
  } finally {
    answering.delete(run.id);
  }
}

/**
 * What is wrong with the answer of a model's call. It may be any JSON and may have no words in it, but
 * nothing at all is no answer, and nobody pays for it (OpenMarlin contract §6.3; domain/settlement.ts,
 * rule 1). What came in pieces need not be said again.
 */
async function problemOfCall(
  { progress }: RunContext,
  run: Run,
  output: unknown,
): Promise<string | undefined> {
  if (output !== undefined && output !== null) return undefined;
  return (await progress.of(run)) > 0 ? undefined : "The provider answered nothing.";
}

/** What is wrong with an output, or `undefined`: the provider published what it would give. */
async function problemOf(
  context: RunContext,
  run: Run,
  output: unknown,
): Promise<string | undefined> {
  if (!run.outputSchema) return undefined;
  try {
    const problems = await context.schemas.problemsOf(
      run.providerWorkspaceId,
      run.outputSchema,
      output,
    );
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
