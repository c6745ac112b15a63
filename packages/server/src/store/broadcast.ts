/**
 * Broadcasts as rows. A broadcast stands in two tables: `broadcasts` says what was asked for, `work`
 * where it stands (only the ledger writes that). Its free seats are its open holds.
 */
import type { Broadcast, BroadcastState, Partition, Verifier } from "../domain/broadcast.ts";
import type { PaymentType } from "../domain/broadcast-payment.ts";
import type { Tx } from "./database.ts";
import { hourOfIdsBefore } from "./ids.ts";

/** What was asked for, as it came in. */
export interface BroadcastRequest {
  readonly instruction: string;
  /** JSON text. */
  readonly params: string;
  /** JSON text. */
  readonly resultSchema: string | undefined;
}

export interface BroadcastRecord {
  readonly broadcast: Broadcast;
  readonly request: BroadcastRequest;
}

/** Writes a request before its work opens; its chain as well, where it begins one. */
export async function insertBroadcast(
  tx: Tx,
  { broadcast, request }: BroadcastRecord,
  isRoot: boolean,
): Promise<void> {
  await tx.query(
    `with root as (
       insert into chains(id, workspace_id, created_at)
       select $15, $2, $24 where $26)
     insert into broadcasts(id, workspace_id, mandate_id, capability, instruction, params,
                            result_schema, result_schema_url, result_schema_digest, verifier,
                            partition, slot_keys, payment, target, chain_id, parent_id, key_id,
                            slot_micros, unit_micros, stake_micros, fee_bp, budget_ids,
                            request_digest, created_at, deadline_at, execute_seconds, review_seconds)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22, $23, $24, $25, $27, $28)`,
    [
      broadcast.id,
      broadcast.workspaceId,
      broadcast.mandateId,
      broadcast.capability,
      request.instruction,
      request.params,
      request.resultSchema ?? null,
      broadcast.resultSchema?.url ?? null,
      broadcast.resultSchema?.digest ?? null,
      broadcast.verifier,
      broadcast.partition,
      broadcast.slotKeys ?? null,
      broadcast.payment,
      broadcast.target,
      broadcast.chainId,
      broadcast.parentId ?? null,
      broadcast.keyId ?? null,
      broadcast.slotMicros,
      broadcast.unitMicros,
      broadcast.stakeMicros,
      broadcast.feeBasisPoints,
      broadcast.budgetIds,
      broadcast.requestDigest,
      broadcast.createdAt,
      broadcast.deadlineAt,
      isRoot,
      broadcast.executeSeconds,
      broadcast.reviewSeconds,
    ],
  );
}

/** A broadcast that was opened; a row whose work never opened does not exist to anyone. */
export async function findBroadcast(tx: Tx, id: string): Promise<Broadcast | undefined> {
  const [row] = await tx.query<BroadcastRow>(`${SELECT} where b.id = $1`, [id]);
  return row && toBroadcast(row);
}

export async function findBroadcasts(tx: Tx, ids: readonly string[]): Promise<Broadcast[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<BroadcastRow>(`${SELECT} where b.id = any($1)`, [ids]);
  return rows.map(toBroadcast);
}

export async function findBroadcastRequests(
  tx: Tx,
  ids: readonly string[],
): Promise<Map<string, BroadcastRequest>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.query<{
    id: string;
    instruction: string;
    params: string;
    result_schema: string | null;
  }>("select id, instruction, params, result_schema from broadcasts where id = any($1)", [ids]);
  return new Map(
    rows.map((row) => {
      const { id, instruction, params, result_schema: schema } = row;
      return [id, { instruction, params, resultSchema: schema ?? undefined }];
    }),
  );
}

/** Which holds of a broadcast are open and which of its slots live, both at the same moment. */
export async function findSeating(
  tx: Tx,
  broadcastId: string,
): Promise<{ openHoldIds: readonly string[]; liveSlots: number }> {
  const [row] = await tx.query<{ holds: string[]; live: number }>(
    `select array(select h.id from holds h where h.work_id = $1 and h.closed_at is null
                   order by h.id) as holds,
            (select count(*)::int from slots s join work w on w.id = s.id
              where s.broadcast_id = $1 and w.deadline_at is not null) as live`,
    [broadcastId],
  );
  return { openHoldIds: row?.holds ?? [], liveSlots: row?.live ?? 0 };
}

/** What of the requester's money these broadcasts and their slots hold now. */
export async function listHeldMicros(
  tx: Tx,
  broadcastIds: readonly string[],
): Promise<Map<string, bigint>> {
  const rows = await tx.query<{ id: string; held: bigint }>(
    `select b.id, coalesce(sum(h.amount_micros - h.captured_micros), 0)::bigint as held
       from broadcasts b
      cross join lateral (select b.id as work_id union all
                          select s.id from slots s where s.broadcast_id = b.id) k
       join holds h on h.work_id = k.work_id
      where b.id = any($1) and h.closed_at is null and h.account_id = b.workspace_id
      group by b.id`,
    [broadcastIds],
  );
  return new Map(rows.map(({ id, held }) => [id, held]));
}

