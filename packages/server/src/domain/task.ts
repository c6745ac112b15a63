/** Tasks: runs whose end is asked for later. */
import type { RunState } from "./run.ts";

export type TaskState = "queued" | "running" | "succeeded" | "failed";

/**
 * Where a task stands, by its run's state and whether anybody has begun with it. A run is `running`
 * as soon as its provider is told of it; a task only once its provider says that it has begun, which
 * for one that has a queue of its own is later.
 */
// biome-ignore format: read as a table
export const TASK_STATES: Record<RunState, readonly [waiting: TaskState, begun: TaskState]> = {
  queued:    ["queued",    "running"],
  running:   ["queued",    "running"],
  succeeded: ["succeeded", "succeeded"],
  failed:    ["failed",    "failed"],
  cancelled: ["failed",    "failed"],
  expired:   ["failed",    "failed"],
};

export function taskStateOf(run: RunState, hasBegun: boolean): TaskState {
  return TASK_STATES[run][hasBegun ? 1 : 0];
}

/** Who does tasks of a kind: an agent, by its slug, and one of its capabilities. */
export interface TaskExecutor {
  readonly slug: string;
  readonly capability: string;
}

/** How long a task may take, from being submitted: as long as clients wait for it (OpenMarlin contract §7.3). */
export const TASK_SECONDS = 1_800;
/** How long an address of what a task made works. Looking at the task again gives another. */
export const ARTIFACT_LINK_MS = 24 * 3_600_000;
