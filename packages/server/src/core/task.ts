/**
 * Tasks: work whose end is asked for later, done by whom the operator chose for it (docs/tasks.md).
 *
 *   1. The same key again is the same task, in whatever state it is, and costs nothing.
 *   2. Who does it is looked up: nobody set up, or nobody there, is said before money is looked at.
 *   3. It is opened as a run like any other: its price is held under every limit, and it is offered.
 *   4. Its provider says how far it is, and answers. What it made is a file of whoever asked.
 */
import canonicalize from "canonicalize";
import type { Agent } from "../domain/agent.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { runPriceMicros } from "../domain/price.ts";
import {
  ARTIFACT_LINK_MS,
  TASK_SECONDS,
  type TaskExecutor,
  type TaskState,
  taskStateOf,
} from "../domain/task.ts";
import { videoOrderOf } from "../domain/video.ts";
import { findAgentBySlug } from "../store/agent.ts";
import { findReadableAssets } from "../store/asset.ts";
import { findModelPrice } from "../store/model-price.ts";
import { rowOf } from "../store/rows.ts";
import { findRun } from "../store/run.ts";
import { findTask, TASK_ROWS, type TaskRow } from "../store/task.ts";
import { findUpstream, type UpstreamRow } from "../store/upstream.ts";
import { VIDEO_JOB_ROWS } from "../store/video-job.ts";
import { findOpenedWork } from "../store/work.ts";
import { findWorkspace } from "../store/workspace.ts";
import type { AgentReader } from "./agent-reader.ts";
import type { FileLinks } from "./file-link.ts";
import { artifactIdIn } from "./output-file.ts";
import { dispatch, type RunView, viewOf } from "./run.ts";
import { type RunContext, sha256Hex } from "./run-context.ts";
import {
  checkInput,
  commitRun,
  type OpenedRun,
  type RunOrder,
  replay,
  requireAffordable,
} from "./run-opening.ts";
import type { VideoJobs } from "./video-jobs.ts";
import { locateAgent } from "./work-opening.ts";

/** What somebody wants done. */
export interface SubmitTask {
  readonly kind: "video";
  /** What the executor's capability takes. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Opaque to us: told again with the task. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  readonly idempotencyKey: string | undefined;
  /** The most that the caller is willing to pay for it. */
  readonly maxMicros: bigint | undefined;
}

/** A task as whoever asked for it sees it. */
export interface TaskView {
  readonly id: string;
  readonly workspaceId: string;
  readonly kind: string;
  readonly state: TaskState;
  /** The slug of the agent that does it. */
  readonly providerSlug: string;
  readonly metadata: unknown;
  readonly createdAt: Date;
  /** When something about it was last written down. */
  readonly updatedAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** The share that is done, from 0 to 1, where anybody has said so. */
  readonly progress: number | undefined;
  /** What its provider answered, once it has succeeded. */
  readonly output: unknown;
  /** Where the file is that it made: for whoever has the address, for a day. */
  readonly artifact: { readonly url: string; readonly mime: string } | undefined;
  readonly fault: Fault | undefined;
}

export interface Tasks {
  /**
   * Opens a task, or finds the one that was opened with the same key.
   *
   * @throws {Fault} `idempotency_conflict`; `not_found` of kind `task-executor`; what refuses the
   * opening of any run. Then nothing was done, and the key is free.
   */
  submit(
    caller: Caller,
    order: SubmitTask,
  ): Promise<{ readonly task: TaskView; readonly isReplay: boolean }>;
  /** @throws {Fault} `not_found` of kind `task`, also where it is somebody else's */
  require(caller: Caller, id: string): Promise<TaskView>;
}

export interface TaskSettings {
  /** Who does tasks; `undefined` where nobody does. */
  readonly executor: TaskExecutor | undefined;
  readonly links: FileLinks;
}

const OPERATION = "tasks.submit";

