/** What a task has beside its run. */
import type { Tx } from "./database.ts";
import { hourOfIdsBefore } from "./ids.ts";
import type { RowKind } from "./rows.ts";

export interface TaskRecord {
  readonly runId: string;
  readonly kind: string;
  /** The caller's own, JSON text. */
  readonly metadata: string | undefined;
}

/** A task that was opened, and how far it is. */
export interface TaskRow extends TaskRecord {
  /** The slug of the agent that does it. */
  readonly providerSlug: string;
  /** When it was first said how far it is. */
  readonly startedAt: Date | undefined;
  /** The share that is done, from 0 to 1. */
  readonly progress: number | undefined;
  readonly notedAt: Date | undefined;
}

/** How far a task came. */
export interface TaskNote {
  readonly runId: string;
  readonly progress: number;
  readonly at: Date;
}

const TASK_BYTES = 80;

/** What makes runs tasks. */
export const TASK_ROWS: RowKind<TaskRecord> = {
  name: "task",
  sql: `tasks_made as (
          insert into tasks(run_id, kind, metadata)
          select u.* from unnest($1::text[], $2::text[], $3::text[]) u
          on conflict do nothing)`,
  orderOf: ({ runId }) => runId,
  weigh: ({ metadata = "" }) => TASK_BYTES + metadata.length,
  parametersOf: (records) => [
    records.map(({ runId }) => runId),
    records.map(({ kind }) => kind),
    records.map(({ metadata }) => metadata),
  ],
};

export async function findTask(tx: Tx, runId: string): Promise<TaskRow | undefined> {
  const [row] = await tx.query<TaskSqlRow>(
    `select t.run_id, t.kind, t.metadata, t.started_at, t.progress, t.noted_at, a.slug
       from tasks t join runs r on r.id = t.run_id join agents a on a.id = r.agent_id
      where t.run_id = $1`,
    [runId],
  );
  return (
    row && {
      ...{ runId: row.run_id, kind: row.kind, providerSlug: row.slug },
      metadata: row.metadata ?? undefined,
      startedAt: row.started_at ?? undefined,
      progress: row.progress ?? undefined,
      notedAt: row.noted_at ?? undefined,
    }
  );
}

/** Writes down how far tasks came; runs that are no tasks are passed over. It only goes forward. */
export async function updateTaskProgress(tx: Tx, notes: readonly TaskNote[]): Promise<void> {
  await tx.query(
    `update tasks t
        set started_at = coalesce(t.started_at, u.since),
            progress = greatest(t.progress, u.progress),
            noted_at = greatest(t.noted_at, u.at)
       from (select id, min(at) as since, max(at) as at, max(progress) as progress
               from unnest($1::text[], $2::double precision[], $3::timestamptz[]) n(id, progress, at)
              group by id) u
      where t.run_id = u.id`,
    [
      notes.map(({ runId }) => runId),
      notes.map(({ progress }) => progress),
      notes.map(({ at }) => at),
    ],
  );
}

/** Removes rows of requests that were refused: an hour's worth of them, which ended at `before`. */
export async function deleteUnopenedTasks(tx: Tx, before: Date): Promise<void> {
  await tx.query(
    `delete from tasks t where t.run_id >= $1 and t.run_id < $2
        and not exists (select 1 from work w where w.id = t.run_id)`,
    hourOfIdsBefore(before),
  );
}

interface TaskSqlRow {
  run_id: string;
  kind: string;
  metadata: string | null;
  started_at: Date | null;
  progress: number | null;
  noted_at: Date | null;
  slug: string;
}
