/**
 * Who runs which models, and what they cost.
 *
 * What is known is a second old at most, and what this process holds is as it is now. It decides
 * nothing about money: whoever opens a call names the revision that its prices were read at, and the
 * ledger refuses another.
 */
import { LIMITS } from "@guildhall/protocol";
import { ANY_MODEL, offeredModels } from "../domain/model.ts";
import type { Candidate } from "../domain/routing.ts";
import type { TokenRates } from "../domain/token-price.ts";
import type { Clock } from "../lib/clock.ts";
import { createRecentCopy } from "../lib/recent-copy.ts";
import type { Database } from "../store/database.ts";
import { listModelPrices } from "../store/model-price.ts";
import { listNodes, type NodeRow } from "../store/node.ts";
import { type Bus, LINKS_OPENED } from "./ports.ts";

/** A node that is there. */
export interface DirectedNode extends Candidate {
  readonly agentId: string;
  readonly via: NodeRow["via"];
  readonly revision: bigint;
  /** The process that has its connection; of an upstream, every process. */
  readonly processId: string;
  ratesOf(model: string): TokenRates;
}

export interface ModelDirectory {
  /** Nodes that can be reached, by name. */
  list(): Promise<readonly DirectedNode[]>;
  /** A node as it is now, or `undefined` where it is not there any more. */
  again(agentId: string): Promise<DirectedNode | undefined>;
  /** Nodes or prices have changed by this process's doing: every process looks again. */
  changed(): void;
  stop(): void;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly processId: string;
  /** Whether every node may offer models by their own names: on a development server. */
  readonly grantsAll: boolean;
  /** What a call of a model costs that has no price. */
  readonly unpriced: TokenRates;
  /** Whether this process holds the agent's connection. */
  readonly holds: (agentId: string) => boolean;
  /** Calls of an agent that this process drives. */
  readonly loadOf: (agentId: string) => number;
}

/** A second old is good enough to answer by; whoever finds it older has it read anew meanwhile. */
const FRESH_MS = 1_000;
const NODES_MAX = 10_000;
const CHANGED = "nodes.changed";

export function createModelDirectory(deps: Dependencies): ModelDirectory {
  const { clock, bus } = deps;
  const nodes = createRecentCopy({
    ...{ clock, read: () => readNodes(deps, clock.now()) },
    ...{ freshMs: FRESH_MS, staleMs: 2 * FRESH_MS },
  });
  const unsubscribes = [CHANGED, LINKS_OPENED].map((subject) =>
    bus.subscribe(subject, nodes.forget),
  );
  const isHere = (node: DirectedNode) =>
    node.via === "upstream" || node.processId !== deps.processId || deps.holds(node.agentId);

  async function list(): Promise<readonly DirectedNode[]> {
    return (await nodes.get()).filter(isHere);
  }

  return {
    list,
    async again(agentId) {
      nodes.forget();
      return (await list()).find((node) => node.agentId === agentId);
    },
    changed() {
      nodes.forget();
      bus.publish(CHANGED, {});
    },
    stop() {
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
}

async function readNodes(deps: Dependencies, now: Date): Promise<DirectedNode[]> {
  const seenAfter = new Date(now.getTime() - LIMITS.heartbeatMissMs);
  // The nodes first: prices that are newer than a node's revision are refused nowhere, older ones are.
  const rows = await listNodes(deps.database, now, seenAfter, NODES_MAX);
  const prices = await listModelPrices(deps.database);
  const rates = new Map(prices.map((price) => [price.model, price]));
  return rows.map((row) => ({
    agentId: row.agentId,
    workspaceId: row.workspaceId,
    providerId: row.providerId,
    via: row.via,
    revision: row.revision,
    kinds: row.kinds,
    models: offeredModels(row.models, deps.grantsAll ? [ANY_MODEL] : row.grants, row.handle),
    defaultModel: row.defaultModel,
    labels: row.labels,
    concurrency: row.concurrency,
    processId: row.processId ?? deps.processId,
    get load() {
      return deps.loadOf(row.agentId);
    },
    ratesOf: (model) => rates.get(model) ?? deps.unpriced,
  }));
}
