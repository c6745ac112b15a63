/** Agents: what can be hired. Who offers what, at which price, and how well it went so far. */
import type {
  Agent,
  AgentDraft,
  Capability,
  CapabilityDraft,
  SchemaDraft,
  SchemaReference,
} from "../domain/agent.ts";
import { checkAgentDraft } from "../domain/agent-draft.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { type InteractionMode, modesOf } from "../domain/price.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import {
  type AgentRecord,
  findAgent,
  findAgents,
  insertAgent,
  listAgentsOf,
  lockAgent,
  updateAgent,
  updateAgentSuspension,
} from "../store/agent.ts";
import { isBrokenBy } from "../store/constraints.ts";
import type { Database } from "../store/database.ts";
import { findTrust, type Trust } from "../store/trust.ts";

/** An agent as others see it: with where it is and what is known of it. */
export interface ListedAgent extends Agent {
  readonly capabilities: readonly ListedCapability[];
  readonly isOnline: boolean;
  readonly lastSeenAt: Date | undefined;
  readonly trust: Trust;
}

export interface ListedCapability extends Capability {
  /** In which shapes of work it can be bought at its price. */
  readonly modes: readonly InteractionMode[];
}

/** Where agents are, as far as this process can tell. */
export interface Presence {
  statusOf(
    agentIds: readonly string[],
  ): Promise<ReadonlyMap<string, { isOnline: boolean; lastSeenAt: Date | undefined }>>;
}

/** Keeps a schema that was handed in, or fetches and checks one that is elsewhere (core/schema.ts). */
export interface SchemaKeeper {
  keep(workspaceId: string, draft: SchemaDraft): Promise<SchemaReference>;
}

export interface Agents {
  /** Throws `invalid_request`, `slug_taken`. */
  register(caller: Caller, draft: AgentDraft): Promise<ListedAgent>;
  /** Replaces what is given and leaves the rest. Throws `not_found`, `forbidden`, `invalid_request`. */
  update(caller: Caller, id: string, patch: AgentPatch): Promise<ListedAgent>;
  /** Throws `not_found`. A suspended agent does not exist for anyone but its owner. */
  require(caller: Caller, id: string): Promise<ListedAgent>;
  /** The caller's own agent. Throws `not_found` where there is none, `forbidden` for a key of another agent. */
  requireOwned(caller: Caller, id: string): Promise<Agent>;
  listOwn(caller: Caller): Promise<ListedAgent[]>;
  /** Many at once, in the order of `ids`; what does not exist is left out. */
  listed(ids: readonly string[]): Promise<ListedAgent[]>;
  suspend(id: string): Promise<void>;
  resume(id: string): Promise<void>;
}

export type AgentPatch = Partial<Omit<AgentDraft, "slug">> & { readonly slug?: string };

const OWN_AGENTS_MAX = 200;

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly presence: Presence;
  readonly schemas: SchemaKeeper;
  /** Called when an agent was written: somebody may look for it now. */
  readonly onWritten: (id: string) => void;
}

export function createAgents(deps: Dependencies): Agents {
  const { database, clock, random } = deps;
  const listed = (ids: readonly string[]) => listAgents(deps, ids);

  async function requireOwned(caller: Caller, id: string): Promise<Agent> {
    const agent = await findAgent(database, id);
    // A stranger's agent is public, so saying that it is not the caller's reveals nothing.
    if (!agent) throw noSuchAgent(id);
    if (agent.workspaceId !== caller.workspaceId || (caller.agentId && caller.agentId !== id)) {
      throw new Fault("forbidden", "This agent belongs to another workspace or key.");
    }
    return agent;
  }

  async function one(id: string): Promise<ListedAgent> {
    const [agent] = await listed([id]);
    if (!agent) throw noSuchAgent(id);
    return agent;
  }

  return {
    async register(caller, draft) {
      checkAgentDraft(draft);
      const id = newId(clock, random);
      const record = await toRecord(deps, caller.workspaceId, id, draft);
      try {
        await database.transaction((tx) => insertAgent(tx, record));
      } catch (error) {
        if (!isBrokenBy(error, "agents_slug")) throw error;
        throw new Fault("slug_taken", `The slug "${draft.slug}" is taken.`, undefined, {
          cause: error,
        });
      }
      deps.onWritten(id);
      return one(id);
    },

    async update(caller, id, patch) {
      const owned = await requireOwned(caller, id);
      if (patch.slug !== undefined && patch.slug !== owned.slug) {
        throw new Fault("invalid_request", "A slug cannot be changed.", { field: "slug" });
      }
      const drafts = patch.capabilities;
      // Schemas are kept before the transaction: only the database may be awaited inside one.
      const capabilities = drafts && (await keepSchemas(deps, drafts, owned));
      await database.transaction(async (tx) => {
        const agent = (await lockAgent(tx, id)) ?? owned;
        const next = { ...agent, ...patch, slug: agent.slug };
        checkAgentDraft(next);
        await updateAgent(tx, {
          ...next,
          capabilities: capabilities ?? agent.capabilities,
          at: clock.now(),
        });
      });
      deps.onWritten(id);
      return one(id);
    },

    async require(caller, id) {
      const agent = await one(id);
      if (agent.suspendedAt && agent.workspaceId !== caller.workspaceId) throw noSuchAgent(id);
      return agent;
    },

    requireOwned,
    async listOwn(caller) {
      const agents = await listAgentsOf(database, caller.workspaceId, OWN_AGENTS_MAX);
      return listed(agents.map(({ id }) => id));
    },
    listed,
    suspend: (id) => setSuspension(deps, id, clock.now()),
    resume: (id) => setSuspension(deps, id, undefined),
  };
}

