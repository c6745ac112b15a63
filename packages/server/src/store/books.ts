/**
 * The books, recomputed from transfers and holds. Each statement here is one snapshot, so that what it
 * compares belongs together however busy the ledger is.
 */
import type { Tx } from "./database.ts";

/** A row that does not say what it should. */
export interface Drift {
  readonly kind: string;
  readonly id: string;
  readonly field: string;
  readonly isMicros: bigint;
  readonly shouldBeMicros: bigint;
}

/** How far the books were read. Locked: two readers would count the same transfers twice. */
export async function lockBooks(tx: Tx): Promise<bigint> {
  const rows = await tx.query<{ checked_seq: bigint }>("select checked_seq from books for update");
  return rows[0]?.checked_seq ?? 0n;
}

export async function forgetBooks(tx: Tx): Promise<void> {
  await tx.query("update books set checked_seq = 0, transfers = 0");
  await tx.query("delete from book_sums");
}

/** Adds the transfers after `from`, up to `until`, to the sums. */
export async function addTransfers(tx: Tx, from: bigint, until: bigint): Promise<void> {
  await tx.query(
    `insert into book_sums(kind, id, micros)
     select 'account', moved.id, sum(moved.micros)
       from transfers t cross join lateral
            (values (t.credit_id, t.amount_micros), (t.debit_id, -t.amount_micros)) moved(id, micros)
      where t.seq > $1 and t.seq <= $2
      group by moved.id
     on conflict (kind, id) do update set micros = book_sums.micros + excluded.micros`,
    [from, until],
  );
  await tx.query(
    `insert into book_sums(kind, id, micros)
     select 'budget', b.id, sum(t.amount_micros)
       from transfers t
       join holds h on h.work_id = t.reference and h.id = t.hold_id
      cross join lateral unnest(string_to_array(nullif(h.budget_ids, ''), ' ')) b(id)
      where t.seq > $1 and t.seq <= $2
      group by b.id
     on conflict (kind, id) do update set micros = book_sums.micros + excluded.micros`,
    [from, until],
  );
  await tx.query(
    `update books set checked_seq = $2,
            transfers = transfers + (select count(*) from transfers t where t.seq > $1 and t.seq <= $2)`,
    [from, until],
  );
}

/** Holds that transfers of this slice name and whose captures are not the sum of their transfers. */
export async function findCaptureDrift(tx: Tx, from: bigint, until: bigint): Promise<Drift[]> {
  const rows = await tx.query<DriftRow>(
    `select 'hold' as kind, h.id, 'captured' as field, h.captured_micros as is_micros,
            s.micros as should_be_micros
       from (select distinct t.reference, t.hold_id from transfers t
              where t.seq > $1 and t.seq <= $2 and t.hold_id is not null) named
       join holds h on h.work_id = named.reference and h.id = named.hold_id
       cross join lateral (select sum(t.amount_micros)::bigint as micros from transfers t
                            where t.reference = h.work_id and t.hold_id = h.id) s
      where s.micros is distinct from h.captured_micros
      limit 100`,
    [from, until],
  );
  return rows.map(toDrift);
}

/** The last account or budget of a slice and what drifted in it. */
export interface DriftSlice {
  readonly lastId: string | undefined;
  readonly drift: readonly Drift[];
}

/** Accounts after `afterId`: what is posted against all transfers, what is held against live holds. */
export async function findAccountDrift(
  tx: Tx,
  afterId: string,
  limit: number,
): Promise<DriftSlice> {
  const rows = await tx.query<DriftRow & { last_id: string | null }>(
    `with slice as (select id, posted_micros, held_micros from accounts
                     where id > $1 order by id limit $2),
          later as (
            select moved.id, sum(moved.micros)::bigint as micros
              from transfers t cross join lateral
                   (values (t.credit_id, t.amount_micros), (t.debit_id, -t.amount_micros)) moved(id, micros)
             where t.seq > (select checked_seq from books) group by moved.id),
          held as (${LIVE_HELD} group by h.account_id),
          found as (
            select s.id, s.posted_micros, s.held_micros,
                   coalesce(b.micros, 0) + coalesce(l.micros, 0) as posted_sum,
                   coalesce(p.micros, 0) as held_sum
              from slice s
              left join book_sums b on b.kind = 'account' and b.id = s.id
              left join later l on l.id = s.id
              left join held p on p.account_id = s.id)
     select 'account' as kind, f.id, d.field, d.is_micros, d.should_be_micros,
            (select max(id) from slice) as last_id
       from (select 1) one left join (
            found f cross join lateral (values ('posted', f.posted_micros, f.posted_sum),
                                               ('held', f.held_micros, f.held_sum))
                    d(field, is_micros, should_be_micros)) on d.is_micros <> d.should_be_micros
      limit 100`,
    [afterId, limit],
  );
  return toSlice(rows);
}

