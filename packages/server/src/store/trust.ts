import type { RequesterOutcomes } from "../domain/trust.ts";
import type { Tx } from "./database.ts";

export interface Trust {
  readonly agentId: string;
  readonly score: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Of those that succeeded, results of broadcasts. */
  readonly approvedSlots: number;
  /** Of those that succeeded, sessions. */
  readonly endedSessions: number;
  readonly updatedAt: Date;
}

type Outcomes = RequesterOutcomes & {
  readonly approvedSlots: number;
  readonly endedSessions: number;
};

/** Outcomes of an agent's last `runsMax` runs, and as many slots and sessions, for others; by requester. */
export async function listOutcomes(tx: Tx, agentId: string, runsMax: number): Promise<Outcomes[]> {
  const rows = await tx.query<{
    workspace_id: string;
    succeeded: bigint;
    failed: bigint;
    slots: bigint;
    sessions: bigint;
  }>(
    `select workspace_id, sum(succeeded)::bigint as succeeded, sum(failed)::bigint as failed,
            sum(slots)::bigint as slots, sum(sessions)::bigint as sessions
       from (
     select r.workspace_id,
            count(*) filter (where w.state = 'succeeded') as succeeded,
            count(*) filter (where w.state in ('failed', 'expired')) as failed, 0 as slots,
            0 as sessions
       from (select id, workspace_id, provider_workspace_id from runs
              where agent_id = $1 order by id desc limit $2) r
       join work w on w.id = r.id
      where r.workspace_id <> r.provider_workspace_id
        -- A refusal before the work began says that the provider was busy, not that it is bad.
        and not exists (select 1 from run_results x where x.run_id = r.id and not x.is_success
              and x.error_code in ('provider_busy', 'requester_limit', 'provider_manual', 'provider_unconfigured'))
      group by r.workspace_id
     union all
     -- Whom the requester cancelled has done neither well nor badly.
     select s.workspace_id,
            count(*) filter (where w.state = 'approved'),
            count(*) filter (where w.state in ('rejected', 'failed', 'expired')),
            count(*) filter (where w.state = 'approved'), 0
       from (select id, workspace_id from slots where agent_id = $1 order by id desc limit $2) s
       join work w on w.id = s.id
      group by s.workspace_id
     union all
     -- A session that was declined or called off, or in which nothing was answered, says nothing; one
     -- that its provider left says something.
     select s.workspace_id, count(*) filter (where w.state = 'ended'),
            count(*) filter (where w.state = 'cancelled'), 0, count(*) filter (where w.state = 'ended')
       from (select id, workspace_id, provider_workspace_id from sessions
              where agent_id = $1 order by id desc limit $2) s
       join work w on w.id = s.id
       join session_logs l on l.session_id = s.id
       join session_endings e on e.session_id = s.id
      where s.workspace_id <> s.provider_workspace_id
        and (w.state = 'ended' and l.answered > 0
          or w.state = 'cancelled' and e.reason = 'provider_offline')
      group by s.workspace_id) outcomes
      group by workspace_id`,
    [agentId, runsMax],
  );
  return rows.map((row) => ({
    requesterId: row.workspace_id,
    succeeded: Number(row.succeeded),
    failed: Number(row.failed),
    approvedSlots: Number(row.slots),
    endedSessions: Number(row.sessions),
  }));
}

/** Agents that had work end since `since`, and so may have another score now. */
export async function listAgentsWithOutcomesSince(tx: Tx, since: Date): Promise<string[]> {
  const rows = await tx.query<{ agent_id: string }>(
    `select r.agent_id from run_results x join runs r on r.id = x.run_id where x.finished_at > $1
     union
     select s.agent_id from slot_endings e join slots s on s.id = e.slot_id where e.at > $1
     union
     select s.agent_id from session_endings e join sessions s on s.id = e.session_id where e.at > $1`,
    [since],
  );
  return rows.map((row) => row.agent_id);
}

export async function upsertTrust(tx: Tx, trust: Trust): Promise<void> {
  await tx.query(
    `insert into trust(agent_id, score, succeeded, failed, approved_slots, ended_sessions, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (agent_id) do update
       set score = excluded.score, succeeded = excluded.succeeded, failed = excluded.failed,
           approved_slots = excluded.approved_slots, ended_sessions = excluded.ended_sessions,
           updated_at = excluded.updated_at`,
    [
      trust.agentId,
      trust.score,
      trust.succeeded,
      trust.failed,
      trust.approvedSlots,
      trust.endedSessions,
      trust.updatedAt,
    ],
  );
}

export async function findTrust(tx: Tx, agentIds: readonly string[]): Promise<Map<string, Trust>> {
  const rows = await tx.query<TrustRow>(
    `select agent_id, score, succeeded, failed, approved_slots, ended_sessions, updated_at
       from trust where agent_id = any($1)`,
    [agentIds],
  );
  return new Map(rows.map((row) => [row.agent_id, toTrust(row)]));
}

interface TrustRow {
  agent_id: string;
  score: number;
  succeeded: number;
  failed: number;
  approved_slots: number;
  ended_sessions: number;
  updated_at: Date;
}

function toTrust(row: TrustRow): Trust {
  return {
    agentId: row.agent_id,
    score: row.score,
    succeeded: row.succeeded,
    failed: row.failed,
    approvedSlots: row.approved_slots,
    endedSessions: row.ended_sessions,
    updatedAt: row.updated_at,
  };
}
