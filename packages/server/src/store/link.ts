/** Which agent's provider is connected to which process. An agent has one row, and its epoch only grows. */
import type { Tx } from "./database.ts";

export interface LinkRow {
  readonly agentId: string;
  readonly epoch: number;
  readonly processId: string;
}

/** Opens the agent's next epoch and returns its number; the connection before it is no longer the one. */
export async function openLink(
  tx: Tx,
  link: {
    readonly agentId: string;
    readonly processId: string;
    readonly keyId: string | undefined;
    readonly wire: string;
    readonly client: string;
    readonly concurrency: number | undefined;
    readonly connectedAt: Date;
  },
): Promise<number> {
  const [row] = await tx.query<{ epoch: number }>(
    `insert into provider_links(agent_id, epoch, process_id, key_id, wire, client, concurrency,
                                connected_at, last_seen_at)
     values ($1, 1, $2, $3, $4, $5, $6, $7, $7)
     on conflict (agent_id) do update set
       epoch = provider_links.epoch + 1, process_id = excluded.process_id,
       key_id = excluded.key_id, wire = excluded.wire, client = excluded.client,
       concurrency = excluded.concurrency, connected_at = excluded.connected_at,
       last_seen_at = excluded.last_seen_at, ended_at = null
     returning epoch`,
    [
      link.agentId,
      link.processId,
      link.keyId ?? null,
      link.wire,
      link.client,
      link.concurrency ?? null,
      link.connectedAt,
    ],
  );
  if (!row) throw new Error("an upsert returned no row");
  return row.epoch;
}

/** Moves `last_seen_at` forward for many links in one statement. A link that ended stays ended. */
export async function touchLinks(
  tx: Tx,
  seen: readonly { readonly agentId: string; readonly epoch: number; readonly lastSeenAt: Date }[],
): Promise<void> {
  await tx.query(
    `update provider_links l set last_seen_at = s.at
       from unnest($1::text[], $2::int[], $3::timestamptz[]) s(agent_id, epoch, at)
      where l.agent_id = s.agent_id and l.epoch = s.epoch and l.ended_at is null
        and l.last_seen_at < s.at`,
    [
      seen.map(({ agentId }) => agentId),
      seen.map(({ epoch }) => epoch),
      seen.map(({ lastSeenAt }) => lastSeenAt),
    ],
  );
}

/** Ends the link, if it is still the agent's present one and has not ended; says whether it did. */
export async function endLink(
  tx: Tx,
  agentId: string,
  epoch: number,
  endedAt: Date,
): Promise<boolean> {
  const rows = await tx.query(
    `update provider_links set ended_at = $3
      where agent_id = $1 and epoch = $2 and ended_at is null
     returning agent_id`,
    [agentId, epoch, endedAt],
  );
  return rows.length > 0;
}

/** Ends links that were last seen before `seenBefore`, and returns those that this call ended. */
export async function endOverdueLinks(
  tx: Tx,
  seenBefore: Date,
  endedAt: Date,
  limit: number,
): Promise<{ agentId: string; epoch: number }[]> {
  // Another process sweeps at the same time: what it has locked is its to end.
  return tx.query<{ agentId: string; epoch: number }>(
    `update provider_links set ended_at = $2
      where agent_id in (
        select agent_id from provider_links
         where ended_at is null and last_seen_at < $1
         order by last_seen_at limit $3 for update skip locked)
     returning agent_id as "agentId", epoch`,
    [seenBefore, endedAt, limit],
  );
}

/**
 * How these agents' links stand: online is who is linked to a process with a lease and was seen since
 * `seenAfter`. Agents that never connected are left out.
 */
export async function listLinkStates(
  tx: Tx,
  agentIds: readonly string[],
  now: Date,
  seenAfter: Date,
): Promise<{ agentId: string; isOnline: boolean; lastSeenAt: Date }[]> {
  return tx.query(
    `select l.agent_id as "agentId", l.last_seen_at as "lastSeenAt",
            coalesce(l.ended_at is null and l.last_seen_at >= $3 and p.lease_until > $2, false)
              as "isOnline"
       from provider_links l left join processes p on p.id = l.process_id
      where l.agent_id = any($1)`,
    [agentIds, now, seenAfter],
  );
}

/** Whether the agent's newest link was ended, by its goodbye or for its silence. */
export async function hasLinkEnded(tx: Tx, agentId: string): Promise<boolean> {
  const rows = await tx.query(
    "select 1 from provider_links where agent_id = $1 and ended_at is not null",
    [agentId],
  );
  return rows.length > 0;
}

/** The epoch of the agent's newest link, whether it lives or not. */
export async function findEpoch(tx: Tx, agentId: string): Promise<number | undefined> {
  const [row] = await tx.query<{ epoch: number }>(
    "select epoch from provider_links where agent_id = $1",
    [agentId],
  );
  return row?.epoch;
}

/** The link of an agent that is online, by the same measure. */
export async function findLiveLink(
  tx: Tx,
  agentId: string,
  now: Date,
  seenAfter: Date,
): Promise<LinkRow | undefined> {
  const [row] = await tx.query<LinkRow>(
    `select l.agent_id as "agentId", l.epoch, l.process_id as "processId"
       from provider_links l join processes p on p.id = l.process_id
      where l.agent_id = $1 and l.ended_at is null and l.last_seen_at >= $3 and p.lease_until > $2`,
    [agentId, now, seenAfter],
  );
  return row;
}

export type Ousting = "replaced" | "ended" | "key" | "suspended";

/** Which of these links may not go on, and why. */
export async function listOustedLinks(
  tx: Tx,
  links: readonly { readonly agentId: string; readonly epoch: number }[],
  now: Date,
): Promise<{ agentId: string; epoch: number; ousting: Ousting }[]> {
  return tx.query(
    `select agent_id as "agentId", epoch, ousting from (
       select m.agent_id, m.epoch, case
           when l.epoch is distinct from m.epoch then 'replaced'
           when l.ended_at is not null then 'ended'
           when k.revoked_at is not null or k.expires_at <= $3
             or (l.key_id is not null and k.id is null) then 'key'
           when a.suspended_at is not null or w.suspended_at is not null then 'suspended'
         end as ousting
         from unnest($1::text[], $2::int[]) m(agent_id, epoch)
         left join provider_links l on l.agent_id = m.agent_id
         left join keys k on k.id = l.key_id
         left join agents a on a.id = l.agent_id
         left join workspaces w on w.id = a.workspace_id) judged
      where ousting is not null`,
    [links.map(({ agentId }) => agentId), links.map(({ epoch }) => epoch), now],
  );
}
