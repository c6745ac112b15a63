/**
 * Slots as rows. A slot stands in four tables: `slots` says who took which seat, `work` where it
 * stands (only the ledger writes that), `slot_results` what was handed in, `slot_endings` how it ended.
 */
import type { ApprovedResult } from "../domain/broadcast-payment.ts";
import type { Slot, SlotState } from "../domain/slot.ts";
import type { Tx } from "./database.ts";
import { hourOfIdsBefore } from "./ids.ts";

export interface SlotResult {
  readonly slotId: string;
  /** JSON text; `undefined` where a list would become too long. */
  readonly result: string | undefined;
  /** SHA-256 of the text, hex. */
  readonly digest: string;
  readonly submittedAt: Date;
}

export type SlotEndingKind = "approved" | "rejected" | "failed" | "expired" | "cancelled";
export type SlotDecider = "requester" | "schema" | "provider" | "time";

export interface SlotEnding {
  readonly slotId: string;
  readonly ending: SlotEndingKind;
  readonly decider: SlotDecider;
  /** 0 to 100. */
  readonly score: number | undefined;
  /** JSON text. */
  readonly notes: string | undefined;
  readonly at: Date;
}

/** A slot with all that is known of it. */
export interface SlotRecord {
  readonly slot: Slot;
  readonly result: SlotResult | undefined;
  readonly ending: SlotEnding | undefined;
}

/** Writes who wants a seat; without its work it is nothing. */
export async function insertSlot(tx: Tx, slot: Slot): Promise<void> {
  await tx.query(
    `insert into slots(id, broadcast_id, workspace_id, agent_id, provider_workspace_id, key_id, seat,
                       round, slot_key, by_link, stake_budget_ids, execute_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      slot.id,
      slot.broadcastId,
      slot.workspaceId,
      slot.agentId,
      slot.providerWorkspaceId,
      slot.keyId ?? null,
      slot.seat,
      slot.round,
      slot.slotKey ?? null,
      slot.byLink,
      slot.stakeBudgetIds,
      slot.executeBy,
      slot.createdAt,
    ],
  );
}

/** Keeps what was handed in; the first stays. Returns what is kept. */
export async function keepSlotResult(tx: Tx, result: SlotResult): Promise<SlotResult> {
  await tx.query(
    `insert into slot_results(slot_id, result, digest, submitted_at) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [result.slotId, result.result, result.digest, result.submittedAt],
  );
  const [row] = await tx.query<ResultRow>(
    "select slot_id, result, digest, submitted_at from slot_results where slot_id = $1",
    [result.slotId],
  );
  if (!row) throw new Error("a row that was inserted is not there");
  return toResult(row);
}

