import type { Tx } from "./database.ts";

export interface WorkspaceRecord {
  readonly id: string;
  readonly name: string;
  readonly suspendedAt: Date | undefined;
  /** The most that one chain of work may cost before its owner is asked. */
  readonly chainCeilingMicros: bigint;
}

export async function findWorkspace(tx: Tx, id: string): Promise<WorkspaceRecord | undefined> {
  const rows = await tx.query<{
    id: string;
    name: string;
    suspended_at: Date | null;
    chain_ceiling_micros: bigint;
  }>("select id, name, suspended_at, chain_ceiling_micros from workspaces where id = $1", [id]);
  const row = rows[0];
  return (
    row && {
      id: row.id,
      name: row.name,
      suspendedAt: row.suspended_at ?? undefined,
      chainCeilingMicros: row.chain_ceiling_micros,
    }
  );
}