export function createTasks(
  context: RunContext,
  agents: AgentReader,
  settings: TaskSettings,
  videoJobs: Pick<VideoJobs, "sweep">,
): Tasks {
  return {
    async submit(caller, order) {
      const opened =
        (await findOpened(context, caller, order)) ??
        (await open(context, agents, settings, caller, order));
      const { run, isReplay } = opened;
      try {
        // Told as it was submitted, before whoever does it hears of it: queued (contract §7).
        return { task: await view(context, settings, caller, run.id), isReplay };
      } finally {
        if (!isReplay) begin(context, opened, order, videoJobs);
      }
    },
    require: (caller, id) => view(context, settings, caller, id),
  };
}

/** A task's run, and whether an interface does it. */
type OpenedTask = OpenedRun & { readonly isUpstream?: boolean };

/** Has it done. Whoever is not reached now is by the sweepers, so nobody waits for this. */
function begin(
  context: RunContext,
  opened: OpenedTask,
  order: SubmitTask,
  videoJobs: Pick<VideoJobs, "sweep">,
): void {
  if (opened.isUpstream) {
    void videoJobs.sweep();
    return;
  }
  const request = { input: order.input, manifest: { intention: order.kind } };
  dispatch(context, opened, request).catch((error: unknown) =>
    context.log.warn({ error, runId: opened.run.id }, "could not send a task; the sweeper will"),
  );
}

/** What was opened with this key already, whether or not anybody could do it now. */
async function findOpened(
  context: RunContext,
  { workspaceId }: Caller,
  order: SubmitTask,
): Promise<OpenedRun | undefined> {
  const { idempotencyKey } = order;
  if (idempotencyKey === undefined) return undefined;
  const opening = { workspaceId, operation: OPERATION, idempotencyKey };
  const opened = await findOpenedWork(context.database, opening);
  return opened && replay(context, opened, hashOf(order));
}

async function open(
  context: RunContext,
  agents: AgentReader,
  { executor }: TaskSettings,
  caller: Caller,
  order: SubmitTask,
): Promise<OpenedTask> {
  const named = executor && (await findAgentBySlug(context.database, executor.slug));
  if (!executor || !named) throw nobody("Nobody is set up for tasks of this kind.");
  const upstream = await findUpstream(context.database, named.id);
  const opened = await agents.hire(named.id, async (agent) => {
    const offer = upstream
      ? await offerOfUpstream(context, agent, upstream, caller, order, executor.capability)
      : await offerOfProvider(context, agent, caller, order, executor.capability);
    return openWith(context, caller, order, agent, offer);
  });
  return { ...opened, isUpstream: upstream !== undefined };
}

/** What of a task's run depends on who does it. */
type Offer = Pick<RunOrder, "capability" | "priceMicros" | "outputSchema" | "driver"> & {
  readonly rowsOf?: RunOrder["rowsOf"];
};

async function offerOfProvider(
  context: RunContext,
  agent: Agent,
  caller: Caller,
  order: SubmitTask,
  slug: string,
): Promise<Offer> {
  const capability = agent.capabilities.find((offered) => offered.slug === slug);
  if (!capability || agent.suspendedAt)
    throw nobody("Whoever does such tasks offers them no more.");
  if (!(await locateAgent(context, agent.id))) throw away();
  await checkInput(context, caller, agent, capability, order);
  return {
    ...{ capability: slug, priceMicros: runPriceMicros(capability.price) },
    outputSchema: capability.outputSchema,
    async driver() {
      const link = await locateAgent(context, agent.id);
      if (!link) throw away();
      return link.processId;
    },
  };
}

/** An interface that makes videos. What it cannot make is refused here, before anything is held. */
async function offerOfUpstream(
  context: RunContext,
  agent: Agent,
  upstream: UpstreamRow,
  caller: Caller,
  order: SubmitTask,
  model: string,
): Promise<Offer> {
  const isOffered = upstream.models.some((offered) => offered.model === model);
  // No connection of its owner's ends with the owner's leave, as a provider's does.
  const owner = await findWorkspace(context.database, agent.workspaceId);
  const isSuspended = agent.suspendedAt !== undefined || owner?.suspendedAt !== undefined;
  const isThere = upstream.kind === "openai-videos" && upstream.endpoints.length > 0;
  if (!isThere || !isOffered || isSuspended) {
    throw nobody("Whoever does such tasks offers them no more.");
  }
  videoOrderOf(order.input);
  await context.files.check(caller.workspaceId, order.input);
  const price = await findModelPrice(context.database, model);
  // A call of a model may cost a cent where nobody said what; a video is another matter.
  if (!price) throw nobody("Whoever does such tasks has no price yet.");
  return {
    ...{ capability: order.kind, priceMicros: price.requestMicros, outputSchema: undefined },
    driver: () => context.processId,
    rowsOf: ({ id: runId, createdAt: nextAt }) => [rowOf(VIDEO_JOB_ROWS, { runId, model, nextAt })],
  };
}

