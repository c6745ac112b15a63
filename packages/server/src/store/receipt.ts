import type { BookedTransfer } from "../domain/receipt.ts";
import type { Tx } from "./database.ts";

/** A receipt as it was signed: RFC 8785 text, its key and its signature. */
export interface SignedRecord {
  readonly id: string;
  readonly body: string;
  readonly keyId: string;
  readonly signature: string;
}

export interface SigningKeyRecord {
  readonly id: string;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  /** Sealed. */
  readonly privateKey: string;
  readonly createdAt: Date;
  readonly retiredAt: Date | undefined;
}

/** Transfers of one piece of work, in the order in which they were made. */
export async function listTransfersOf(tx: Tx, workId: string): Promise<BookedTransfer[]> {
  const rows = await tx.query<{
    name: string;
    debit_id: string;
    credit_id: string;
    amount_micros: bigint;
    at: Date;
  }>(
    `select name, debit_id, credit_id, amount_micros, at from transfers
      where reference = $1 order by seq`,
    [workId],
  );
  return rows.map((row) => ({
    step: row.name,
    fromAccountId: row.debit_id,
    toAccountId: row.credit_id,
    amountMicros: row.amount_micros,
    at: row.at,
  }));
}

/** The first signature stays: a receipt that was shown does not change. */
export async function insertReceipt(tx: Tx, record: SignedRecord, at: Date): Promise<void> {
  await tx.query(
    `insert into receipts(id, body, key_id, signature, signed_at) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [record.id, record.body, record.keyId, record.signature, at],
  );
}

export async function findReceipt(tx: Tx, id: string): Promise<SignedRecord | undefined> {
  const rows = await tx.query<{ id: string; body: string; key_id: string; signature: string }>(
    "select id, body, key_id, signature from receipts where id = $1",
    [id],
  );
  const row = rows[0];
  return row && { id: row.id, body: row.body, keyId: row.key_id, signature: row.signature };
}

/**
 * Work that has ended and has a receipt, newest first, where the workspace was on this side; older
 * than `beforeId`. Of a broadcast whose winner takes all, slots come once it is over.
 */
export async function listEndedWorkIds(
  tx: Tx,
  workspaceId: string,
  side: "requester" | "provider",
  beforeId: string | undefined,
  limit: number,
): Promise<string[]> {
  const column = side === "requester" ? "workspace_id" : "provider_workspace_id";
  const page = "and ($2::text is null or t.id < $2) order by t.id desc limit $3";
  const rows = await tx.query<{ id: string }>(
    `select id from (
       (select t.id from runs t join work w on w.id = t.id
         where t.${column} = $1 and w.deadline_at is null ${page})
       union all
       (select t.id from sessions t join work w on w.id = t.id
         where t.${column} = $1 and w.deadline_at is null ${page})
       union all
       (select t.id from slots t join work w on w.id = t.id
          join broadcasts b on b.id = t.broadcast_id join work bw on bw.id = b.id
         where t.${column} = $1 and w.deadline_at is null
           and (b.payment <> 'winner_take_all' or bw.deadline_at is null) ${page})
     ) ended order by id desc limit $3`,
    [workspaceId, beforeId ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

export async function listSigningKeys(tx: Tx): Promise<SigningKeyRecord[]> {
  const rows = await tx.query<{
    id: string;
    public_jwk: Record<string, unknown>;
    private_key: string;
    created_at: Date;
    retired_at: Date | null;
  }>(
    `select id, public_jwk, private_key, created_at, retired_at from signing_keys
      order by created_at desc, id`,
  );
  return rows.map((row) => ({
    id: row.id,
    publicJwk: row.public_jwk,
    privateKey: row.private_key,
    createdAt: row.created_at,
    retiredAt: row.retired_at ?? undefined,
  }));
}

/** One process makes the first key; the others wait here and find it. */
export async function lockSigningKeys(tx: Tx): Promise<void> {
  await tx.query("lock table signing_keys in exclusive mode");
}

export async function insertSigningKey(tx: Tx, key: SigningKeyRecord): Promise<void> {
  await tx.query(
    `insert into signing_keys(id, public_jwk, private_key, created_at)
     values ($1, $2::text::jsonb, $3, $4)`,
    [key.id, JSON.stringify(key.publicJwk), key.privateKey, key.createdAt],
  );
}
