import type { Dispute, DisputeState } from "../domain/dispute.ts";
import type { Tx } from "./database.ts";

/** Until the transaction ends, nothing moves on this wallet, and nobody else freezes it or lets it go. */
export async function lockWallet(tx: Tx, accountId: string): Promise<void> {
  await tx.query("select 1 from accounts where id = $1 for no key update", [accountId]);
}

/** Notes a dispute; the first to note it is heard. */
export async function insertDispute(tx: Tx, dispute: Dispute): Promise<void> {
  await tx.query(
    `insert into disputes(id, topup_id, rail, rail_id, amount_micros, state, opened_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (rail, rail_id) do nothing`,
    [
      dispute.id,
      dispute.topupId,
      dispute.rail,
      dispute.railId,
      dispute.amountMicros,
      dispute.state,
      dispute.openedAt,
    ],
  );
}

export async function findDispute(tx: Tx, id: string): Promise<Dispute | undefined> {
  const rows = await tx.query<DisputeRow>(`${SELECT} where id = $1`, [id]);
  return rows[0] && toDispute(rows[0]);
}

export async function findDisputeOnRail(
  tx: Tx,
  rail: Dispute["rail"],
  railId: string,
): Promise<Dispute | undefined> {
  const rows = await tx.query<DisputeRow>(`${SELECT} where rail = $1 and rail_id = $2`, [
    rail,
    railId,
  ]);
  return rows[0] && toDispute(rows[0]);
}

/** Whether a part of this payment was lost: `name` is that of its top-up's transfer. */
export async function isPartLost(tx: Tx, name: string): Promise<boolean> {
  const rows = await tx.query(
    `select 1 from disputes d join topups p on p.id = d.topup_id
      where p.rail || ':' || p.payment_id = $1 and d.state = 'lost'
        and d.amount_micros < p.amount_micros limit 1`,
    [name],
  );
  return rows.length > 0;
}

/** For the operator: newest first, with the addresses of those whose wallets they concern. */
export async function listDisputes(
  tx: Tx,
  limit: number,
): Promise<{ dispute: Dispute; email: string }[]> {
  const rows = await tx.query<DisputeRow & { email: string }>(
    `select d.*, coalesce((select m.email from members m where m.workspace_id = p.workspace_id
                            order by m.id limit 1), '') as email
       from disputes d join topups p on p.id = d.topup_id order by d.id desc limit $1`,
    [limit],
  );
  return rows.map((row) => ({ dispute: toDispute(row), email: row.email }));
}

/** `false` where it was closed already. */
export async function updateDisputeClosed(
  tx: Tx,
  id: string,
  closing: {
    readonly state: Exclude<DisputeState, "open">;
    readonly takenMicros: bigint | undefined;
    readonly lostMicros: bigint | undefined;
    readonly at: Date;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update disputes set state = $2, taken_micros = $3, lost_micros = $4, closed_at = $5
      where id = $1 and state = 'open' returning id`,
    [id, closing.state, closing.takenMicros ?? null, closing.lostMicros ?? null, closing.at],
  );
  return rows.length > 0;
}

export async function updateDisputeReleased(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query(
    "update disputes set released_at = coalesce(released_at, $2) where id = $1 and state = 'lost'",
    [id, at],
  );
}

/** Freezes a wallet or lets it go, as its disputes say. Behind `lockWallet`, so that all of them are seen. */
export async function updateWalletFrozen(tx: Tx, accountId: string, at: Date): Promise<void> {
  await tx.query(
    `update accounts set frozen_at = case when exists (
              select 1 from topups p join disputes d on d.topup_id = p.id
               where p.workspace_id = $1
                 and (d.state = 'open' or d.lost_micros > 0 and d.released_at is null))
            then coalesce(frozen_at, $2) end
      where id = $1`,
    [accountId, at],
  );
}

const SELECT = `
  select id, topup_id, rail, rail_id, amount_micros, state, taken_micros, lost_micros, opened_at,
         closed_at, released_at
    from disputes`;

interface DisputeRow {
  id: string;
  topup_id: string;
  rail: Dispute["rail"];
  rail_id: string;
  amount_micros: bigint;
  state: DisputeState;
  taken_micros: bigint | null;
  lost_micros: bigint | null;
  opened_at: Date;
  closed_at: Date | null;
  released_at: Date | null;
}

function toDispute(row: DisputeRow): Dispute {
  return {
    id: row.id,
    topupId: row.topup_id,
    rail: row.rail,
    railId: row.rail_id,
    amountMicros: row.amount_micros,
    state: row.state,
    takenMicros: row.taken_micros ?? undefined,
    lostMicros: row.lost_micros ?? undefined,
    openedAt: row.opened_at,
    closedAt: row.closed_at ?? undefined,
    releasedAt: row.released_at ?? undefined,
  };
}