/** Keeps how a slot ends, if it does; the first of each kind stays. Returns what is kept. */
export async function keepSlotEnding(tx: Tx, ending: SlotEnding): Promise<SlotEnding> {
  await tx.query(
    `insert into slot_endings(slot_id, ending, decider, score, notes, at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [
      ending.slotId,
      ending.ending,
      ending.decider,
      ending.score ?? null,
      ending.notes ?? null,
      ending.at,
    ],
  );
  const [row] = await tx.query<EndingRow>(
    `select slot_id, ending, decider, score, notes, at from slot_endings
      where slot_id = $1 and ending = $2`,
    [ending.slotId, ending.ending],
  );
  if (!row) throw new Error("a row that was inserted is not there");
  return toEnding(row);
}

export async function findSlot(tx: Tx, id: string): Promise<Slot | undefined> {
  const [row] = await tx.query<SlotRow>(`${SELECT} where s.id = $1`, [id]);
  return row && toSlot(row);
}

/**
 * Every slot of a broadcast with its result and ending, in the order in which seats were taken. Of
 * results together beyond `charactersMax`, the text is left out: first of those that were rejected.
 */
export async function listSlotRecords(
  tx: Tx,
  broadcastId: string,
  charactersMax: number,
): Promise<SlotRecord[]> {
  const rows = await tx.query<SlotRow>(`${SELECT} where s.broadcast_id = $1 order by s.id`, [
    broadcastId,
  ]);
  return withDetails(tx, rows.map(toSlot), charactersMax);
}

/** How many slots of each broadcast are in which state. */
export async function countSlots(
  tx: Tx,
  broadcastIds: readonly string[],
): Promise<{ broadcastId: string; state: SlotState; count: number }[]> {
  return tx.query(
    `select s.broadcast_id as "broadcastId", w.state, count(*)::int as count
       from slots s join work w on w.id = s.id
      where s.broadcast_id = any($1) group by 1, 2`,
    [broadcastIds],
  );
}

export async function findSlotRecord(tx: Tx, id: string): Promise<SlotRecord | undefined> {
  const [record] = await findSlotRecords(tx, [id]);
  return record;
}

export async function findSlotRecords(tx: Tx, ids: readonly string[]): Promise<SlotRecord[]> {
  const rows = await tx.query<SlotRow>(`${SELECT} where s.id = any($1)`, [ids]);
  return rows.length > 0 ? withDetails(tx, rows.map(toSlot), Number.MAX_SAFE_INTEGER) : [];
}

/** Slots of a broadcast in one state, in the order in which seats were taken. */
export async function listSlotsIn(tx: Tx, broadcastId: string, state: SlotState): Promise<Slot[]> {
  const rows = await tx.query<SlotRow>(
    `${SELECT} where s.broadcast_id = $1 and w.state = $2 order by s.id`,
    [broadcastId, state],
  );
  return rows.map(toSlot);
}

/** What is needed to say who has won. */
export async function listApprovedResults(tx: Tx, broadcastId: string): Promise<ApprovedResult[]> {
  const rows = await tx.query<{
    id: string;
    provider_workspace_id: string;
    score: number | null;
    submitted_at: Date;
  }>(
    `select s.id, s.provider_workspace_id, e.score, r.submitted_at
       from slots s join work w on w.id = s.id
       join slot_results r on r.slot_id = s.id
       join slot_endings e on e.slot_id = s.id and e.ending = 'approved'
      where s.broadcast_id = $1 and w.state = 'approved' order by s.id`,
    [broadcastId],
  );
  return rows.map((row) => ({
    slotId: row.id,
    providerWorkspaceId: row.provider_workspace_id,
    score: row.score ?? undefined,
    submittedAt: row.submitted_at,
  }));
}

/** Slots of an agent in one broadcast, oldest first. */
export async function listSlotsOfAgent(
  tx: Tx,
  broadcastId: string,
  agentId: string,
): Promise<Slot[]> {
  const rows = await tx.query<SlotRow>(
    `${SELECT} where s.broadcast_id = $1 and s.agent_id = $2 order by s.id`,
    [broadcastId, agentId],
  );
  return rows.map(toSlot);
}

/** Slots past their deadline: not handed in, or not judged. */
export async function listOverdueSlots(tx: Tx, now: Date, limit: number): Promise<Slot[]> {
  const rows = await tx.query<SlotRow>(
    `${SELECT} where w.shape = 'slot' and w.deadline_at <= $1 order by w.deadline_at limit $2`,
    [now, limit],
  );
  return rows.map(toSlot);
}

/** Removes rows of agents that came too late: an hour's worth of them, which ended at `before`. */
export async function deleteUnopenedSlots(tx: Tx, before: Date): Promise<void> {
  await tx.query(
    `delete from slots s where s.id >= $1 and s.id < $2
        and not exists (select 1 from work w where w.id = s.id)`,
    hourOfIdsBefore(before),
  );
}

/** Results are matched to slots by id; of endings only the one that the slot's state names counts. */
async function withDetails(
  tx: Tx,
  slots: readonly Slot[],
  charactersMax: number,
): Promise<SlotRecord[]> {
  const ids = slots.map(({ id }) => id);
  const results = await tx.query<ResultRow>(
    `select slot_id, digest, submitted_at, case when sum <= $2 then result end as result
       from (select r.*, sum(length(r.result)) over (order by w.state = 'rejected', r.slot_id) as sum
               from slot_results r join work w on w.id = r.slot_id
              where r.slot_id = any($1)) r`,
    [ids, charactersMax],
  );
  const endings = await tx.query<EndingRow>(
    `select slot_id, ending, decider, score, notes, at from slot_endings where slot_id = any($1)`,
    [ids],
  );
  const resultOf = new Map(results.map((row) => [row.slot_id, toResult(row)]));
  const endingOf = new Map(endings.map((row) => [`${row.slot_id} ${row.ending}`, toEnding(row)]));
  return slots.map((slot) => ({
    slot,
    // What came too late for a slot that had ended is nobody's.
    result: HANDED_IN.has(slot.state) ? resultOf.get(slot.id) : undefined,
    ending: endingOf.get(`${slot.id} ${slot.state}`),
  }));
}

const HANDED_IN: ReadonlySet<SlotState> = new Set(["submitted", "approved", "rejected"]);

const SELECT = `
  select s.id, s.broadcast_id, s.workspace_id, s.agent_id, s.provider_workspace_id, s.key_id, s.seat,
         s.round, s.slot_key, s.by_link, s.stake_budget_ids, s.execute_by, s.created_at, w.state,
         w.version, w.deadline_at
    from slots s join work w on w.id = s.id`;

interface SlotRow {
  id: string;
  broadcast_id: string;
  workspace_id: string;
  agent_id: string;
  provider_workspace_id: string;
  key_id: string | null;
  seat: number;
  round: number;
  slot_key: string | null;
  by_link: boolean;
  stake_budget_ids: string[];
  execute_by: Date;
  created_at: Date;
  state: SlotState;
  version: number;
  deadline_at: Date | null;
}

function toSlot(row: SlotRow): Slot {
  return {
    id: row.id,
    broadcastId: row.broadcast_id,
    workspaceId: row.workspace_id,
    agentId: row.agent_id,
    providerWorkspaceId: row.provider_workspace_id,
    keyId: row.key_id ?? undefined,
    seat: row.seat,
    round: row.round,
    slotKey: row.slot_key ?? undefined,
    byLink: row.by_link,
    stakeBudgetIds: row.stake_budget_ids,
    executeBy: row.execute_by,
    createdAt: row.created_at,
    state: row.state,
    version: row.version,
    deadlineAt: row.deadline_at ?? undefined,
  };
}

interface ResultRow {
  slot_id: string;
  result: string | null;
  digest: string;
  submitted_at: Date;
}

function toResult(row: ResultRow): SlotResult {
  const { slot_id: slotId, result, digest, submitted_at: submittedAt } = row;
  return { slotId, result: result ?? undefined, digest, submittedAt };
}

interface EndingRow {
  slot_id: string;
  ending: SlotEndingKind;
  decider: SlotDecider;
  score: number | null;
  notes: string | null;
  at: Date;
}

function toEnding({ slot_id: slotId, ending, decider, score, notes, at }: EndingRow): SlotEnding {
  return { slotId, ending, decider, score: score ?? undefined, notes: notes ?? undefined, at };
}
