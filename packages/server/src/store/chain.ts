import type { Chain, Hop } from "../domain/chain.ts";
import type { WorkShape } from "../domain/command.ts";
import type { Tx } from "./database.ts";

export async function findChain(tx: Tx, id: string): Promise<Chain | undefined> {
  const [row] = await tx.query<ChainRow>(`${SELECT} where c.id = $1`, [id]);
  return row && toChain(row);
}

/**
 * A workspace's chains, newest first, older than `before` where that is given. The row of a chain is
 * written with the request that begins it, also where that is then refused: such a chain is one only if
 * something was asked for on its account after all, or if its ceiling was the reason and waits for its owner.
 */
export async function listChainsOf(
  tx: Tx,
  workspaceId: string,
  before: string | undefined,
  limit: number,
): Promise<Chain[]> {
  const rows = await tx.query<ChainRow>(
    // As scalar subqueries, so that whatever the planner thinks of, work is looked up by its keys.
    `${SELECT} where c.workspace_id = $1 and c.id < coalesce($2, 'g')
        and coalesce(
              coalesce(c.refused_at, c.approved_at, c.closed_at) is not null or null,
              (select true from work w where w.id = c.id),
              (select true from runs r join work w on w.id = r.id where r.chain_id = c.id limit 1),
              (select true from sessions n join work w on w.id = n.id where n.chain_id = c.id limit 1),
              (select true from broadcasts b join work w on w.id = b.id where b.chain_id = c.id limit 1),
              false)
      order by c.id desc limit $3`,
    [workspaceId, before ?? null, limit],
  );
  return rows.map(toChain);
}

/** Notes that the ceiling refused a request, for its owner to see. */
export async function noteRefusal(
  tx: Tx,
  id: string,
  neededMicros: bigint,
  at: Date,
): Promise<void> {
  await tx.query(
    // Once a second is enough for a person; a thousand requests at once would queue for the row.
    `update chains set refused_at = $2, refused_micros = $3
      where id = $1 and closed_at is null
        and (refused_at is null or refused_at < $2::timestamptz - interval '1 second')`,
    [id, at, neededMicros],
  );
}

/** Notes that the owner raised or lifted the ceiling; a closed chain is open again. */
export async function noteApproval(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query("update chains set approved_at = $2, closed_at = null where id = $1", [id, at]);
}

export async function closeChain(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.query("update chains set closed_at = $2 where id = $1 and closed_at is null", [id, at]);
}

/** The live work of this chain that the workspace is doing right now, newest first. */
export async function findWorkInChain(
  tx: Tx,
  chainId: string,
  providerWorkspaceId: string,
): Promise<string | undefined> {
  const rows = await tx.query<{ id: string }>(
    // A slot whose result is handed in is live until it is judged, but nobody works at it; nor at a
    // session that its provider was not asked to take, or that only waits for its bill.
    `select h.id from (${HOPS}) h join work w on w.id = h.id
      where h.provider_workspace_id = $2 and w.deadline_at is not null
        and (w.shape <> 'slot' or w.state = 'accepted')
        and (w.shape <> 'session' or w.state not in ('pending', 'awaiting_invoice'))
      order by h.id desc limit 1`,
    [chainId, providerWorkspaceId],
  );
  return rows[0]?.id;
}

/** A chain's work, oldest first, with what each piece holds and has cost its requester. */
export async function listHops(tx: Tx, chainId: string, limit: number): Promise<Hop[]> {
  const rows = await tx.query<HopRow>(
    `select h.id, w.shape, w.state, h.parent_id, h.workspace_id, h.agent_id, a.name as agent_name,
            h.capability, w.opened_at, m.held_micros, m.spent_micros
       from (${HOPS}) h
       join work w on w.id = h.id
       left join agents a on a.id = h.agent_id
      cross join lateral (
            select coalesce(sum(o.captured_micros), 0)::bigint as spent_micros,
                   coalesce(sum(o.amount_micros - o.captured_micros)
                              filter (where o.closed_at is null), 0)::bigint as held_micros
              from holds o where o.work_id = h.id and o.account_id = h.workspace_id) m
      order by h.id limit $2`,
    [chainId, limit],
  );
  return rows.map(toHop);
}

// Whoever takes a slot of a broadcast does it for the broadcast.
const HOPS = `
  select r.id, r.parent_id, r.workspace_id, r.agent_id, r.provider_workspace_id, r.capability
    from runs r where r.chain_id = $1
  union all
  select n.id, n.parent_id, n.workspace_id, n.agent_id, n.provider_workspace_id, n.capability
    from sessions n where n.chain_id = $1
  union all
  select b.id, b.parent_id, b.workspace_id, null, null, b.capability
    from broadcasts b where b.chain_id = $1
  union all
  select s.id, s.broadcast_id, s.workspace_id, s.agent_id, s.provider_workspace_id, b.capability
    from slots s join broadcasts b on b.id = s.broadcast_id where b.chain_id = $1`;

const SELECT = `
  select c.id, c.workspace_id, c.created_at, c.refused_at, c.refused_micros, c.approved_at, c.closed_at
    from chains c`;

interface ChainRow {
  id: string;
  workspace_id: string;
  created_at: Date;
  refused_at: Date | null;
  refused_micros: bigint | null;
  approved_at: Date | null;
  closed_at: Date | null;
}

interface HopRow {
  id: string;
  shape: WorkShape;
  state: string;
  parent_id: string | null;
  workspace_id: string;
  agent_id: string | null;
  agent_name: string | null;
  capability: string;
  opened_at: Date;
  held_micros: bigint;
  spent_micros: bigint;
}

function toChain(row: ChainRow): Chain {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    createdAt: row.created_at,
    refused: row.refused_at
      ? { at: row.refused_at, neededMicros: row.refused_micros ?? 0n }
      : undefined,
    approvedAt: row.approved_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
  };
}

function toHop(row: HopRow): Hop {
  return {
    id: row.id,
    shape: row.shape,
    state: row.state,
    parentId: row.parent_id ?? undefined,
    workspaceId: row.workspace_id,
    agentId: row.agent_id ?? undefined,
    agentName: row.agent_name ?? undefined,
    capability: row.capability,
    heldMicros: row.held_micros,
    spentMicros: row.spent_micros,
    createdAt: row.opened_at,
  };
}

/** What a budget has held and spent, and may reach. */
export async function findBudget(
  tx: Tx,
  id: string,
): Promise<
  { heldMicros: bigint; spentMicros: bigint; limitMicros: bigint; scope: string } | undefined
> {
  const rows = await tx.query<{
    held_micros: bigint;
    spent_micros: bigint;
    limit_micros: bigint;
    scope: string;
  }>("select held_micros, spent_micros, limit_micros, scope from budgets where id = $1", [id]);
  const row = rows[0];
  return (
    row && {
      heldMicros: row.held_micros,
      spentMicros: row.spent_micros,
      limitMicros: row.limit_micros,
      scope: row.scope,
    }
  );
}
