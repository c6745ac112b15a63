/** What the holds of broadcasts and slots have to say, by what was asked for. */
import type { Tx } from "./database.ts";

/** A broadcast or slot that does not hold what it should, in words. */
export async function listBroadcastProblems(tx: Tx): Promise<string[]> {
  const rows = await tx.query<{ problem: string }>(
    `with live as (
       select b.id, b.target, b.slot_micros, b.stake_micros,
              case when b.payment = 'winner_take_all' then 0 else b.slot_micros end as seat_micros,
              case when b.payment = 'winner_take_all' then b.slot_micros * b.target end as pot_micros,
              w.deadline_at is null as is_over
         from broadcasts b join work w on w.id = b.id
        where w.deadline_at is not null
           or b.id in (select s.broadcast_id from slots s join work sw on sw.id = s.id
                        where sw.shape = 'slot' and sw.deadline_at is not null)),
     seated as (
       select s.broadcast_id, s.id, s.provider_workspace_id, w.state,
              w.deadline_at is not null as is_live
         from slots s join work w on w.id = s.id where s.broadcast_id in (select id from live))
     select 'broadcast ' || l.id || ' has more seats than are wanted' as problem
       from live l
      where (select count(*) from holds h where h.work_id = l.id and h.closed_at is null
                and h.id like 'seat-%')
          + (select count(*) from seated s where s.broadcast_id = l.id
                and (s.is_live or s.state = 'approved')) > l.target
     union all
     select 'broadcast ' || l.id || ' is over and slot ' || s.id || ' is live'
       from live l join seated s on s.broadcast_id = l.id where l.is_over and s.is_live
     union all
     select 'broadcast ' || l.id || ' has no pot'
       from live l
      where not l.is_over and l.pot_micros is not null and not exists (
            select 1 from holds h where h.work_id = l.id and h.id = 'pot' and h.closed_at is null
               and h.amount_micros between 0 and l.pot_micros)
     union all
     select 'hold ' || h.id || ' of broadcast ' || l.id || ' is not of a seat''s amount'
       from live l join holds h on h.work_id = l.id
      where h.id like 'seat-%' and h.closed_at is null and h.amount_micros <> l.seat_micros
     union all
     select 'slot ' || s.id || ' does not hold its seat''s amount'
       from live l join seated s on s.broadcast_id = l.id
      where s.is_live and not exists (
            select 1 from holds h where h.work_id = s.id and h.id = 'hold' and h.closed_at is null
               and h.amount_micros = l.seat_micros)
     union all
     select 'slot ' || s.id || ' does not hold its agent''s stake'
       from live l join seated s on s.broadcast_id = l.id
      where s.is_live and l.stake_micros > 0 and not exists (
            select 1 from holds h where h.work_id = s.id and h.id = 'stake' and h.closed_at is null
               and h.account_id = s.provider_workspace_id and h.amount_micros = l.stake_micros)
      limit 100`,
  );
  return rows.map(({ problem }) => problem);
}
