/** Puts the run engine together: those who ask, those who answer, and what time does. */
import type { TokenRates } from "../domain/token-price.ts";
import { type Batcher, createBatcher } from "../lib/batcher.ts";
import type { Database } from "../store/database.ts";
import { insertRows, type RowKind } from "../store/rows.ts";
import { RESULT_ROWS, RUN_ROWS } from "../store/run-rows.ts";
import { createAgentReader } from "./agent-reader.ts";
import { createCallProgress } from "./call-progress.ts";
import { createCallStreams } from "./call-streams.ts";
import { DrivenRuns } from "./driven-runs.ts";
import { createExecutions, type Executions } from "./execution.ts";
import { createModelCalls, type ModelCallSettings, type ModelCalls } from "./model-call.ts";
import { createModelDirectory, type ModelDirectory } from "./model-directory.ts";
import type { Dispatcher, RunEvents } from "./ports.ts";
import { createRuns, type Runs } from "./run.ts";
import { createRunAnswers } from "./run-answers.ts";
import type { RunContext } from "./run-context.ts";
import { createRunSweeper } from "./run-sweeper.ts";
import type { Sweeper } from "./sweeping.ts";
import { createTasks, type TaskSettings, type Tasks } from "./task.ts";
import { createTaskProgress } from "./task-progress.ts";
import { createVideoJobs, type VideoTools } from "./video-jobs.ts";

export interface RunEngine {
  readonly runs: Runs;
  readonly calls: ModelCalls;
  readonly executions: Executions;
  readonly tasks: Tasks;
  readonly directory: ModelDirectory;
  readonly events: RunEvents;
  readonly sweeper: Sweeper;
  /** Runs whose offers this process sent and that have not ended. */
  readonly driven: number;
  /** The hub asks the engine and the engine asks the hub: one of them has to come first. */
  setDispatcher(dispatcher: Dispatcher): void;
  /**
   * Resolves once no answer is streamed by way of this process, at the latest after so many milliseconds: unlike
   * other work, these cannot go on elsewhere.
   */
  streamed(msMax: number): Promise<void>;
  /** Stops what runs by itself and writes what is waiting. Live runs go on elsewhere or later. */
  close(): Promise<void>;
}

/** How models are called here. */
export interface ModelSettings extends ModelCallSettings {
  /** Whether every node may offer models by their own names. */
  readonly grantsAll: boolean;
  /** What a call of a model costs that has no price. */
  readonly unpriced: TokenRates;
}

/** Until the hub is there. */
const NOBODY: Dispatcher = { holds: () => false, offer: () => false, cancel: () => undefined };
/** Rows a statement; with inputs of a megabyte, the weight holds first. */
const ROWS_MAX = 256;
const ROW_BYTES_MAX = 4 * 1024 * 1024;
/** Requests that may wait to be written: about as many as the ledger takes. */
const WAITING_MAX = 8_192;

export function createRunEngine(
  parts: Omit<
    RunContext,
    | "requests"
    | "results"
    | "driven"
    | "answering"
    | "calling"
    | "dispatching"
    | "dispatcher"
    | "progress"
    | "streams"
    | "taskProgress"
  > & {
    readonly models: ModelSettings;
    readonly tasks: TaskSettings;
    readonly videos: VideoTools;
  },
): RunEngine {
  const { database, models } = parts;
  let dispatcher: Dispatcher = NOBODY;
  const driven = new DrivenRuns();
  const requests = rowWriter(database, RUN_ROWS);
  const results = rowWriter(database, RESULT_ROWS);
  const progress = createCallProgress(parts);
  const taskProgress = createTaskProgress(parts);
  const streams = createCallStreams(parts);
  const context: RunContext = {
    ...parts,
    progress,
    taskProgress,
    streams,
    driven,
    dispatching: new Set(),
    answering: new Set(),
    calling: new Set(),
    requests,
    results,
    dispatcher: {
      holds: (agentId) => dispatcher.holds(agentId),
      offer: (offer) => dispatcher.offer(offer),
      cancel: (...cancelled) => dispatcher.cancel(...cancelled),
    },
  };
  const agents = createAgentReader(database);
  const directory = createModelDirectory({
    ...{ database, clock: parts.clock, bus: parts.bus, processId: parts.processId },
    grantsAll: models.grantsAll,
    unpriced: models.unpriced,
    holds: (agentId) => dispatcher.holds(agentId),
    loadOf: (agentId) => driven.countOf(agentId),
  });
  const calls = createModelCalls(context, agents, directory, models);
  const sweeper = createRunSweeper(context);
  const videoJobs = createVideoJobs(context, parts.videos);
  return {
    runs: createRuns(context, agents),
    calls,
    executions: createExecutions(context, calls),
    tasks: createTasks(context, agents, parts.tasks, videoJobs),
    directory,
    events: createRunAnswers(context),
    sweeper,
    get driven() {
      return driven.size;
    },
    setDispatcher(next) {
      dispatcher = next;
    },
    streamed: (msMax) => driven.streamed(msMax),
    async close() {
      await Promise.all([sweeper.stop(), videoJobs.stop()]);
      streams.stop();
      directory.stop();
      const writers = [requests, results, progress, taskProgress, agents];
      await Promise.all(writers.map((writer) => writer.close()));
    },
  };
}

function rowWriter<Record>(database: Database, kind: RowKind<Record>): Batcher<Record, void> {
  return createBatcher<Record, void>({
    itemsMax: ROWS_MAX,
    waitingMax: WAITING_MAX,
    weightMax: ROW_BYTES_MAX,
    weigh: (record) => kind.weigh(record),
    run: (records) => insertRows(database, kind, records),
  });
}
