/** Idempotency keys of requests that open no work. */
import type { Tx } from "./database.ts";

export interface RequestKey {
  readonly workspaceId: string;
  readonly operation: string;
  readonly key: string;
  readonly requestHash: string;
  readonly at: Date;
}

/** Keeps a key; the hash of the request that used it first. */
export async function claimRequestKey(tx: Tx, used: RequestKey): Promise<string> {
  const [row] = await tx.query<{ request_hash: string }>(
    `insert into request_keys as k (workspace_id, operation, key, request_hash, at)
     values ($1, $2, $3, $4, $5)
     on conflict (workspace_id, operation, key) do update set at = k.at
     returning request_hash`,
    [used.workspaceId, used.operation, used.key, used.requestHash, used.at],
  );
  return row?.request_hash ?? used.requestHash;
}

export async function deleteRequestKeysBefore(tx: Tx, before: Date): Promise<void> {
  await tx.query("delete from request_keys where at < $1", [before]);
}
