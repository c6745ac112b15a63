/** A model that an interface offers, and a call of it, for what calls the engine without a wire between. */

import type { Database } from "../../src/store/database.ts";
import { upsertNode } from "../../src/store/node.ts";
import { addAgent, addCaller, tiered } from "../sessions/world.ts";
import type { HeldClock } from "../support/clock.ts";

export const MODEL = "them/large";
const KIND = "agent_run";

/** A call of the model, with all that its wire would have said. */
export const ORDER = {
  ...{ kind: KIND, providerId: undefined, model: MODEL, labels: {}, via: "upstream" as const },
  ...{ inputBytes: 10, outputTokensMax: 10, isStreamed: false, maxMicros: undefined },
  ...{ timeoutMs: 900_000, chainId: undefined, idempotencyKey: undefined },
  ...{ requestHash: undefined, input: () => "null" },
} as const;

/** Somebody's interface, which offers the model. */
export async function offerModel(database: Database, clock: HeldClock): Promise<void> {
  const owner = await addCaller(database, clock);
  const agentId = await addAgent(database, clock, owner, tiered("per_message", 1n));
  const node = { agentId, via: "upstream", kinds: [KIND], models: [MODEL], labels: {} } as const;
  const rest = { defaultModel: undefined, concurrency: 10 };
  await upsertNode(database, { ...node, ...rest }, clock.now());
}
