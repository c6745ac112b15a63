/** Videos that interfaces of others make for runs. */
import type { Tx } from "./database.ts";
import type { RowKind } from "./rows.ts";

export interface VideoJobRecord {
  readonly runId: string;
  readonly model: string;
  readonly nextAt: Date;
}

export interface VideoJobRow extends VideoJobRecord {
  readonly endpointId: string | undefined;
  readonly handedAt: Date | undefined;
  readonly upstreamId: string | undefined;
  readonly tries: number;
}

const JOB_BYTES = 120;

export const VIDEO_JOB_ROWS: RowKind<VideoJobRecord> = {
  name: "video-job",
  sql: `video_jobs_made as (
          insert into video_jobs(run_id, model, next_at)
          select u.* from unnest($1::text[], $2::text[], $3::timestamptz[]) u
          on conflict do nothing)`,
  orderOf: ({ runId }) => runId,
  weigh: () => JOB_BYTES,
  parametersOf: (records) => [
    records.map(({ runId }) => runId),
    records.map(({ model }) => model),
    records.map(({ nextAt }) => nextAt),
  ],
};

/** A job whose time has come, and whose it is. */
export interface DueVideoJob extends VideoJobRow {
  readonly workspaceId: string;
}

/**
 * Jobs whose time has come, of live runs that this process drives, but for those that it has in hand;
 * the longest waiting first, and so many of each workspace's at most.
 */
export async function listDueVideoJobs(
  tx: Tx,
  due: { readonly processId: string; readonly now: Date; readonly inHand: readonly string[] },
  most: { readonly jobs: number; readonly perWorkspace: number },
): Promise<DueVideoJob[]> {
  const rows = await tx.query<VideoJobSqlRow & { workspace_id: string }>(
    `select * from (
       select v.run_id, v.model, v.endpoint_id, v.handed_at, v.upstream_id, v.tries, v.next_at, r.workspace_id,
              row_number() over (partition by r.workspace_id order by v.next_at, v.run_id) as place
         from video_jobs v join work w on w.id = v.run_id join runs r on r.id = v.run_id
        where v.next_at <= $2 and w.deadline_at is not null and w.process_id = $1
          and v.run_id <> all($3::text[])) due
      where place <= $5
      order by next_at, run_id limit $4`,
    [due.processId, due.now, due.inHand, most.jobs, most.perWorkspace],
  );
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    ...{ runId: row.run_id, model: row.model, tries: row.tries, nextAt: row.next_at },
    endpointId: row.endpoint_id ?? undefined,
    handedAt: row.handed_at ?? undefined,
    upstreamId: row.upstream_id ?? undefined,
  }));
}

/** Writes down where a job stands. */
export async function updateVideoJob(tx: Tx, job: VideoJobRow): Promise<void> {
  await tx.query(
    `update video_jobs
        set endpoint_id = $2, handed_at = $3, upstream_id = $4, tries = $5, next_at = $6
      where run_id = $1`,
    [
      job.runId,
      job.endpointId ?? null,
      job.handedAt ?? null,
      job.upstreamId ?? null,
      job.tries,
      job.nextAt,
    ],
  );
}

/** Removes jobs whose runs have ended, or never opened, and that nobody looked at since `before`. */
export async function deleteEndedVideoJobs(tx: Tx, before: Date): Promise<void> {
  await tx.query(
    `delete from video_jobs v where v.next_at < $1
        and not exists (select 1 from work w where w.id = v.run_id and w.deadline_at is not null)`,
    [before],
  );
}

interface VideoJobSqlRow {
  run_id: string;
  model: string;
  endpoint_id: string | null;
  handed_at: Date | null;
  upstream_id: string | null;
  tries: number;
  next_at: Date;
}
