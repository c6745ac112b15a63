/**
 * Tasks that an interface of somebody else's does: handed over once, looked at until it is done, fetched.
 *
 *   1. The job is written with its run. Whoever drives the run finds it due, in whichever process.
 *   2. Before it is handed over that is written down; afterwards, by which id it is known there. A process
 *      that dies in between leaves it unknown whether it was taken: then the run fails, unpaid. It is
 *      never handed over a second time, since each is paid for there.
 *   3. It is looked at, each time a little later. What cannot be asked now is asked again, until the
 *      run's deadline.
 *   4. What was made is stored for whoever asked for it; then the run is settled.
 */
import { setTimeout as delay } from "node:timers/promises";
import { prefixed } from "@guildhall/protocol";
import { FILE_PREFIX } from "../domain/asset.ts";
import { Fault } from "../domain/fault.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import { type VideoInput, videoOrderOf, waitMsAfter } from "../domain/video.ts";
import { findRequest, findRun } from "../store/run.ts";
import {
  deleteEndedVideoJobs,
  listDueVideoJobs,
  updateVideoJob,
  type VideoJobRow,
} from "../store/video-job.ts";
import type { UpstreamEndpoint, UpstreamRoute } from "./ports.ts";
import type { RunContext } from "./run-context.ts";
import type { RunFiles } from "./run-files.ts";
import { type RunOutcome, settleRun } from "./run-settling.ts";
import { createSweeper } from "./sweeping.ts";
import type { UpstreamDirectory } from "./upstream-directory.ts";
import type { VideoReport, VideoUpstreams } from "./video-ports.ts";

export interface VideoTools {
  readonly directory: Pick<UpstreamDirectory, "routesOf">;
  readonly upstreams: VideoUpstreams;
  readonly files: RunFiles;
}

