/** Wallets as their owners and the operator see them. Only the ledger changes them. */
import type { Transfer, WalletBalance } from "../domain/wallet.ts";
import type { Tx } from "./database.ts";

export async function findBalance(tx: Tx, accountId: string): Promise<WalletBalance | undefined> {
  const rows = await tx.query<{
    posted_micros: bigint;
    held_micros: bigint;
    frozen_at: Date | null;
  }>("select posted_micros, held_micros, frozen_at from accounts where id = $1", [accountId]);
  return rows[0] && toBalance(rows[0]);
}

export async function findTransfer(
  tx: Tx,
  reference: string,
  name: string,
): Promise<Transfer | undefined> {
  const rows = await tx.query<TransferRow>(
    `select ${COLUMNS} from transfers where reference = $1 and name = $2`,
    [reference, name],
  );
  return rows[0] && toTransfer(rows[0]);
}

/** Transfers into and out of a wallet that were not for work, newest first; older than `beforeSeq`. */
export async function listOperations(
  tx: Tx,
  accountId: string,
  beforeSeq: bigint | undefined,
  limit: number,
): Promise<Transfer[]> {
  const rows = await tx.query<TransferRow>(
    `(select ${COLUMNS} from transfers
       where credit_id = $1 and seq < $2 and ${IS_OPERATION} order by seq desc limit $3)
     union all
     (select ${COLUMNS} from transfers
       where debit_id = $1 and seq < $2 and ${IS_OPERATION} order by seq desc limit $3)
     order by seq desc limit $3`,
    [accountId, beforeSeq ?? SEQ_MAX, limit],
  );
  return rows.map(toTransfer);
}

/** Notes why the operator moves money. The first reason stays. */
export async function insertTransferReason(
  tx: Tx,
  transfer: { readonly reference: string; readonly name: string },
  reason: string,
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into transfer_reasons(reference, name, reason, at) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [transfer.reference, transfer.name, reason, at],
  );
}

const SEQ_MAX = 2n ** 63n - 1n;
const COLUMNS = "reference, name, seq, debit_id, credit_id, amount_micros, at";
/** Word for word the condition of the partial indexes, or they are not used. */
const IS_OPERATION =
  "reference in ('play', 'credit', 'voucher', 'topup', 'payout', 'referral', 'reversal')";

export interface TransferRow {
  reference: string;
  name: string;
  seq: bigint;
  debit_id: string;
  credit_id: string;
  amount_micros: bigint;
  at: Date;
}

export function toTransfer(row: TransferRow): Transfer {
  return {
    reference: row.reference,
    name: row.name,
    seq: row.seq,
    fromAccountId: row.debit_id,
    toAccountId: row.credit_id,
    amountMicros: row.amount_micros,
    at: row.at,
  };
}

function toBalance(row: {
  posted_micros: bigint;
  held_micros: bigint;
  frozen_at: Date | null;
}): WalletBalance {
  return {
    postedMicros: row.posted_micros,
    heldMicros: row.held_micros,
    availableMicros: row.posted_micros - row.held_micros,
    isFrozen: row.frozen_at !== null,
  };
}