async function openWith(
  context: RunContext,
  caller: Caller,
  order: SubmitTask,
  agent: Agent,
  { rowsOf, ...offer }: Offer,
): Promise<OpenedRun> {
  requireAffordable(offer.priceMicros, order);
  return commitRun(context, agent, caller, {
    ...{ ...offer, operation: OPERATION, call: undefined },
    ...{ referredBy: undefined, chainId: undefined, manifestId: undefined },
    input: JSON.stringify(order.input),
    manifest: JSON.stringify({ intention: order.kind }),
    timeoutMs: TASK_SECONDS * 1000,
    idempotencyKey: order.idempotencyKey,
    requestHash: order.idempotencyKey === undefined ? undefined : hashOf(order),
    rowsOf: (run) => [
      rowOf(TASK_ROWS, {
        ...{ runId: run.id, kind: order.kind },
        metadata: order.metadata && JSON.stringify(order.metadata),
      }),
      ...(rowsOf?.(run) ?? []),
    ],
  });
}

async function view(
  context: RunContext,
  settings: TaskSettings,
  caller: Caller,
  id: string,
): Promise<TaskView> {
  const task = await findTask(context.database, id);
  const run = task && (await findRun(context.database, id));
  // Whoever does it knows it as a run; as a task it is only theirs who asked for it.
  if (!run || run.workspaceId !== caller.workspaceId) {
    throw new Fault("not_found", "There is no such task.", { kind: "task", id });
  }
  const seen = await viewOf(context, run);
  return toView(task, seen, await artifactOf(context, settings, seen));
}

function toView(task: TaskRow, view: RunView, artifact: TaskView["artifact"]): TaskView {
  const { run, finishedAt } = view;
  return {
    ...{ id: run.id, workspaceId: run.workspaceId, kind: task.kind },
    state: taskStateOf(run.state, task.startedAt !== undefined),
    providerSlug: task.providerSlug,
    metadata: task.metadata === undefined ? undefined : JSON.parse(task.metadata),
    createdAt: run.createdAt,
    updatedAt: finishedAt ?? task.notedAt ?? run.createdAt,
    startedAt: task.startedAt,
    finishedAt,
    progress: run.state === "succeeded" ? 1 : task.progress,
    ...{ output: view.output, artifact, fault: view.fault },
  };
}

/** A provider may name any file; an address is made only of one that whoever asked may read. */
async function artifactOf(
  { database, clock }: RunContext,
  { links }: TaskSettings,
  { run, output }: RunView,
): Promise<TaskView["artifact"]> {
  const id = artifactIdIn(output);
  const [asset] = id === undefined ? [] : await findReadableAssets(database, run.workspaceId, [id]);
  if (!asset) return undefined;
  const until = new Date(clock.now().getTime() + ARTIFACT_LINK_MS);
  return { url: links.urlOf(asset.id, until), mime: asset.mime };
}

function nobody(message: string): Fault {
  return new Fault("not_found", message, { kind: "task-executor", id: "video" });
}

function away(): Fault {
  return nobody("Whoever does such tasks is not connected at the moment. Try again later.");
}

/** The same task has the same parts, in whichever order they were written. */
function hashOf({ kind, input, metadata, maxMicros }: SubmitTask): string {
  const parts = { kind, input, metadata: metadata ?? null, most: maxMicros?.toString() ?? null };
  return sha256Hex(canonicalize(parts) ?? "");
}
