/** What the parts of the run engine share: who writes, who is told, what this process drives. */
import { createHash } from "node:crypto";
import type { Run } from "../domain/run.ts";
import type { Batcher } from "../lib/batcher.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { type Row, type RowKind, rowOf } from "../store/rows.ts";
import type { ResultRecord } from "../store/run.ts";
import type { RunRecord } from "../store/run-rows.ts";
import type { CallProgress } from "./call-progress.ts";
import type { CallStreams } from "./call-streams.ts";
import type { DrivenRuns } from "./driven-runs.ts";
import type { InputFiles } from "./input-files.ts";
import type { Ledger } from "./ledger.ts";
import type { Bus, Dispatcher, LinkIdentity, RunOffer } from "./ports.ts";
import type { TaskProgress } from "./task-progress.ts";
import type { Waiters } from "./waiters.ts";

/** Where an agent's connection is: which process holds it. `undefined` when it is offline. */
export interface LinkLocator {
  /** Whether no newer connection of the agent was opened since, alive or not. */
  isNewest(link: LinkIdentity): Promise<boolean>;
  whereIs(agentId: string): Promise<{ processId: string; epoch: number } | undefined>;
}

export interface LinkEndings {
  /** Whether the agent's newest connection was ended: it is not awaited back. */
  hasEnded(agentId: string): Promise<boolean>;
}

/** Whether a value fits a schema; what is wrong with it, in words for the one who sent it. */
export interface SchemaValidator {
  /** Problems found, none when it fits the schema of that workspace. Throws `schema_unavailable` when the schema cannot be had. */
  problemsOf(
    workspaceId: string,
    schema: { readonly url: string; readonly digest: string },
    value: unknown,
  ): Promise<readonly string[]>;
}

export interface RunContext {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly bus: Bus;
  readonly dispatcher: Dispatcher;
  readonly links: LinkLocator & LinkEndings;
  readonly waiters: Waiters;
  readonly files: InputFiles;
  readonly schemas: SchemaValidator;
  readonly processId: string;
  /** Whether processes whose lease has ended may be taken for dead now. */
  readonly mayTakeOver: () => boolean;
  readonly feeBasisPoints: number;
  /** Writers of what is too large to travel with its command. */
  readonly requests: Batcher<RunRecord, void>;
  readonly results: Batcher<ResultRecord, void>;
  /** Runs whose answer has come and is being looked at: their deadline is met. */
  readonly answering: Set<string>;
  /** Runs whose offers this process sent: their answers need not be looked up. */
  readonly driven: DrivenRuns;
  /** Runs that are being sent right now: a hint and the sweeper must not send one twice. */
  readonly dispatching: Set<string>;
  /** Calls of interfaces that this process has open and will end. */
  readonly calling: Set<string>;
  /** How far streamed answers have come. */
  readonly progress: CallProgress;
  /** How far tasks are. */
  readonly taskProgress: TaskProgress;
  /** Streamed answers on their way to whoever asked. */
  readonly streams: CallStreams;
  readonly metrics: RunMetrics;
}

/** What is counted and timed; `app.ts` joins it to the metrics page. */
export interface RunMetrics {
  ended(state: string): void;
  /** Milliseconds that a step of a run took. */
  step(name: "prepare" | "open" | "provider" | "settle", ms: number): void;
}

/** The bus subject on which a process is told that it has runs to offer. */
export function offersFor(processId: string): string {
  return `process.${processId}.offers`;
}

/** Rows above this many bytes are written before their command, and not in its batch. */
const TRAVELS_WITH_COMMAND_BYTES_MAX = 4 * 1024;

/** Writes a large record now; gives a small one back, to be written with its command. */
export async function writeLarge<Record>(
  writer: Batcher<Record, void>,
  kind: RowKind<Record>,
  record: Record,
): Promise<readonly Row[]> {
  if (kind.weigh(record) <= TRAVELS_WITH_COMMAND_BYTES_MAX) return [rowOf(kind, record)];
  await writer.add(record);
  return [];
}

export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Sends a run to its agent by the connection that this process holds. */
export async function offerRun(
  context: RunContext,
  run: Run,
  request: { readonly input: unknown; readonly manifest: unknown },
): Promise<void> {
  const offer = await toOffer(context, run, request);
  // Nobody at the other end is no failure: the sweeper tries again, as does the agent's next
  // identification, and at the latest the deadline ends it. An answer may come before offer() returns.
  context.driven.set(run.id, run);
  if (!context.dispatcher.offer(offer)) context.driven.delete(run.id);
}

/** A run as its provider is told of it. */
export async function toOffer(
  context: RunContext,
  run: Run,
  request: { readonly input: unknown; readonly manifest: unknown },
): Promise<RunOffer> {
  const deadlineAt = run.deadlineAt ?? context.clock.now();
  return {
    runId: run.id,
    attempt: run.attempt,
    agentId: run.agentId,
    capability: run.capability,
    input: await context.files.deliver(
      run.workspaceId,
      request.input,
      deadlineAt,
      run.providerWorkspaceId,
    ),
    manifest: request.manifest,
    requesterWorkspaceId: run.workspaceId,
    chainId: run.chainId,
    maxMicros: run.priceMicros,
    deadlineAt,
    timeoutSeconds: run.timeoutSeconds,
  };
}

/** A check of an answer against its schema takes two seconds at most, once it is its turn. */
const OTHERS_MS = 2_500;

/**
 * Whether an answer to a run has come and is being looked at, so that its deadline is met. Of a run
 * that another process drives only that process knows, and it has a moment to say so.
 */
export function isBeingAnswered(
  { answering, clock, processId }: Pick<RunContext, "answering" | "clock" | "processId">,
  { id, processId: driver, deadlineAt }: Run,
): boolean {
  if (driver === processId) return answering.has(id);
  const sinceMs = clock.now().getTime() - (deadlineAt?.getTime() ?? 0);
  return driver !== undefined && sinceMs < OTHERS_MS;
}
