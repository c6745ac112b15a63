/** How far streamed answers had come: a row a run, written now and then, that only grows. */
import type { Tx } from "./database.ts";

export interface CallProgressRow {
  readonly runId: string;
  /** Tokens of output that were handed on, all in all. */
  readonly outputTokens: number;
}

/** Moves the rows forward. A run that is named twice counts as far as it came. */
export async function upsertCallProgress(tx: Tx, rows: readonly CallProgressRow[]): Promise<void> {
  await tx.query(
    `insert into call_progress(run_id, output_tokens)
     select u.id, max(u.tokens) from unnest($1::text[], $2::bigint[]) u(id, tokens)
      group by u.id order by u.id
     on conflict (run_id) do update
       set output_tokens = greatest(call_progress.output_tokens, excluded.output_tokens)`,
    [rows.map(({ runId }) => runId), rows.map(({ outputTokens }) => outputTokens)],
  );
}

/** Tokens that were handed on of a run's answer, as far as was written down; none where nothing was. */
export async function findCallProgress(tx: Tx, runId: string): Promise<number> {
  const [row] = await tx.query<{ output_tokens: bigint }>(
    "select output_tokens from call_progress where run_id = $1",
    [runId],
  );
  return Number(row?.output_tokens ?? 0);
}

/** Removes rows of runs that have ended. */
export async function deleteEndedCallProgress(tx: Tx, limit: number): Promise<void> {
  await tx.query(
    `delete from call_progress where run_id in (
       select p.run_id from call_progress p join work w on w.id = p.run_id
        where w.deadline_at is null limit $1)`,
    [limit],
  );
}
