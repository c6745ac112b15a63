import type { Agent, AgentDraft, Capability, SchemaReference } from "../domain/agent.ts";
import type { Tx } from "./database.ts";
import { priceOf, priceText } from "./price.ts";

/** A capability as it is stored: its schemas, where it has any, are known by URL and digest. */
export interface AgentRecord extends Omit<AgentDraft, "capabilities"> {
  readonly id: string;
  readonly workspaceId: string;
  readonly capabilities: readonly Capability[];
  readonly at: Date;
}

export async function insertAgent(tx: Tx, record: AgentRecord): Promise<void> {
  await tx.query(
    `insert into agents(id, workspace_id, slug, name, description, extra, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $7)`,
    [
      record.id,
      record.workspaceId,
      record.slug,
      record.name,
      record.description,
      JSON.stringify(record.extra),
      record.at,
    ],
  );
  await insertCapabilities(tx, record);
}

/** Replaces everything a provider may change; the slug stays. */
export async function updateAgent(tx: Tx, record: AgentRecord): Promise<void> {
  await tx.query(
    `update agents set name = $2, description = $3, extra = $4::text::jsonb, updated_at = $5,
            revision = nextval('agents_revision')
      where id = $1`,
    [record.id, record.name, record.description, JSON.stringify(record.extra), record.at],
  );
  await tx.query("delete from capabilities where agent_id = $1", [record.id]);
  await insertCapabilities(tx, record);
}

async function insertCapabilities(tx: Tx, record: AgentRecord): Promise<void> {
  const list = record.capabilities;
  await tx.query(
    `insert into capabilities(agent_id, slug, position, description, price, input_schema_url,
                              input_schema_digest, output_schema_url, output_schema_digest)
     select $1, u.slug, u.position, u.description, u.price::jsonb, u.iu, u.id, u.ou, u.od
       from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            with ordinality u(slug, description, price, iu, id, ou, od, position)`,
    [
      record.id,
      list.map(({ slug }) => slug),
      list.map(({ description }) => description),
      list.map(({ price }) => priceText(price)),
      list.map(({ inputSchema }) => inputSchema?.url),
      list.map(({ inputSchema }) => inputSchema?.digest),
      list.map(({ outputSchema }) => outputSchema?.url),
      list.map(({ outputSchema }) => outputSchema?.digest),
    ],
  );
}

/** Suspends or resumes an agent. `false` when there is none. */
export async function updateAgentSuspension(
  tx: Tx,
  id: string,
  suspendedAt: Date | undefined,
): Promise<boolean> {
  const rows = await tx.query(
    `update agents set suspended_at = $2, revision = nextval('agents_revision')
      where id = $1 returning id`,
    [id, suspendedAt ?? null],
  );
  return rows.length > 0;
}

/** Locks the row until the transaction ends, so that two updates follow one another. */
export async function lockAgent(tx: Tx, id: string): Promise<Agent | undefined> {
  await tx.query("select id from agents where id = $1 for update", [id]);
  return findAgent(tx, id);
}

export async function findAgent(tx: Tx, id: string): Promise<Agent | undefined> {
  const [agent] = await findAgents(tx, [id]);
  return agent;
}

export async function findAgentBySlug(tx: Tx, slug: string): Promise<Agent | undefined> {
  const rows = await tx.query<AgentRow>(`${SELECT} where a.slug = $1`, [slug]);
  return rows[0] && toAgent(rows[0]);
}

export async function findAgents(tx: Tx, ids: readonly string[]): Promise<Agent[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<AgentRow>(`${SELECT} where a.id = any($1)`, [ids]);
  return rows.map(toAgent);
}

/** Agents of a workspace, newest first. */
export async function listAgentsOf(tx: Tx, workspaceId: string, limit: number): Promise<Agent[]> {
  const rows = await tx.query<AgentRow>(
    `${SELECT} where a.workspace_id = $1 order by a.id desc limit $2`,
    [workspaceId, limit],
  );
  return rows.map(toAgent);
}

/** Ids of a workspace's agents, newest first; only those that offer this capability where one is named. */
export async function listAgentIdsOf(
  tx: Tx,
  workspaceId: string,
  capability: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select a.id from agents a
      where a.workspace_id = $1
        and ($2::text is null
             or exists (select 1 from capabilities c where c.agent_id = a.id and c.slug = $2))
      order by a.id desc limit $3`,
    [workspaceId, capability ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

/** Ids of agents that may be hired; only those that offer exactly this capability where one is named. */
export async function listAgentIds(
  tx: Tx,
  capability: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select a.id from agents a
      where a.suspended_at is null
        and ($1::text is null
             or exists (select 1 from capabilities c where c.agent_id = a.id and c.slug = $1))
      order by a.id desc limit $2`,
    [capability ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

/** Whether any agent at all, online or not, offers this capability. */
export async function isCapabilityOffered(tx: Tx, slug: string): Promise<boolean> {
  const rows = await tx.query("select 1 as one from capabilities where slug = $1 limit 1", [slug]);
  return rows.length > 0;
}

/** Agents changed since `revision`, oldest change first: what an index has to take in. */
export async function listAgentsSince(tx: Tx, revision: bigint, limit: number): Promise<Agent[]> {
  const rows = await tx.query<AgentRow>(
    `${SELECT} where a.revision > $1 order by a.revision limit $2`,
    [revision, limit],
  );
  return rows.map(toAgent);
}

const SELECT = `
  select a.id, a.workspace_id, a.slug, a.name, a.description, a.extra, a.suspended_at,
         a.created_at, a.updated_at, a.revision,
         (select coalesce(json_agg(json_build_object(
                   'slug', c.slug, 'description', c.description, 'price', c.price,
                   'inputUrl', c.input_schema_url, 'inputDigest', c.input_schema_digest,
                   'outputUrl', c.output_schema_url, 'outputDigest', c.output_schema_digest)
                   order by c.position), '[]')
            from capabilities c where c.agent_id = a.id) as capabilities
    from agents a`;

interface AgentRow {
  id: string;
  workspace_id: string;
  slug: string;
  name: string;
  description: string;
  extra: Record<string, unknown>;
  suspended_at: Date | null;
  created_at: Date;
  updated_at: Date;
  revision: bigint;
  capabilities: CapabilityRow[];
}

interface CapabilityRow {
  slug: string;
  description: string;
  price: unknown;
  inputUrl: string | null;
  inputDigest: string | null;
  outputUrl: string | null;
  outputDigest: string | null;
}

function toAgent(row: AgentRow): Agent {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    extra: row.extra,
    capabilities: row.capabilities.map((capability) => ({
      slug: capability.slug,
      description: capability.description,
      price: priceOf(capability.price),
      inputSchema: toReference(capability.inputUrl, capability.inputDigest),
      outputSchema: toReference(capability.outputUrl, capability.outputDigest),
    })),
    suspendedAt: row.suspended_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

function toReference(url: string | null, digest: string | null): SchemaReference | undefined {
  return url !== null && digest !== null ? { url, digest } : undefined;
}
