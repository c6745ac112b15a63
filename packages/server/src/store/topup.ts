import type { Topup, TopupFailure, TopupRail } from "../domain/topup.ts";
import type { Tx } from "./database.ts";

/** A top-up as it begins. */
export type NewTopup = Omit<
  Topup,
  "state" | "failure" | "completedAt" | "reference" | "transferId"
>;

/** Notes a top-up. Nothing happens where the payment is known: then `findTopupByPayment` finds it. */
export async function insertTopup(tx: Tx, topup: NewTopup): Promise<void> {
  await tx.query(
    `insert into topups(id, workspace_id, rail, payment_id, amount_micros, checkout_url, created_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (rail, payment_id) do nothing`,
    [
      topup.id,
      topup.workspaceId,
      topup.rail,
      topup.paymentId,
      topup.amountMicros,
      topup.checkoutUrl ?? null,
      topup.createdAt,
    ],
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

/** The top-up that this money was paid for, as far as the rail has told. */
export async function findTopupByReference(
  tx: Tx,
  rail: TopupRail,
  reference: string,
): Promise<Topup | undefined> {
  const rows = await tx.query<TopupRow>(`${SELECT} where p.rail = $1 and p.reference = $2`, [
    rail,
    reference,
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

/** How many of a workspace's top-ups that were made after `since` nobody has paid and none has failed. */
export async function countPendingTopups(
  tx: Tx,
  workspaceId: string,
  since: Date,
): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*)::int as count from topups p
      where p.workspace_id = $1 and p.closed_at is null and p.created_at > $2
        and not exists (select 1 from transfers t
                         where t.reference = 'topup' and t.name = p.rail || ':' || p.payment_id)`,
    [workspaceId, since],
  );
  return row?.count ?? 0;
}

/** Top-ups of which something may still be expected, oldest first; made before `before`. */
export async function listUnclosedTopups(
  tx: Tx,
  page: { readonly before: Date; readonly afterId: string; readonly limit: number },
): Promise<Topup[]> {
  const rows = await tx.query<TopupRow>(
    `${SELECT} where p.closed_at is null and p.created_at < $1 and p.id > $2 order by p.id limit $3`,
    [page.before, page.afterId, page.limit],
  );
  return rows.map(toTopup);
}

/** Notes what the rail calls the money. The first word stays. */
export async function updateTopupReference(tx: Tx, id: string, reference: string): Promise<void> {
  await tx.query("update topups set reference = $2 where id = $1 and reference is null", [
    id,
    reference,
  ]);
}

/** Nothing more is expected of it. `failure` counts as long as there is no transfer. */
export async function updateTopupClosed(
  tx: Tx,
  id: string,
  { failure, at }: { readonly failure: TopupFailure | undefined; readonly at: Date },
): Promise<void> {
  await tx.query(
    "update topups set failure = $2, closed_at = $3 where id = $1 and closed_at is null",
    [id, failure ?? null, at],
  );
}

const SELECT = `
  select p.id, p.workspace_id, p.rail, p.payment_id, p.amount_micros, p.created_at, p.checkout_url,
         p.reference, p.failure, p.closed_at, t.at as paid_at,
         t.reference || ':' || t.name as transfer_id
    from topups p
    left join transfers t on t.reference = 'topup' and t.name = p.rail || ':' || p.payment_id`;

interface TopupRow {
  id: string;
  workspace_id: string;
  rail: TopupRail;
  payment_id: string;
  amount_micros: bigint;
  created_at: Date;
  checkout_url: string | null;
  reference: string | null;
  failure: TopupFailure | null;
  closed_at: Date | null;
  paid_at: Date | null;
  transfer_id: string | null;
}

function toTopup(row: TopupRow): Topup {
  const common = {
    id: row.id,
    workspaceId: row.workspace_id,
    rail: row.rail,
    paymentId: row.payment_id,
    amountMicros: row.amount_micros,
    createdAt: row.created_at,
    checkoutUrl: row.checkout_url ?? undefined,
    reference: row.reference ?? undefined,
    transferId: row.transfer_id ?? undefined,
  };
  if (row.paid_at) {
    return { ...common, state: "paid", failure: undefined, completedAt: row.paid_at };
  }
  const failure = row.failure ?? undefined;
  const state = failure ? "failed" : "pending";
  return { ...common, state, failure, completedAt: failure && (row.closed_at ?? undefined) };
}
