import type { Tx } from "./database.ts";

/** The schema's bytes, as they came. */
export async function findSchema(tx: Tx, digest: string): Promise<Buffer | undefined> {
  const [row] = await tx.query<{ content: Buffer }>(
    "select content from schemas where digest = $1",
    [digest],
  );
  return row && Buffer.from(row.content);
}

/** Locks the workspace's schemas against further ones until the transaction ends, and counts them. */
export async function lockSchemaAmount(
  tx: Tx,
  workspaceId: string,
): Promise<{ schemas: number; bytes: number }> {
  await tx.query("select id from workspaces where id = $1 for no key update", [workspaceId]);
  const [row] = await tx.query<{ schemas: number; bytes: bigint }>(
    `select count(*)::int as schemas, coalesce(sum(length(content)), 0)::bigint as bytes
       from schemas where workspace_id = $1`,
    [workspaceId],
  );
  return { schemas: row?.schemas ?? 0, bytes: Number(row?.bytes ?? 0n) };
}

/** Keeps a schema; nothing happens where it is there already, whoever brought it. */
export async function insertSchema(
  tx: Tx,
  schema: { digest: string; content: Buffer; workspaceId: string; createdAt: Date },
): Promise<void> {
  await tx.query(
    `insert into schemas(digest, content, workspace_id, created_at) values ($1, $2, $3, $4)
     on conflict (digest) do nothing`,
    [schema.digest, schema.content, schema.workspaceId, schema.createdAt],
  );
}