/** Budgets after `afterId`: what is spent against all captures, what is held against live holds. */
export async function findBudgetDrift(tx: Tx, afterId: string, limit: number): Promise<DriftSlice> {
  const rows = await tx.query<DriftRow & { last_id: string | null }>(
    `with slice as (select id, spent_micros, held_micros from budgets
                     where id > $1 order by id limit $2),
          later as (
            select b.id, sum(t.amount_micros)::bigint as micros
              from transfers t
              join holds h on h.work_id = t.reference and h.id = t.hold_id
             cross join lateral unnest(string_to_array(nullif(h.budget_ids, ''), ' ')) b(id)
             where t.seq > (select checked_seq from books) group by b.id),
          held as (
            select b.id, sum(h.amount_micros - h.captured_micros)::bigint as micros
              from work w join holds h on h.work_id = w.id and h.closed_at is null
             cross join lateral unnest(string_to_array(nullif(h.budget_ids, ''), ' ')) b(id)
             where w.deadline_at is not null group by b.id),
          found as (
            select s.id, s.spent_micros, s.held_micros,
                   coalesce(b.micros, 0) + coalesce(l.micros, 0) as spent_sum,
                   coalesce(p.micros, 0) as held_sum
              from slice s
              left join book_sums b on b.kind = 'budget' and b.id = s.id
              left join later l on l.id = s.id
              left join held p on p.id = s.id)
     select 'budget' as kind, f.id, d.field, d.is_micros, d.should_be_micros,
            (select max(id) from slice) as last_id
       from (select 1) one left join (
            found f cross join lateral (values ('spent', f.spent_micros, f.spent_sum),
                                               ('held', f.held_micros, f.held_sum))
                    d(field, is_micros, should_be_micros)) on d.is_micros <> d.should_be_micros
      limit 100`,
    [afterId, limit],
  );
  return toSlice(rows);
}

/**
 * Live work without an open hold. Each run and slot has one, of nothing where it is free, and so has each session,
 * but for an open quote that was not accepted.
 */
export async function listWorkWithoutHold(tx: Tx): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select w.id from work w
      where w.deadline_at is not null
        and (w.shape in ('run', 'slot') or w.shape = 'session' and not (w.state = 'pending' and exists (
              select 1 from sessions s where s.id = w.id and s.shape = 'open_quote')))
        and not exists (select 1 from holds h where h.work_id = w.id and h.closed_at is null)
      limit 100`,
  );
  return rows.map(({ id }) => id);
}

/** Open holds among those after `after` whose work is over; and the last hold that was looked at. */
export async function findHoldsWithoutWork(
  tx: Tx,
  after: { readonly workId: string; readonly id: string },
  limit: number,
): Promise<{ last: { workId: string; id: string } | undefined; ids: string[] }> {
  const rows = await tx.query<{ work_id: string; id: string; is_orphan: boolean }>(
    `select h.work_id, h.id, h.closed_at is null and w.deadline_at is null as is_orphan
       from holds h left join work w on w.id = h.work_id
      where (h.work_id, h.id) > ($1, $2) order by h.work_id, h.id limit $3`,
    [after.workId, after.id, limit],
  );
  const last = rows.at(-1);
  return {
    last: last && { workId: last.work_id, id: last.id },
    ids: rows.flatMap((row) => (row.is_orphan ? [row.id] : [])),
  };
}

export interface BookCounts {
  readonly accounts: number;
  readonly transfers: bigint;
  readonly holds: number;
  /** Over all accounts; zero, or money was made or lost. */
  readonly sumMicros: bigint;
}

export async function countBooks(tx: Tx): Promise<BookCounts> {
  const [row] = await tx.query<{
    accounts: number;
    transfers: bigint;
    holds: number;
    sum_micros: bigint;
  }>(
    `select (select count(*)::int from accounts) as accounts,
            (select b.transfers + (select count(*) from transfers t where t.seq > b.checked_seq)
               from books b) as transfers,
            (select count(*)::int from holds) as holds,
            (select sum(posted_micros)::bigint from accounts) as sum_micros`,
  );
  if (!row) throw new Error("a select without a table returned no row");
  const { accounts, transfers, holds, sum_micros: sumMicros } = row;
  return { accounts, transfers, holds, sumMicros };
}

/** Only live work has open holds, and live work is few: it is read through its own index. */
const LIVE_HELD = `
  select h.account_id, sum(h.amount_micros - h.captured_micros)::bigint as micros
    from work w join holds h on h.work_id = w.id and h.closed_at is null
   where w.deadline_at is not null`;

interface DriftRow {
  kind: string;
  id: string | null;
  field: string | null;
  is_micros: bigint | null;
  should_be_micros: bigint | null;
}

function toSlice(rows: readonly (DriftRow & { last_id: string | null })[]): DriftSlice {
  const drift = rows.flatMap((row) => (row.id === null ? [] : [toDrift(row)]));
  return { lastId: rows[0]?.last_id ?? undefined, drift };
}

function toDrift(row: DriftRow): Drift {
  return {
    kind: row.kind,
    id: row.id ?? "",
    field: row.field ?? "",
    isMicros: row.is_micros ?? 0n,
    shouldBeMicros: row.should_be_micros ?? 0n,
  };
}
