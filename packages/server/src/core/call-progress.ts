/**
 * How much of a streamed answer has been handed on: the watermark that a run is charged by when it is
 * cut. It is known here exactly, and in the database lately: at most a second or 256 tokens ago, which
 * is what a server's death can cost the house (docs/models.md).
 *
 * Writing it down is waited for by nobody.
 */
import type { Run } from "../domain/run.ts";
import { tokensIn } from "../domain/token-price.ts";
import { createBatcher } from "../lib/batcher.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import {
  type CallProgressRow,
  findCallProgress,
  upsertCallProgress,
} from "../store/call-progress.ts";
import type { Database } from "../store/database.ts";

export interface CallProgress {
  /** Notes that so many tokens of output were handed on, all in all. */
  note(runId: string, outputTokens: number): void;
  /** Notes that so many further bytes of output were handed on. */
  add(runId: string, bytes: number): void;
  /** Tokens that were handed on of this run's answer. */
  of(run: Pick<Run, "id">): Promise<number>;
  /** The run has ended. */
  forget(runId: string): void;
  close(): Promise<void>;
}

/** What a server's death can cost: a second of an answer, or this many tokens of it (docs/models.md). */
const SAVE_AFTER_MS = 1_000;
const SAVE_AFTER_TOKENS = 256;
const ROWS_MAX = 1_024;
const WAITING_MAX = 65_536;

interface Progress {
  bytes: number;
  outputTokens: number;
  savedTokens: number;
  savedAtMs: number;
  isSaving: boolean;
}

export function createCallProgress(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): CallProgress {
  const { database, clock, log } = deps;
  const known = new Map<string, Progress>();
  const writer = createBatcher<CallProgressRow, void>({
    itemsMax: ROWS_MAX,
    waitingMax: WAITING_MAX,
    run: (rows) => upsertCallProgress(database, rows),
  });

  function save(runId: string, progress: Progress): void {
    if (progress.isSaving) return;
    const { outputTokens } = progress;
    progress.isSaving = true;
    progress.savedTokens = outputTokens;
    progress.savedAtMs = clock.now().getTime();
    writer
      .add({ runId, outputTokens })
      .catch((error: unknown) => log.warn({ error, runId }, "how far an answer came was not saved"))
      .finally(() => {
        progress.isSaving = false;
      });
  }

  function progressOf(runId: string): Progress {
    const progress = known.get(runId);
    if (progress) return progress;
    const savedAtMs = clock.now().getTime();
    const begun = { bytes: 0, outputTokens: 0, savedTokens: 0, savedAtMs, isSaving: false };
    known.set(runId, begun);
    return begun;
  }

  function note(runId: string, outputTokens: number): void {
    const progress = progressOf(runId);
    if (outputTokens <= progress.outputTokens) return;
    progress.outputTokens = outputTokens;
    const isDue =
      outputTokens - progress.savedTokens >= SAVE_AFTER_TOKENS ||
      clock.now().getTime() - progress.savedAtMs >= SAVE_AFTER_MS;
    if (isDue) save(runId, progress);
  }

  return {
    note,
    add(runId, bytes) {
      const progress = progressOf(runId);
      progress.bytes += bytes;
      note(runId, tokensIn(progress.bytes));
    },
    of: async ({ id }) => known.get(id)?.outputTokens ?? findCallProgress(database, id),
    forget(runId) {
      known.delete(runId);
    },
    close: () => writer.close(),
  };
}
