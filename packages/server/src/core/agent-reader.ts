/**
 * Agents, for those who are about to hire one.
 *
 * What was read once is remembered, and whoever relies on it says so in the command that holds the
 * price: the ledger refuses it where the agent is not as it was. So the memory decides nothing; it
 * saves the question.
 */
import type { Agent } from "../domain/agent.ts";
import { Fault } from "../domain/fault.ts";
import { createBatcher } from "../lib/batcher.ts";
import { findAgents } from "../store/agent.ts";
import type { Database } from "../store/database.ts";

export interface AgentReader {
  /**
   * Does something with an agent. Where it fails with what was remembered, and the agent is not like
   * that any more, it is done again with what it is now. Throws `not_found` where there is none.
   */
  hire<Result>(id: string, work: (agent: Agent) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

const AGENTS_MAX = 512;
/** About as many as the ledger takes. */
const WAITING_MAX = 8_192;
/** About 10 MB. */
const REMEMBERED_MAX = 5_000;
/** Somebody may change an agent while it is being hired, but not this often. */
const ATTEMPTS_MAX = 4;

export function createAgentReader(database: Database): AgentReader {
  const remembered = new Map<string, Agent>();
  const reading = createBatcher<string, { agent: Agent | undefined }>({
    itemsMax: AGENTS_MAX,
    waitingMax: WAITING_MAX,
    async run(ids) {
      const found = await findAgents(database, [...new Set(ids)]);
      const byId = new Map(found.map((agent) => [agent.id, agent]));
      return ids.map((id) => ({ agent: byId.get(id) }));
    },
  });

  async function read(id: string): Promise<Agent> {
    const { agent } = await reading.add(id);
    if (!agent) {
      remembered.delete(id);
      throw new Fault("not_found", "No such agent.", { kind: "agent", id });
    }
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(id, agent);
    return agent;
  }

  return {
    async hire(id, work) {
      let agent = remembered.get(id) ?? (await read(id));
      for (let attempt = 1; ; attempt++) {
        try {
          return await work(agent);
        } catch (error) {
          if (!(error instanceof Fault) || attempt === ATTEMPTS_MAX) throw error;
          const now = await read(id);
          if (now.revision === agent.revision) throw error;
          agent = now;
        }
      }
    },
    close: () => reading.close(),
  };
}
