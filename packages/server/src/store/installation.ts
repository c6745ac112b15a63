import type { Tx } from "./database.ts";

export interface Installation {
  readonly id: string;
  readonly mode: "development" | "production";
}

/** What this database is; `wanted` where nothing was said yet. */
export async function ensureInstallation(
  tx: Tx,
  wanted: Installation & { readonly createdAt: Date },
): Promise<Installation> {
  await tx.query(
    "insert into installation(id, mode, created_at) values ($1, $2, $3) on conflict do nothing",
    [wanted.id, wanted.mode, wanted.createdAt],
  );
  const rows = await tx.query<{ id: string; mode: Installation["mode"] }>(
    "select id, mode from installation",
  );
  return rows[0] ?? wanted;
}
