import type { Topup, TopupRail } from "../domain/topup.ts";
import type { Tx } from "./database.ts";

/** Notes a top-up. Nothing happens where the payment is known: then `findTopupByPayment` finds it. */
export async function insertTopup(tx: Tx, topup: Omit<Topup, "state">): Promise<void> {
  await tx.query(
    `insert into topups(id, workspace_id, rail, payment_id, amount_micros, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict (rail, payment_id) do nothing`,
    [topup.id, topup.workspaceId, topup.rail, topup.paymentId, topup.amountMicros, topup.createdAt],
  );
}

export async function findTopup(tx: Tx, id: string): Promise<Topup | undefined> {
  const rows = await tx.query<TopupRow>(`${SELECT} where p.id = $1`, [id]);
  return rows[0] && toTopup(rows[0]);
}

export async function findTopupByPayment(
  tx: Tx,
  rail: TopupRail,
  paymentId: string,
): Promise<Topup | undefined> {
  const rows = await tx.query<TopupRow>(`${SELECT} where p.rail = $1 and p.payment_id = $2`, [
    rail,
    paymentId,
  ]);
  return rows[0] && toTopup(rows[0]);
}

/** A workspace's top-ups, newest first; older than `beforeId`. */
export async function listTopups(
  tx: Tx,
  workspaceId: string,
  beforeId: string | undefined,
  limit: number,
): Promise<Topup[]> {
  const rows = await tx.query<TopupRow>(
    `${SELECT} where p.workspace_id = $1 and ($2::text is null or p.id < $2)
      order by p.id desc limit $3`,
    [workspaceId, beforeId ?? null, limit],
  );
  return rows.map(toTopup);
}

const SELECT = `
  select p.id, p.workspace_id, p.rail, p.payment_id, p.amount_micros, p.created_at,
         t.name is not null as is_paid
    from topups p
    left join transfers t on t.reference = 'topup' and t.name = p.rail || ':' || p.payment_id`;

interface TopupRow {
  id: string;
  workspace_id: string;
  rail: TopupRail;
  payment_id: string;
  amount_micros: bigint;
  created_at: Date;
  is_paid: boolean;
}

function toTopup(row: TopupRow): Topup {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    rail: row.rail,
    paymentId: row.payment_id,
    amountMicros: row.amount_micros,
    createdAt: row.created_at,
    state: row.is_paid ? "paid" : "pending",
  };
}
