/** Agents that run models, as they described themselves last. */
import type { ModelCall } from "../domain/model.ts";
import type { Tx } from "./database.ts";

/** What a node said of itself. */
export interface NodeRecord {
  readonly agentId: string;
  readonly via: ModelCall["via"];
  readonly kinds: readonly string[];
  readonly models: readonly string[];
  readonly defaultModel: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly concurrency: number;
}

/** A node, whose it is, and where it is. */
export interface NodeRow extends NodeRecord {
  readonly workspaceId: string;
  readonly providerId: string;
  /** The handle of its workspace's member. */
  readonly handle: string;
  readonly revision: bigint;
  /** Models that it may offer by their own names. */
  readonly grants: readonly string[];
  /** Where a node is connected; `undefined` where it is not. An upstream is everywhere. */
  readonly processId: string | undefined;
}

/** Keeps what a node says of itself. Where it says what it said before, nothing changes. */
export async function upsertNode(tx: Tx, node: NodeRecord, at: Date): Promise<void> {
  const rows = await tx.query(
    `insert into nodes as n(agent_id, via, kinds, models, default_model, labels, concurrency, updated_at)
     values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8)
     on conflict (agent_id) do update
       set via = excluded.via, kinds = excluded.kinds, models = excluded.models,
           default_model = excluded.default_model, labels = excluded.labels,
           concurrency = excluded.concurrency, updated_at = excluded.updated_at
     where (n.via, n.kinds, n.models, n.default_model, n.labels, n.concurrency) is distinct from
           (excluded.via, excluded.kinds, excluded.models, excluded.default_model, excluded.labels,
            excluded.concurrency)
     returning agent_id`,
    [
      node.agentId,
      node.via,
      node.kinds,
      node.models,
      node.defaultModel ?? null,
      JSON.stringify(node.labels),
      node.concurrency,
      at,
    ],
  );
  if (rows.length > 0) await touchAgent(tx, node.agentId);
}

/** A node offers other models, or goes by other labels. */
export async function updateNode(
  tx: Tx,
  agentId: string,
  change: Partial<Pick<NodeRecord, "models" | "labels">>,
  at: Date,
): Promise<void> {
  await tx.query(
    `update nodes set models = coalesce($2::text[], models), updated_at = $4,
            labels = coalesce($3::text::jsonb, labels),
            default_model = case when default_model = any(coalesce($2::text[], models))
                                 then default_model end
      where agent_id = $1`,
    [
      agentId,
      change.models ?? null,
      change.labels === undefined ? null : JSON.stringify(change.labels),
      at,
    ],
  );
  await touchAgent(tx, agentId);
}

/** Nodes that are connected and upstreams, none of them suspended, by their names; `limit` of them. */
export async function listNodes(
  tx: Tx,
  now: Date,
  seenAfter: Date,
  limit: number,
): Promise<NodeRow[]> {
  const rows = await tx.query<NodeSqlRow>(
    `select n.*, a.workspace_id, a.slug, a.revision, p.id as process_id,
            coalesce((select m.handle from members m where m.workspace_id = a.workspace_id
                       order by m.id limit 1), a.workspace_id) as handle,
            array(select g.model from model_grants g where g.agent_id = n.agent_id) as grants
       from nodes n
       join agents a on a.id = n.agent_id
       join workspaces w on w.id = a.workspace_id
       left join provider_links l
         on l.agent_id = n.agent_id and l.ended_at is null and l.last_seen_at >= $2
       left join processes p on p.id = l.process_id and p.lease_until > $1
      where a.suspended_at is null and w.suspended_at is null
        and (n.via = 'upstream' or p.id is not null)
      order by a.slug limit $3`,
    [now, seenAfter, limit],
  );
  return rows.map(toNode);
}

/** The agent runs models no more. */
export async function deleteNode(tx: Tx, agentId: string): Promise<void> {
  await tx.query("delete from nodes where agent_id = $1", [agentId]);
  await tx.query("delete from model_grants where agent_id = $1", [agentId]);
  await touchAgent(tx, agentId);
}

/** Lets an agent offer a model by its own name. */
export async function insertModelGrant(
  tx: Tx,
  agentId: string,
  model: string,
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into model_grants(agent_id, model, granted_at) values ($1, $2, $3) on conflict do nothing`,
    [agentId, model, at],
  );
  await touchAgent(tx, agentId);
}

/** `false` where there was no such grant. */
export async function deleteModelGrant(tx: Tx, agentId: string, model: string): Promise<boolean> {
  const rows = await tx.query(
    "delete from model_grants where agent_id = $1 and model = $2 returning model",
    [agentId, model],
  );
  await touchAgent(tx, agentId);
  return rows.length > 0;
}

/** Whoever is hiring the agent looks at it again. */
async function touchAgent(tx: Tx, agentId: string): Promise<void> {
  await tx.query("update agents set revision = nextval('agents_revision') where id = $1", [
    agentId,
  ]);
}

interface NodeSqlRow {
  agent_id: string;
  via: ModelCall["via"];
  kinds: string[];
  models: string[];
  default_model: string | null;
  labels: Record<string, string>;
  concurrency: number;
  workspace_id: string;
  slug: string;
  handle: string;
  revision: bigint;
  grants: string[];
  process_id: string | null;
}

function toNode(row: NodeSqlRow): NodeRow {
  return {
    agentId: row.agent_id,
    via: row.via,
    kinds: row.kinds,
    models: row.models,
    defaultModel: row.default_model ?? undefined,
    labels: row.labels,
    concurrency: row.concurrency,
    workspaceId: row.workspace_id,
    providerId: row.slug,
    handle: row.handle,
    revision: row.revision,
    grants: row.grants,
    processId: row.process_id ?? undefined,
  };
}
