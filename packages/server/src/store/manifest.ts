import type { Tx } from "./database.ts";

export interface ManifestRecord {
  readonly id: string;
  readonly workspaceId: string;
  /** JSON text. */
  readonly body: string;
  readonly createdAt: Date;
}

export async function insertManifest(tx: Tx, manifest: ManifestRecord): Promise<void> {
  await tx.query(
    "insert into manifests(id, workspace_id, body, created_at) values ($1, $2, $3, $4)",
    [manifest.id, manifest.workspaceId, manifest.body, manifest.createdAt],
  );
}

export async function findManifest(tx: Tx, id: string): Promise<ManifestRecord | undefined> {
  const rows = await tx.query<{
    id: string;
    workspace_id: string;
    body: string;
    created_at: Date;
  }>("select id, workspace_id, body, created_at from manifests where id = $1", [id]);
  const row = rows[0];
  return (
    row && { id: row.id, workspaceId: row.workspace_id, body: row.body, createdAt: row.created_at }
  );
}
