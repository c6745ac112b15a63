import type { WorkShape } from "../domain/command.ts";
import type { Tx } from "./database.ts";

/** The work that a request with this idempotency key opened, and the hash of that request. */
export async function findOpenedWork(
  tx: Tx,
  opening: {
    readonly workspaceId: string;
    readonly operation: string;
    readonly idempotencyKey: string;
  },
): Promise<{ readonly workId: string; readonly requestHash: string | undefined } | undefined> {
  const [row] = await tx.query<{ id: string; request_hash: string | null }>(
    `select id, request_hash
       from work
      where workspace_id = $1 and operation = $2 and idempotency_key = $3`,
    [opening.workspaceId, opening.operation, opening.idempotencyKey],
  );
  return row && { workId: row.id, requestHash: row.request_hash ?? undefined };
}

/** The shapes of which some work is not over. */
export async function listLiveShapes(tx: Tx): Promise<ReadonlySet<WorkShape>> {
  const rows = await tx.query<{ shape: WorkShape }>(
    "select distinct shape from work where deadline_at is not null",
  );
  return new Set(rows.map(({ shape }) => shape));
}

/** How many pieces of work of this shape the workspace has that are not over. */
export async function countLiveWork(
  tx: Tx,
  shape: WorkShape,
  workspaceId: string,
): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*)::int as count from work
      where deadline_at is not null and shape = $1 and workspace_id = $2`,
    [shape, workspaceId],
  );
  return row?.count ?? 0;
}
