/**
 * Finding an agent: by exact capability slug, by intent, or both, where the slug filters and the
 * intent ranks. Who is offline, suspended or cannot be hired that way is left out unless asked for.
 *
 * A server without a ranker ignores intents: a slug alone is matched, and without one nothing is found.
 */
import type { Caller } from "../domain/caller.ts";
import type { InteractionMode } from "../domain/price.ts";
import { sortPriceMicros } from "../domain/price.ts";
import { compareOffers, type SortOrder } from "../domain/ranking.ts";
import { listAgentIds, listAgentIdsOf } from "../store/agent.ts";
import type { Database } from "../store/database.ts";
import type { Agents, ListedAgent, Presence } from "./agent.ts";
import type { AgentSearcher } from "./agent-search.ts";

export interface AgentQuery {
  readonly capability: string | undefined;
  readonly intent: string | undefined;
  readonly mode: InteractionMode | undefined;
  readonly ownerId: string | undefined;
  /** Absent: those that are online; one's own whatever they are. */
  readonly status: "online" | "offline" | "all" | undefined;
  readonly sort: SortOrder | undefined;
}

export interface Discovery {
  /** At most 50, best first. */
  search(caller: Caller, query: AgentQuery): Promise<readonly ListedAgent[]>;
}

/** LinkedClaw contract §6.2. */
const RESULTS_MAX = 50;
/** Of more agents than this with one slug, the newest are looked at. */
const CANDIDATES_MAX = 5_000;

export function createDiscovery(deps: {
  readonly database: Database;
  readonly agents: Agents;
  readonly searcher: AgentSearcher;
  readonly presence: Presence;
  /** Whether intents are understood. */
  readonly isRanked: boolean;
}): Discovery {
  const { database, agents, searcher } = deps;

  /** Whom the filters leave, before anybody is looked at closely. */
  async function candidatesOf(caller: Caller, query: AgentQuery): Promise<readonly string[]> {
    const { capability, ownerId } = query;
    const ids =
      ownerId === undefined
        ? await listAgentIds(database, capability, CANDIDATES_MAX)
        : await listAgentIdsOf(database, ownerId, capability, CANDIDATES_MAX);
    const status = query.status ?? (ownerId === caller.workspaceId ? "all" : "online");
    if (status === "all") return ids;
    const statuses = await deps.presence.statusOf(ids);
    return ids.filter((id) => (statuses.get(id)?.isOnline ?? false) === (status === "online"));
  }

  async function fitting(
    caller: Caller,
    query: AgentQuery,
    ids: readonly string[],
  ): Promise<ListedAgent[]> {
    const listed = await agents.listed(ids);
    return listed.filter((agent) => fits(agent, caller, query));
  }

  return {
    async search(caller, query) {
      const { intent, capability, ownerId, sort } = query;
      const isUnheard = intent !== undefined && !deps.isRanked;
      if (isUnheard && capability === undefined && ownerId === undefined) return [];
      const candidates = await candidatesOf(caller, query);
      if (intent === undefined || isUnheard) {
        const listed = await fitting(caller, query, candidates);
        return sorted(listed, query, sort ?? "trust").slice(0, RESULTS_MAX);
      }
      // Who does not fit must not take the place of somebody who does among the first fifty.
      const eligible =
        query.mode === undefined
          ? candidates
          : (await fitting(caller, query, candidates)).map(({ id }) => id);
      const found = await searcher.search({
        ...{ intent, candidates: new Set(eligible), limit: RESULTS_MAX },
      });
      const ranked = await fitting(
        caller,
        query,
        found.map(({ id }) => id),
      );
      return sort ? sorted(ranked, query, sort) : ranked;
    },
  };
}

function fits(agent: ListedAgent, caller: Caller, { capability, mode }: AgentQuery): boolean {
  if (agent.suspendedAt && agent.workspaceId !== caller.workspaceId) return false;
  if (mode === undefined) return true;
  return agent.capabilities.some(
    ({ slug, modes }) => (capability === undefined || slug === capability) && modes.includes(mode),
  );
}

function sorted(
  agents: readonly ListedAgent[],
  { capability }: AgentQuery,
  order: SortOrder,
): ListedAgent[] {
  const compare = compareOffers(order);
  const offers = agents.map((agent) => ({
    agent,
    offer: {
      id: agent.id,
      trustScore: agent.trust.score,
      createdAt: agent.createdAt,
      priceMicros: cheapest(agent, capability),
    },
  }));
  return offers.sort((a, b) => compare(a.offer, b.offer)).map(({ agent }) => agent);
}

/** Of the capability asked for, or of the agent's cheapest. */
function cheapest(agent: ListedAgent, capability: string | undefined): bigint {
  const asked = agent.capabilities.filter(({ slug }) => !capability || slug === capability);
  const prices = asked.map(({ price }) => sortPriceMicros(price));
  return prices.sort((a, b) => Number(a - b))[0] ?? 0n;
}
