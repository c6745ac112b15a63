/** Follows the transfers in the order in which the ledger made them. */
import type { Origin } from "../domain/origin.ts";
import type { Transfer } from "../domain/wallet.ts";
import type { Tx } from "./database.ts";
import { type TransferRow, toTransfer } from "./wallet.ts";

/** The last number that a transfer was given. Those before it may still be on their way. */
export async function findLastSeq(tx: Tx): Promise<bigint> {
  const [row] = await tx.query<{ last_value: bigint; is_called: boolean }>(
    "select last_value, is_called from transfers_seq_seq",
  );
  return row?.is_called ? row.last_value : 0n;
}

/**
 * A transaction's number that is above those of all transactions which have written anything until
 * now. It is drawn for the purpose: a snapshot's own upper end counts only transactions that are over.
 */
export async function drawTransaction(tx: Tx): Promise<bigint> {
  const [row] = await tx.query<{ drawn: string }>("select pg_current_xact_id()::text as drawn");
  return BigInt(row?.drawn ?? 0);
}

/** The oldest transaction that still runs, or the next one's number where none does. */
export async function findOldestTransaction(tx: Tx): Promise<bigint> {
  const [row] = await tx.query<{ oldest: string }>(
    "select pg_snapshot_xmin(pg_current_snapshot())::text as oldest",
  );
  return BigInt(row?.oldest ?? 0);
}

/** Until the transaction ends nobody else follows. Returns the last transfer that was followed. */
export async function lockFollower(tx: Tx): Promise<bigint> {
  const [row] = await tx.query<{ seq: bigint }>("select seq from wallet_follower for update");
  return row?.seq ?? 0n;
}

export async function updateFollower(tx: Tx, seq: bigint): Promise<void> {
  await tx.query("update wallet_follower set seq = $1", [seq]);
}

/** Transfers after one number up to another, in order. */
export async function listTransfersBetween(
  tx: Tx,
  afterSeq: bigint,
  untilSeq: bigint,
): Promise<Transfer[]> {
  const rows = await tx.query<TransferRow>(
    `select reference, name, seq, debit_id, credit_id, amount_micros, at
       from transfers where seq > $1 and seq <= $2 order by seq`,
    [afterSeq, untilSeq],
  );
  return rows.map(toTransfer);
}

export async function findOrigins(
  tx: Tx,
  accountIds: readonly string[],
): Promise<Map<string, Origin>> {
  const rows = await tx.query<{ account_id: string; earned_micros: bigint; gift_micros: bigint }>(
    `select account_id, earned_micros, gift_micros
       from wallet_origins where account_id = any($1::text[])`,
    [accountIds],
  );
  return new Map(
    rows.map((row) => [
      row.account_id,
      { earnedMicros: row.earned_micros, giftMicros: row.gift_micros },
    ]),
  );
}

export async function upsertOrigins(tx: Tx, origins: ReadonlyMap<string, Origin>): Promise<void> {
  const all = [...origins];
  await tx.query(
    `insert into wallet_origins(account_id, earned_micros, gift_micros)
     select * from unnest($1::text[], $2::bigint[], $3::bigint[])
     on conflict (account_id) do update
        set earned_micros = excluded.earned_micros, gift_micros = excluded.gift_micros`,
    [
      all.map(([accountId]) => accountId),
      all.map(([, { earnedMicros }]) => earnedMicros),
      all.map(([, { giftMicros }]) => giftMicros),
    ],
  );
}