export interface VideoJobs {
  /** Does what is due; runs by itself each second. Never throws. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** Jobs that one process has in hand at once: each may hold a picture, or a video on its way. */
const JOBS_MAX = 16;
/** Of them, one workspace's: an interface that is slow with its jobs keeps nobody else waiting. */
const JOBS_OF_ONE_MAX = 4;
const CALL_MS_MAX = 120_000;
const CONTENT_MS_MAX = 600_000;
/** Times that a job is offered to an interface that is busy or away. */
const HAND_OVERS_MAX = 12;
/** An interface usually takes a job within a second. */
const STOP_MS_MAX = 5_000;
const CLEAN_MS = 3_600_000;

interface InHand {
  readonly workspaceId: string;
  readonly working: Promise<void>;
}

export function createVideoJobs(context: RunContext, tools: VideoTools): VideoJobs {
  const { clock, database, log, processId } = context;
  const busy = new Map<string, InHand>();
  const stopping = new AbortController();
  let cleanedAtMs = 0;

  async function sweepOnce(): Promise<void> {
    if (stopping.signal.aborted) return;
    const now = clock.now();
    const most = { jobs: JOBS_MAX, perWorkspace: JOBS_OF_ONE_MAX };
    const inHand = [...busy.keys()];
    const due = await listDueVideoJobs(database, { processId, now, inHand }, most);
    for (const { workspaceId, ...job } of due) {
      const theirs = [...busy.values()].filter((other) => other.workspaceId === workspaceId);
      if (busy.size >= JOBS_MAX || theirs.length >= JOBS_OF_ONE_MAX) continue;
      const working = work(context, tools, job, stopping.signal)
        .catch((error: unknown) => {
          log.error({ error, runId: job.runId }, "a video's job failed; it is tried again");
        })
        .finally(() => busy.delete(job.runId));
      busy.set(job.runId, { workspaceId, working });
    }
    if (now.getTime() - cleanedAtMs >= CLEAN_MS) {
      cleanedAtMs = now.getTime();
      await deleteEndedVideoJobs(database, new Date(now.getTime() - CLEAN_MS));
    }
  }

  const sweeper = createSweeper({ database, log, what: "videos", shapes: ["run"], sweepOnce });
  return {
    sweep: sweeper.sweep,
    async stop() {
      stopping.abort();
      await sweeper.stop();
      const working = [...busy.values()].map((job) => job.working);
      await Promise.race([Promise.all(working), delay(STOP_MS_MAX)]);
    },
  };
}

async function work(
  context: RunContext,
  tools: VideoTools,
  job: VideoJobRow,
  stopping: AbortSignal,
): Promise<void> {
  const run = await findRun(context.database, job.runId);
  if (!run || isTerminal(run.state)) return;
  // It is done from here, and nobody is to be sent it.
  context.driven.set(run.id, run);
  const [route] = await tools.directory.routesOf(run.agentId, job.model);
  const step = { context, tools, job, run };
  try {
    if (job.upstreamId !== undefined) await follow(step, requireEndpoint(route, job), stopping);
    else if (job.handedAt === undefined) await handOver(step, route);
    else throw unknownFault();
  } catch (error) {
    if (stopping.aborted) return;
    await failed(step, error);
  }
}

interface Step {
  readonly context: RunContext;
  readonly tools: VideoTools;
  readonly job: VideoJobRow;
  readonly run: Run;
}

async function handOver(
  { context, tools, job, run }: Step,
  route: UpstreamRoute | undefined,
): Promise<void> {
  const endpoint = route?.endpoints[job.tries % Math.max(1, route.endpoints.length)];
  if (!route || !endpoint) throw goneFault();
  const order = videoOrderOf(await inputOf(context, run));
  const picture = order.media && (await tools.files.picture(run.workspaceId, order.media));
  const { clock, database } = context;
  const handedAt = clock.now();
  const handed = { ...job, endpointId: endpoint.id, handedAt };
  await updateVideoJob(database, handed);
  const request = {
    ...{ model: route.upstreamModel, prompt: order.prompt, picture },
    ...{ seconds: order.seconds, size: order.size, idempotencyKey: run.id },
  };
  // Not cut short by a stop, which would leave it unknown whether it was taken.
  const report = await tools.upstreams.create(endpoint, request, AbortSignal.timeout(CALL_MS_MAX));
  const nextAt = new Date(clock.now().getTime() + waitMsAfter(0));
  await updateVideoJob(database, { ...handed, upstreamId: report.id, tries: 0, nextAt });
  hear(context, run, report);
}

async function follow(
  step: Step,
  endpoint: UpstreamEndpoint,
  stopping: AbortSignal,
): Promise<void> {
  const { context, tools, job, run } = step;
  const id = job.upstreamId ?? "";
  const report = await tools.upstreams.look(endpoint, id, within(CALL_MS_MAX, stopping));
  hear(context, run, report);
  if (report.state === "failed") {
    const message = report.problem ?? "The interface could not make it.";
    return end(step, { errorCode: "provider_failed", errorMessage: message });
  }
  if (report.state !== "done") return later(context, job);
  const signal = within(CONTENT_MS_MAX, stopping);
  const stream = await tools.upstreams.content(endpoint, id, signal);
  const asset = await tools.files.keep(run, stream, "video.mp4");
  const [width, height] = report.size?.split("x").map(Number) ?? [];
  const output = {
    file: { file_id: prefixed(FILE_PREFIX, asset.id) },
    ...(report.seconds !== undefined && { duration_ms: Math.round(report.seconds * 1000) }),
    ...(width && height && { width, height }),
    ...{ bytes: asset.bytes, model: job.model },
  };
  await settleRun(context, run, "succeed", { output: JSON.stringify(output) }, undefined);
}

/** Until it has begun there, its task is queued. */
function hear({ taskProgress }: RunContext, { id }: Run, { state, progress }: VideoReport): void {
  if (state === "running") taskProgress.hear(id, { progress: progress ?? 0 });
}

/** What the next try, or the deadline, may mend. */
const PASSING: ReadonlySet<string> = new Set([
  ...["provider_offline", "provider_busy", "provider_timeout", "provider_failed"],
  ...["provider_bad_output", "upload_too_slow", "overloaded", "rate_limited", "cancelled"],
]);
/** Of handing it over: the interface has surely done nothing. */
const SURELY_NOT_TAKEN: ReadonlySet<string> = new Set(["provider_offline", "provider_busy"]);

async function failed(step: Step, error: unknown): Promise<void> {
  const { context, job, run } = step;
  if (!(error instanceof Fault)) throw error;
  const { code, message } = error as Fault;
  const isLooking = job.upstreamId !== undefined;
  const mayPass = isLooking
    ? PASSING.has(code)
    : SURELY_NOT_TAKEN.has(code) && job.tries < HAND_OVERS_MAX;
  if (mayPass) return later(context, { ...job, ...(!isLooking && NOT_HANDED) });
  context.log.warn({ error, runId: run.id }, "an interface did not make a video");
  const errorCode = RUN_CODES.has(code) ? code : "provider_failed";
  await end(step, { errorCode, errorMessage: message });
}

async function end({ context, run }: Step, outcome: RunOutcome): Promise<void> {
  await settleRun(context, run, "fail", outcome, undefined);
}

const NOT_HANDED = { endpointId: undefined, handedAt: undefined };
/** Codes that a failed run can have. */
const RUN_CODES: ReadonlySet<string> = new Set([
  ...["provider_offline", "provider_busy", "provider_timeout", "provider_bad_output"],
]);

async function later({ clock, database }: RunContext, job: VideoJobRow): Promise<void> {
  const tries = job.tries + 1;
  const nextAt = new Date(clock.now().getTime() + waitMsAfter(tries));
  await updateVideoJob(database, { ...job, tries, nextAt });
}

async function inputOf({ database }: RunContext, { id }: Run): Promise<VideoInput> {
  const request = await findRequest(database, id);
  if (!request) throw new Error(`run ${id} has no request`);
  return JSON.parse(request.input) as VideoInput;
}

function requireEndpoint(
  route: UpstreamRoute | undefined,
  { endpointId }: VideoJobRow,
): UpstreamEndpoint {
  const endpoint = route?.endpoints.find(({ id }) => id === endpointId);
  if (endpoint) return endpoint;
  throw goneFault();
}

function goneFault(): Fault {
  return new Fault("provider_unconfigured", "The interface is not set up any more.");
}

function unknownFault(): Fault {
  const message =
    "The server went away while the work was being handed over. Whether it was taken is not known, so it is not asked for again.";
  return new Fault("provider_unconfigured", message);
}

function within(ms: number, stopping: AbortSignal): AbortSignal {
  return AbortSignal.any([stopping, AbortSignal.timeout(ms)]);
}
