/**
 * Keeps this process's index of agents in step with the table: with what other processes wrote within
 * a second, with what this one wrote at once.
 *
 * Every change takes the next revision, but a transaction that took one early may commit late. So a
 * look always goes back a little behind the highest revision seen, and what was seen is skipped.
 */
import type { Agent } from "../domain/agent.ts";
import type { Log } from "../lib/log.ts";
import { findAgents, listAgentsSince } from "../store/agent.ts";
import type { Database } from "../store/database.ts";
import type { AgentDocument, AgentIndex } from "./ports.ts";

export interface AgentFollower {
  /** Takes in what changed; returns once it is in the index. */
  follow(): Promise<void>;
  /** Takes in one agent that this process wrote, and does not wait for that. */
  written(id: string): void;
  stop(): Promise<void>;
}

const FOLLOW_MS = 1_000;
const PAGE = 500;
/** Revisions looked at again: more than are ever under way at once. */
const LOOK_BACK = 1_000n;

export function createAgentFollower(deps: {
  readonly database: Database;
  readonly index: AgentIndex;
  readonly log: Log;
}): AgentFollower {
  const { database, index, log } = deps;
  const seen = new Map<string, bigint>();
  let highest = 0n;
  let following: Promise<void> | undefined;
  const takings = new Set<Promise<void>>();

  function takeIn(agent: Agent): void {
    // Two looks may overtake each other.
    if ((seen.get(agent.id) ?? -1n) >= agent.revision) return;
    seen.set(agent.id, agent.revision);
    if (agent.suspendedAt) index.remove(agent.id);
    else index.upsert(documentOf(agent));
  }

  async function readOn(): Promise<void> {
    let from = highest > LOOK_BACK ? highest - LOOK_BACK : 0n;
    for (;;) {
      const page = await listAgentsSince(database, from, PAGE);
      for (const agent of page) takeIn(agent);
      from = page.at(-1)?.revision ?? from;
      if (from > highest) highest = from;
      if (page.length < PAGE) return;
    }
  }

  async function follow(): Promise<void> {
    following ??= readOn()
      .catch((error: unknown) => log.warn({ error }, "could not follow the agents; trying again"))
      .finally(() => {
        following = undefined;
      });
    await following;
  }

  async function takeInOne(id: string): Promise<void> {
    for (const agent of await findAgents(database, [id])) takeIn(agent);
  }

  const timer = setInterval(() => void follow(), FOLLOW_MS);
  timer.unref();
  return {
    follow,
    written(id) {
      const taken = takeInOne(id).catch((error: unknown) =>
        log.warn({ error }, "could not take an agent in; the next look will"),
      );
      takings.add(taken);
      void taken.finally(() => takings.delete(taken));
    },
    async stop() {
      clearInterval(timer);
      await Promise.all([following, ...takings]);
    },
  };
}

/** What an index is told of an agent: what people read. */
function documentOf({ id, name, description, capabilities }: Agent): AgentDocument {
  const words = capabilities.map(({ slug, description: text }) => ({ slug, description: text }));
  return { id, name, description, capabilities: words };
}
