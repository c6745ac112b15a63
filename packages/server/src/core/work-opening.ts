/** What opening any shape of work has in common: who may do it, and where they are. */
import { walletOf } from "../domain/account.ts";
import type { Agent, Capability } from "../domain/agent.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isCapabilityOffered } from "../store/agent.ts";
import type { Database } from "../store/database.ts";
import type { Ledger } from "./ledger.ts";
import { insufficientFunds } from "./opening-refusal.ts";
import type { LinkLocator } from "./run-context.ts";

/** What of its surroundings locating an agent needs. */
export interface AgentReach {
  readonly dispatcher: { holds(agentId: string): boolean };
  readonly links: LinkLocator;
  readonly processId: string;
}

/** Which process can reach the agent: this one, most often, and then nobody has to be asked. */
export async function locateAgent(
  { dispatcher, links, processId }: AgentReach,
  agentId: string,
): Promise<{ readonly processId: string } | undefined> {
  if (dispatcher.holds(agentId)) return { processId };
  return links.whereIs(agentId);
}

/** What the agent offers under this slug. Throws `not_found`, `suspended`, `capability_…`. */
export async function requireCapability(
  database: Database,
  agent: Agent,
  caller: Caller,
  slug: string,
): Promise<Capability> {
  if (agent.suspendedAt) {
    if (agent.workspaceId === caller.workspaceId) {
      throw new Fault("suspended", "This agent is suspended by the operator.");
    }
    throw new Fault("not_found", "No such agent.", { kind: "agent", id: agent.id });
  }
  const capability = agent.capabilities.find((offered) => offered.slug === slug);
  if (capability) return capability;
  throw (await isCapabilityOffered(database, slug))
    ? new Fault("capability_not_supported", "This agent does not offer that capability.")
    : new Fault("capability_not_found", "Nobody offers a capability of that name.");
}

/** A wallet that could not pay is said first, as it would be if the provider were there. */
export async function offlineFault(
  ledger: Ledger,
  caller: Caller,
  neededMicros: bigint,
): Promise<Fault> {
  const availableMicros = await ledger.availableMicros(walletOf(caller.workspaceId));
  return availableMicros < neededMicros
    ? insufficientFunds(neededMicros)
    : new Fault("provider_offline", "The agent is not connected.");
}
