import type { Payout, PayoutState } from "../domain/payout.ts";
import type { Tx } from "./database.ts";

export async function insertPayout(tx: Tx, payout: Payout): Promise<void> {
  await tx.query(
    `insert into payouts(id, workspace_id, amount_micros, state, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      payout.id,
      payout.workspaceId,
      payout.amountMicros,
      payout.state,
      payout.createdAt,
      payout.changedAt,
    ],
  );
}

/** Removes one that never left its wallet. */
export async function deletePayout(tx: Tx, id: string): Promise<void> {
  await tx.query("delete from payouts where id = $1 and state = 'pending'", [id]);
}

export async function findPayout(tx: Tx, id: string): Promise<Payout | undefined> {
  const rows = await tx.query<PayoutRow>(`${SELECT} where id = $1`, [id]);
  return rows[0] && toPayout(rows[0]);
}

/** Locks payouts until the transaction ends, and says what each took of given money, if that is known. */
export async function lockPayouts(
  tx: Tx,
  ids: readonly string[],
): Promise<{ readonly payout: Payout; readonly giftMicros: bigint | undefined }[]> {
  const rows = await tx.query<PayoutRow & { gift_micros: bigint | null }>(
    `select id, workspace_id, amount_micros, state, created_at, changed_at, gift_micros
       from payouts where id = any($1::text[]) order by id for update`,
    [ids],
  );
  return rows.map((row) => ({ payout: toPayout(row), giftMicros: row.gift_micros ?? undefined }));
}

/** Writes down what the order of transfers decided about a payout. */
export async function updatePayoutCover(
  tx: Tx,
  id: string,
  { state, giftMicros, at }: { state: PayoutState; giftMicros: bigint; at: Date },
): Promise<void> {
  await tx.query(
    `update payouts set state = $2, gift_micros = $3, changed_at = $4, settled_at = null
      where id = $1`,
    [id, state, giftMicros, at],
  );
}

/** Moves a payout on from a state. `false` where it is not in it any more. */
export async function updatePayoutState(
  tx: Tx,
  id: string,
  { from, to, at, isSettled }: { from: PayoutState; to: PayoutState; at: Date; isSettled: boolean },
): Promise<boolean> {
  const rows = await tx.query(
    `update payouts
        set state = $3, changed_at = $4, settled_at = case when $5 then $4::timestamptz end
      where id = $1 and state = $2 returning id`,
    [id, from, to, at, isSettled],
  );
  return rows.length > 0;
}

/** Notes that a payout's money is back in its wallet. */
export async function updatePayoutSettled(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query("update payouts set settled_at = $2 where id = $1 and settled_at is null", [
    id,
    at,
  ]);
}

/** A workspace's payouts, newest first; older than `beforeId`. */
export async function listPayouts(
  tx: Tx,
  workspaceId: string,
  beforeId: string | undefined,
  limit: number,
): Promise<Payout[]> {
  const rows = await tx.query<PayoutRow>(
    `${SELECT} where workspace_id = $1 and ($2::text is null or id < $2)
      order by id desc limit $3`,
    [workspaceId, beforeId ?? null, limit],
  );
  return rows.map(toPayout);
}

/** Payouts to which something is still going to happen, oldest first. */
export async function listUnsettledPayouts(
  tx: Tx,
  state: PayoutState | undefined,
  limit: number,
): Promise<Payout[]> {
  const rows = await tx.query<PayoutRow>(
    `${SELECT} where settled_at is null and ($1::text is null or state = $1) order by id limit $2`,
    [state ?? null, limit],
  );
  return rows.map(toPayout);
}

/** Payouts with what an operator goes by who pays them, oldest first; newer than `afterId`. */
export async function listPayoutsToPay(
  tx: Tx,
  { state, afterId, limit }: { state?: PayoutState; afterId?: string; limit: number },
): Promise<PayoutToPay[]> {
  const rows = await tx.query<PayoutRow & { email: string; is_frozen: boolean }>(
    `select p.id, p.workspace_id, p.amount_micros, p.state, p.created_at, p.changed_at,
            (select min(m.email) from members m where m.workspace_id = p.workspace_id) as email,
            exists (select 1 from accounts a
                     where a.id = p.workspace_id and a.frozen_at is not null) as is_frozen
       from payouts p
      where ($1::text is null or p.state = $1) and ($2::text is null or p.id > $2)
      order by p.id limit $3`,
    [state ?? null, afterId ?? null, limit],
  );
  return rows.map((row) => ({
    payout: toPayout(row),
    email: row.email,
    isFrozen: row.is_frozen,
  }));
}

export interface PayoutToPay {
  readonly payout: Payout;
  /** The address of a member of its workspace. */
  readonly email: string;
  /** A payment into its wallet is disputed, or was called back and has cost the house. */
  readonly isFrozen: boolean;
}

const SELECT = `
  select id, workspace_id, amount_micros, state, created_at, changed_at from payouts`;

interface PayoutRow {
  id: string;
  workspace_id: string;
  amount_micros: bigint;
  state: PayoutState;
  created_at: Date;
  changed_at: Date;
}

function toPayout(row: PayoutRow): Payout {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    amountMicros: row.amount_micros,
    state: row.state,
    createdAt: row.created_at,
    changedAt: row.changed_at,
  };
}
