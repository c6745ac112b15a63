/**
 * How far tasks are, as their providers say: written down at once when one begins, and then at most
 * once a second. Nobody waits for it, and nothing is decided by it.
 */
import { createBatcher } from "../lib/batcher.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "../store/database.ts";
import { type TaskNote, updateTaskProgress } from "../store/task.ts";

export interface TaskProgress {
  /** Takes a piece of a run's output, where it is one that says how far the run is. */
  hear(runId: string, piece: unknown): void;
  /** The run has ended. */
  forget(runId: string): void;
  close(): Promise<void>;
}

const SAVE_AFTER_MS = 1_000;
const NOTES_MAX = 1_024;
const WAITING_MAX = 16_384;
/** Runs of which it is known when they were written down last; about 10 MB. */
const KNOWN_MAX = 50_000;

export function createTaskProgress(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): TaskProgress {
  const { database, clock, log } = deps;
  const savedAtMs = new Map<string, number>();
  const writer = createBatcher<TaskNote, void>({
    itemsMax: NOTES_MAX,
    waitingMax: WAITING_MAX,
    run: (notes) => updateTaskProgress(database, notes),
  });

  return {
    hear(runId, piece) {
      const progress = progressIn(piece);
      if (progress === undefined) return;
      const at = clock.now();
      const before = savedAtMs.get(runId);
      if (before !== undefined && at.getTime() - before < SAVE_AFTER_MS) return;
      if (savedAtMs.size >= KNOWN_MAX) savedAtMs.clear();
      savedAtMs.set(runId, at.getTime());
      writer.add({ runId, progress, at }).catch((error: unknown) => {
        log.warn({ error, runId }, "how far a task came was not saved");
      });
    },
    forget(runId) {
      savedAtMs.delete(runId);
    },
    close: () => writer.close(),
  };
}

/** `{"progress": 0.4}`: the share that is done. Anything else is some other output. */
function progressIn(piece: unknown): number | undefined {
  const { progress } = (piece ?? {}) as { readonly progress?: unknown };
  const isShare = typeof progress === "number" && progress >= 0 && progress <= 1;
  return isShare ? progress : undefined;
}
