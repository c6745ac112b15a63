import type { Voucher } from "../domain/voucher.ts";
import { refusing } from "./constraints.ts";
import type { Tx } from "./database.ts";

/** Throws `conflict` where the code is a voucher's already. */
export async function insertVoucher(tx: Tx, voucher: Voucher, codeHash: Buffer): Promise<void> {
  await refusing(
    tx.query(
      `insert into vouchers(id, code_hash, amount_micros, created_at, expires_at)
       values ($1, $2, $3, $4, $5)`,
      [voucher.id, codeHash, voucher.amountMicros, voucher.createdAt, voucher.expiresAt ?? null],
    ),
  );
}

export async function findVoucherByCode(tx: Tx, codeHash: Buffer): Promise<Voucher | undefined> {
  const rows = await tx.query<{
    id: string;
    amount_micros: bigint;
    created_at: Date;
    expires_at: Date | null;
  }>("select id, amount_micros, created_at, expires_at from vouchers where code_hash = $1", [
    codeHash,
  ]);
  const row = rows[0];
  return (
    row && {
      id: row.id,
      amountMicros: row.amount_micros,
      createdAt: row.created_at,
      expiresAt: row.expires_at ?? undefined,
    }
  );
}