/** A workspace's broadcasts, newest first; those older than `beforeId`. */
export async function listBroadcastIdsOf(
  tx: Tx,
  workspaceId: string,
  states: readonly BroadcastState[] | undefined,
  beforeId: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select b.id from broadcasts b join work w on w.id = b.id
      where b.workspace_id = $1 and ($2::text[] is null or w.state = any($2))
        and ($3::text is null or b.id < $3)
      order by b.id desc limit $4`,
    [workspaceId, states ?? null, beforeId ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

/** Broadcasts that anybody but `workspaceId` could take a seat of now, the soonest to end first. */
export async function listAvailableBroadcasts(
  tx: Tx,
  about: {
    readonly workspaceId: string;
    readonly capability: string | undefined;
    readonly now: Date;
    readonly limit: number;
  },
): Promise<Broadcast[]> {
  const rows = await tx.query<BroadcastRow>(
    `${SELECT} join mandates m on m.id = b.mandate_id
      where w.shape = 'broadcast' and w.deadline_at > $3 and w.state = 'open'
        and b.workspace_id <> $1 and ($2::text is null or b.capability = $2)
        and m.revoked_at is null and ${HAS_FREE_SEAT}
      order by w.deadline_at, b.id limit $4`,
    [about.workspaceId, about.capability ?? null, about.now, about.limit],
  );
  return rows.map(toBroadcast);
}

/** Open broadcasts past their deadline. */
export async function listOverdueBroadcasts(
  tx: Tx,
  now: Date,
  limit: number,
): Promise<Broadcast[]> {
  const rows = await tx.query<BroadcastRow>(
    `${SELECT} where w.shape = 'broadcast' and w.deadline_at <= $1 and w.state = 'open'
      order by w.deadline_at limit $2`,
    [now, limit],
  );
  return rows.map(toBroadcast);
}

/** Broadcasts that have to go on: all approved, or closing with nothing left to wait for. */
export async function listBroadcastsToAdvance(tx: Tx, limit: number): Promise<Broadcast[]> {
  const rows = await tx.query<BroadcastRow>(
    `${SELECT}
      where w.shape = 'broadcast' and w.deadline_at is not null
        and case when w.state = 'open' then
              (select count(*) from slots s join work sw on sw.id = s.id
                where s.broadcast_id = b.id and sw.state = 'approved') >= b.target
            else not exists (select 1 from slots s join work sw on sw.id = s.id
                where s.broadcast_id = b.id and sw.deadline_at is not null
                  and (w.state = 'expiring' or sw.state = 'submitted')) end
      order by b.id limit $1`,
    [limit],
  );
  return rows.map(toBroadcast);
}

/** Removes rows of requests that were refused: an hour's worth of them, which ended at `before`. */
export async function deleteUnopenedBroadcasts(tx: Tx, before: Date): Promise<void> {
  await tx.query(
    `delete from broadcasts b where b.id >= $1 and b.id < $2
        and not exists (select 1 from work w where w.id = b.id)`,
    hourOfIdsBefore(before),
  );
}

const HAS_FREE_SEAT = `exists (select 1 from holds h
          where h.work_id = b.id and h.closed_at is null and h.id like 'seat-%')`;

const SELECT = `
  select b.id, b.workspace_id, b.mandate_id, b.capability, b.result_schema_url,
         b.result_schema_digest, b.verifier, b.partition, b.slot_keys, b.payment, b.target,
         b.slot_micros, b.unit_micros, b.stake_micros, b.chain_id, b.parent_id, b.key_id, b.fee_bp,
         b.budget_ids, b.request_digest, b.execute_seconds, b.review_seconds, b.deadline_at,
         b.created_at, w.state, w.version
    from broadcasts b join work w on w.id = b.id`;

interface BroadcastRow {
  id: string;
  workspace_id: string;
  mandate_id: string;
  capability: string;
  result_schema_url: string | null;
  result_schema_digest: string | null;
  verifier: Verifier;
  partition: Partition;
  slot_keys: string[] | null;
  payment: PaymentType;
  target: number;
  slot_micros: bigint;
  unit_micros: bigint;
  stake_micros: bigint;
  chain_id: string;
  parent_id: string | null;
  key_id: string | null;
  fee_bp: number;
  budget_ids: string[];
  request_digest: string;
  execute_seconds: number;
  review_seconds: number;
  deadline_at: Date;
  created_at: Date;
  state: BroadcastState;
  version: number;
}

function toBroadcast(row: BroadcastRow): Broadcast {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    mandateId: row.mandate_id,
    capability: row.capability,
    resultSchema:
      row.result_schema_url !== null && row.result_schema_digest !== null
        ? { url: row.result_schema_url, digest: row.result_schema_digest }
        : undefined,
    verifier: row.verifier,
    partition: row.partition,
    slotKeys: row.slot_keys ?? undefined,
    payment: row.payment,
    target: row.target,
    slotMicros: row.slot_micros,
    unitMicros: row.unit_micros,
    stakeMicros: row.stake_micros,
    chainId: row.chain_id,
    parentId: row.parent_id ?? undefined,
    keyId: row.key_id ?? undefined,
    feeBasisPoints: row.fee_bp,
    budgetIds: row.budget_ids,
    requestDigest: row.request_digest,
    executeSeconds: row.execute_seconds,
    reviewSeconds: row.review_seconds,
    deadlineAt: row.deadline_at,
    createdAt: row.created_at,
    state: row.state,
    version: row.version,
  };
}
