/** Puts the run engine together: those who ask, those who answer, and what time does. */
import type { Run } from "../domain/run.ts";
import { type Batcher, createBatcher } from "../lib/batcher.ts";
import type { Database } from "../store/database.ts";
import { insertRows, type RowKind } from "../store/rows.ts";
import { RESULT_ROWS, RUN_ROWS } from "../store/run-rows.ts";
import { createAgentReader } from "./agent-reader.ts";
import type { Dispatcher, RunEvents } from "./ports.ts";
import { createRuns, type Runs } from "./run.ts";
import { createRunAnswers } from "./run-answers.ts";
import type { RunContext } from "./run-context.ts";
import { createRunSweeper, type Sweeper } from "./run-sweeper.ts";

export interface RunEngine {
  readonly runs: Runs;
  readonly events: RunEvents;
  readonly sweeper: Sweeper;
  /** Runs whose offers this process sent and that have not ended. */
  readonly driven: number;
  /** The hub asks the engine and the engine asks the hub: one of them has to come first. */
  setDispatcher(dispatcher: Dispatcher): void;
  /** Stops what runs by itself and writes what is waiting. Live runs go on elsewhere or later. */
  close(): Promise<void>;
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
    "requests" | "results" | "driven" | "answering" | "dispatching" | "dispatcher"
  >,
): RunEngine {
  const { database } = parts;
  let dispatcher: Dispatcher = NOBODY;
  const driven = new Map<string, Run>();
  const requests = rowWriter(database, RUN_ROWS);
  const results = rowWriter(database, RESULT_ROWS);
  const context: RunContext = {
    ...parts,
    driven,
    dispatching: new Set(),
    answering: new Set(),
    requests,
    results,
    dispatcher: {
      holds: (agentId) => dispatcher.holds(agentId),
      offer: (offer) => dispatcher.offer(offer),
      cancel: (...cancelled) => dispatcher.cancel(...cancelled),
    },
  };
  const agents = createAgentReader(database);
  const sweeper = createRunSweeper(context);
  return {
    runs: createRuns(context, agents),
    events: createRunAnswers(context),
    sweeper,
    get driven() {
      return driven.size;
    },
    setDispatcher(next) {
      dispatcher = next;
    },
    async close() {
      await sweeper.stop();
      await Promise.all([requests.close(), results.close(), agents.close()]);
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