async function setSuspension(
  { database, onWritten }: Dependencies,
  id: string,
  suspendedAt: Date | undefined,
): Promise<void> {
  if (!(await updateAgentSuspension(database, id, suspendedAt))) throw noSuchAgent(id);
  onWritten(id);
}

/** Three questions however many agents: who they are, where they are, how well they did. */
async function listAgents(deps: Dependencies, ids: readonly string[]): Promise<ListedAgent[]> {
  const [agents, statuses, trusts] = await Promise.all([
    findAgents(deps.database, ids),
    deps.presence.statusOf(ids),
    findTrust(deps.database, ids),
  ]);
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  return ids.flatMap((id) => {
    const agent = byId.get(id);
    if (!agent) return [];
    const status = statuses.get(id);
    return [
      {
        ...agent,
        capabilities: agent.capabilities.map((capability) => ({
          ...capability,
          modes: modesOf(capability.price),
        })),
        isOnline: status?.isOnline === true && agent.suspendedAt === undefined,
        lastSeenAt: status?.lastSeenAt,
        trust: trusts.get(id) ?? unknownTrust(agent),
      },
    ];
  });
}

/** Nothing is known of an agent that never worked: the prior (see domain/trust.ts). */
function unknownTrust(agent: Agent): Trust {
  const none = { succeeded: 0, failed: 0, approvedSlots: 0, endedSessions: 0 };
  return { agentId: agent.id, score: 0.5, ...none, updatedAt: agent.createdAt };
}

async function toRecord(
  deps: Dependencies,
  workspaceId: string,
  id: string,
  draft: AgentDraft,
): Promise<AgentRecord> {
  const capabilities = await keepSchemas(deps, draft.capabilities, { workspaceId });
  return { ...draft, id, workspaceId, capabilities, at: deps.clock.now() };
}

/**
 * One after the other: a listing with a hundred schemas must not make us ask a hundred times at once.
 * What the agent had before is not fetched again, so that it can be changed while its host is away.
 */
async function keepSchemas(
  deps: Dependencies,
  drafts: readonly CapabilityDraft[],
  agent: { readonly workspaceId: string; readonly capabilities?: readonly Capability[] },
): Promise<Capability[]> {
  const known = agent.capabilities?.flatMap((had) => [had.inputSchema, had.outputSchema]) ?? [];
  const keep = async (draft: SchemaDraft | undefined) => {
    if (!draft) return undefined;
    const same = "document" in draft ? undefined : known.find((had) => isSameSchema(had, draft));
    return same ?? deps.schemas.keep(agent.workspaceId, draft);
  };
  const capabilities: Capability[] = [];
  for (const draft of drafts) {
    const inputSchema = await keep(draft.inputSchema);
    const outputSchema = await keep(draft.outputSchema);
    capabilities.push({ ...draft, inputSchema, outputSchema });
  }
  return capabilities;
}

function isSameSchema(left: SchemaReference | undefined, right: SchemaReference): boolean {
  return left?.url === right.url && left.digest === right.digest;
}

function noSuchAgent(id: string): Fault {
  return new Fault("not_found", "No such agent.", { kind: "agent", id });
}
