/** Interfaces of others that answer for models, as rows. */
import type { UpstreamKind, UpstreamModel } from "../domain/upstream.ts";
import type { Tx } from "./database.ts";

export interface UpstreamRecord {
  readonly agentId: string;
  readonly kind: UpstreamKind;
  readonly hasResponses: boolean;
}

export interface EndpointRecord {
  readonly id: string;
  readonly url: string;
  /** Sealed for `upstream-endpoint/<id>/key`. */
  readonly sealedKey: string | undefined;
  readonly weight: number;
}

/** An upstream with all that belongs to it. */
export interface UpstreamRow extends UpstreamRecord {
  readonly providerId: string;
  readonly workspaceId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly endpoints: readonly EndpointRecord[];
  readonly models: readonly UpstreamModel[];
}

/** All of them, by name; `limit` at most. */
export async function listUpstreams(tx: Tx, limit: number): Promise<UpstreamRow[]> {
  return select(tx, "order by a.slug limit $1", [limit]);
}

export async function findUpstream(tx: Tx, agentId: string): Promise<UpstreamRow | undefined> {
  const [row] = await select(tx, "where u.agent_id = $1", [agentId]);
  return row;
}

export async function upsertUpstream(tx: Tx, record: UpstreamRecord, at: Date): Promise<void> {
  await tx.query(
    `insert into upstreams(agent_id, kind, has_responses, updated_at) values ($1, $2, $3, $4)
     on conflict (agent_id) do update
       set kind = excluded.kind, has_responses = excluded.has_responses,
           updated_at = excluded.updated_at`,
    [record.agentId, record.kind, record.hasResponses, at],
  );
}

export async function insertEndpoint(
  tx: Tx,
  agentId: string,
  endpoint: EndpointRecord,
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into upstream_endpoints(id, agent_id, url, sealed_key, weight, created_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [endpoint.id, agentId, endpoint.url, endpoint.sealedKey ?? null, endpoint.weight, at],
  );
}

/** `false` where the upstream has no such endpoint. */
export async function deleteEndpoint(tx: Tx, agentId: string, id: string): Promise<boolean> {
  const rows = await tx.query(
    "delete from upstream_endpoints where agent_id = $1 and id = $2 returning id",
    [agentId, id],
  );
  return rows.length > 0;
}

/** Adds models, and replaces what was said of those that are there. */
export async function upsertUpstreamModels(
  tx: Tx,
  agentId: string,
  models: readonly UpstreamModel[],
): Promise<void> {
  for (const { model, upstreamModel, fallbacks } of models) {
    await tx.query(
      `insert into upstream_models(agent_id, model, upstream_model, fallbacks)
       values ($1, $2, $3, $4)
       on conflict (agent_id, model) do update
         set upstream_model = excluded.upstream_model, fallbacks = excluded.fallbacks`,
      [agentId, model, upstreamModel, fallbacks],
    );
  }
}

/** Forgets an upstream and its keys; its agent stays, with its name and its past. */
export async function deleteUpstream(tx: Tx, agentId: string): Promise<void> {
  await tx.query("delete from upstreams where agent_id = $1", [agentId]);
}

async function select(
  tx: Tx,
  rest: string,
  parameters: readonly unknown[],
): Promise<UpstreamRow[]> {
  const rows = await tx.query<UpstreamSqlRow>(
    `select u.agent_id, u.kind, u.has_responses, a.slug, a.workspace_id, n.labels, n.concurrency,
            (select coalesce(json_agg(json_build_object('id', e.id, 'url', e.url,
                       'sealedKey', e.sealed_key, 'weight', e.weight) order by e.id), '[]')
               from upstream_endpoints e where e.agent_id = u.agent_id) as endpoints,
            (select coalesce(json_agg(json_build_object('model', m.model,
                       'upstreamModel', m.upstream_model, 'fallbacks', m.fallbacks)
                       order by m.model), '[]')
               from upstream_models m where m.agent_id = u.agent_id) as models
       from upstreams u
       join agents a on a.id = u.agent_id
       join nodes n on n.agent_id = u.agent_id
      ${rest}`,
    parameters,
  );
  return rows.map(toUpstream);
}

interface UpstreamSqlRow {
  agent_id: string;
  kind: UpstreamKind;
  has_responses: boolean;
  slug: string;
  workspace_id: string;
  labels: Record<string, string>;
  concurrency: number;
  endpoints: { id: string; url: string; sealedKey: string | null; weight: number }[];
  models: UpstreamModel[];
}

function toUpstream(row: UpstreamSqlRow): UpstreamRow {
  return {
    agentId: row.agent_id,
    kind: row.kind,
    hasResponses: row.has_responses,
    providerId: row.slug,
    workspaceId: row.workspace_id,
    labels: row.labels,
    concurrency: row.concurrency,
    endpoints: row.endpoints.map((endpoint) => ({
      ...endpoint,
      sealedKey: endpoint.sealedKey ?? undefined,
    })),
    models: row.models,
  };
}
