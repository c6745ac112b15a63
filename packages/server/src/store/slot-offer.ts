/** Who could take a seat of what: what a process asks to tell the agents that are connected to it. */
import type { Tx } from "./database.ts";

/** A broadcast that has a free seat. */
export interface OpenOffer {
  readonly broadcastId: string;
  readonly workspaceId: string;
  readonly capability: string;
}

/**
 * What one of these agents could take a seat of: the newest of each workspace, then the next of each, so that
 * one that asks for much does not hide the others.
 */
export async function listOpenOffers(
  tx: Tx,
  agentIds: readonly string[],
  now: Date,
  limit: number,
): Promise<OpenOffer[]> {
  return tx.query(
    `select b.id as "broadcastId", b.workspace_id as "workspaceId", b.capability
       from work w join broadcasts b on b.id = w.id join mandates m on m.id = b.mandate_id
      where w.shape = 'broadcast' and w.state = 'open' and w.deadline_at > $1
        and m.revoked_at is null
        and exists (select 1 from holds h where h.work_id = b.id and h.closed_at is null
                                            and h.id like 'seat-%')
        and exists (select 1 from capabilities c where c.agent_id = any($2) and c.slug = b.capability)
      order by row_number() over (partition by b.workspace_id order by b.id desc), b.id desc
      limit $3`,
    [now, agentIds, limit],
  );
}

/** Which of these agents offer which of these capabilities. */
export async function listOffering(
  tx: Tx,
  agentIds: readonly string[],
  capabilities: readonly string[],
): Promise<{ agentId: string; workspaceId: string; capability: string }[]> {
  return tx.query(
    `select a.id as "agentId", a.workspace_id as "workspaceId", c.slug as capability
       from agents a join capabilities c on c.agent_id = a.id
      where a.id = any($1) and c.slug = any($2) and a.suspended_at is null`,
    [agentIds, capabilities],
  );
}

/** Which agents have, or had, a slot of which of these broadcasts. */
export async function listTakers(
  tx: Tx,
  broadcastIds: readonly string[],
): Promise<{ broadcastId: string; agentId: string }[]> {
  return tx.query(
    `select s.broadcast_id as "broadcastId", s.agent_id as "agentId"
       from slots s join work w on w.id = s.id
      where s.broadcast_id = any($1)`,
    [broadcastIds],
  );
}

/** Slots that these agents took and have not handed in yet. */
export async function listUnfilledSlotIds(
  tx: Tx,
  agentIds: readonly string[],
): Promise<{ slotId: string; agentId: string }[]> {
  return tx.query(
    `select s.id as "slotId", s.agent_id as "agentId"
       from work w join slots s on s.id = w.id
      where w.shape = 'slot' and w.state = 'accepted' and w.deadline_at is not null
        and s.agent_id = any($1)
      order by s.id`,
    [agentIds],
  );
}
