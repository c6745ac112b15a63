import type { Asset, AssetMime } from "../domain/asset.ts";
import type { Tx } from "./database.ts";

/** What a workspace has stored. */
export interface StoredAmount {
  readonly files: number;
  readonly bytes: number;
}

/** Locks the workspace's files against further ones until the transaction ends, and counts them. */
export async function lockStoredAmount(tx: Tx, workspaceId: string): Promise<StoredAmount> {
  await tx.query("select id from workspaces where id = $1 for no key update", [workspaceId]);
  return findStoredAmount(tx, workspaceId);
}

/** What a workspace has stored, with what is just arriving. */
export async function findStoredAmount(tx: Tx, workspaceId: string): Promise<StoredAmount> {
  const [row] = await tx.query<{ files: number; bytes: bigint }>(
    `select count(*)::int as files, coalesce(sum(bytes), 0)::bigint as bytes
       from assets where workspace_id = $1 and state <> 'leaving'`,
    [workspaceId],
  );
  return { files: row?.files ?? 0, bytes: Number(row?.bytes ?? 0n) };
}

/** Announces a file whose blob is about to be written. */
export async function insertAsset(tx: Tx, asset: Asset, runId: string | undefined): Promise<void> {
  await tx.query(
    `insert into assets(id, workspace_id, mime, bytes, sha256, filename, state, created_at, used_at,
                        run_id)
     values ($1, $2, $3, $4, $5, $6, 'arriving', $7, $7, $8)`,
    [
      asset.id,
      asset.workspaceId,
      asset.mime,
      asset.bytes,
      Buffer.from(asset.sha256, "hex"),
      asset.filename,
      asset.createdAt,
      runId ?? null,
    ],
  );
}

/** Files that were made for a run, with what is just arriving. */
export async function countAssetsOfRun(tx: Tx, runId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    "select count(*)::int as count from assets where run_id = $1",
    [runId],
  );
  return row?.count ?? 0;
}

/** The blob is there. `false` when the file was given up in the meantime. */
export async function updateAssetStored(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.query(
    "update assets set state = 'stored' where id = $1 and state = 'arriving' returning id",
    [id],
  );
  return rows.length > 0;
}

/** Of these files, those that the workspace may read: its own, and those used in its work. */
export async function findReadableAssets(
  tx: Tx,
  workspaceId: string,
  ids: readonly string[],
): Promise<(Asset & { readonly usedAt: Date })[]> {
  const rows = await tx.query<AssetRow>(
    `select ${COLUMNS}
       from assets a
      where a.id = any($2::text[]) and a.state = 'stored'
        and (a.workspace_id = $1 or exists (
              select 1 from asset_grants g where g.asset_id = a.id and g.workspace_id = $1))`,
    [workspaceId, ids],
  );
  return rows.map((row) => ({ ...toAsset(row), usedAt: row.used_at }));
}

export async function findStoredAsset(tx: Tx, id: string): Promise<Asset | undefined> {
  const [row] = await tx.query<AssetRow>(
    `select ${COLUMNS} from assets a where a.id = $1 and a.state = 'stored'`,
    [id],
  );
  return row && toAsset(row);
}

/** Notes that files are in use; returns the ids of those that are still there. */
export async function updateAssetsUsed(
  tx: Tx,
  ids: readonly string[],
  at: Date,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update assets set used_at = greatest(used_at, $2::timestamptz)
      where id = any($1::text[]) and state = 'stored' returning id`,
    [ids, at],
  );
  return rows.map(({ id }) => id);
}

/** Lets a workspace read files. Those that are gone, or that it may read already, are left out. */
export async function insertAssetGrants(
  tx: Tx,
  ids: readonly string[],
  workspaceId: string,
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into asset_grants(asset_id, workspace_id, granted_at)
     select id, $2, $3 from assets
      where id = any($1::text[]) and state = 'stored' and workspace_id <> $2
     on conflict do nothing`,
    [ids, workspaceId, at],
  );
}

/**
 * Takes up to `limit` files out of use, whose blobs are then to be removed: those unused since
 * `unusedSince`, and those whose upload or removal began before `abandonedSince` and never ended.
 */
export async function updateAssetsLeaving(
  tx: Tx,
  bounds: { unusedSince: Date; abandonedSince: Date; at: Date; limit: number },
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update assets set state = 'leaving', used_at = $3
      where id in (
        select id from assets
         where (state = 'stored' and used_at < $1) or (state <> 'stored' and used_at < $2)
         order by used_at limit $4
           for update skip locked)
      returning id`,
    [bounds.unusedSince, bounds.abandonedSince, bounds.at, bounds.limit],
  );
  return rows.map(({ id }) => id);
}

/** Gives up a file that was announced. */
export async function updateAssetLeaving(tx: Tx, id: string): Promise<void> {
  await tx.query("update assets set state = 'leaving' where id = $1", [id]);
}

/** Forgets a file whose blob is gone. */
export async function deleteLeavingAsset(tx: Tx, id: string): Promise<void> {
  await tx.query("delete from assets where id = $1 and state = 'leaving'", [id]);
}

const COLUMNS =
  "a.id, a.workspace_id, a.mime, a.bytes, a.sha256, a.filename, a.created_at, a.used_at";

interface AssetRow {
  id: string;
  workspace_id: string;
  mime: AssetMime;
  bytes: number;
  sha256: Buffer;
  filename: string;
  created_at: Date;
  used_at: Date;
}

function toAsset(row: AssetRow): Asset {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    mime: row.mime,
    bytes: row.bytes,
    sha256: Buffer.from(row.sha256).toString("hex"),
    filename: row.filename,
    createdAt: row.created_at,
  };
}
