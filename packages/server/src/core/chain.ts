/**
 * Chains: work that led to other work, under the ceiling of whoever began it.
 *
 * A caller that names a chain is believed only where it is the chain's owner or is doing live work
 * of it right now; else anybody could spend on a stranger's ceiling by guessing an id.
 */
import type { Budget } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import {
  CEILING_MICROS_MAX,
  type Chain,
  type ChainBranch,
  type ChainSpend,
  type ChainStatus,
  chainStatus,
  NO_CEILING_MICROS,
  treeOf,
} from "../domain/chain.ts";
import { Fault } from "../domain/fault.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import {
  closeChain,
  findBudget,
  findChain,
  findWorkInChain,
  listChainsOf,
  listHops,
  noteApproval,
} from "../store/chain.ts";
import type { Database } from "../store/database.ts";
import { findWorkspace } from "../store/workspace.ts";
import { budgetId, type Ledger } from "./ledger.ts";

/** A chain as its owner sees it. */
export interface ChainView {
  readonly chain: Chain;
  readonly status: ChainStatus;
  readonly spend: ChainSpend;
}

export interface ChainTree extends ChainView {
  readonly branches: readonly ChainBranch[];
  /** Whether there is more work than is shown. */
  readonly isCut: boolean;
}

export interface Chains {
  /** The most that a ceiling may be raised to, short of lifting it. */
  readonly ceilingMicrosMax: bigint;
  /** The caller's, newest first. */
  list(
    caller: Caller,
    page: { readonly beforeId: string | undefined; readonly limit: number },
  ): Promise<readonly ChainView[]>;
  /** One of the caller's, with its work as a tree. Throws `not_found`: what is not one's own is not there. */
  require(caller: Caller, id: string): Promise<ChainTree>;
  /**
   * Sets the ceiling, or lifts it (`undefined`); a closed chain goes on. Below what is spent already it
   * only stops further work. Throws `not_found`, `invalid_request`.
   */
  approve(caller: Caller, id: string, ceilingMicros: bigint | undefined): Promise<void>;
  /** Lets nothing more begin. What runs goes on and settles. Throws `not_found`. */
  close(caller: Caller, id: string): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly ledger: Pick<Ledger, "commit" | "ensureBudgets">;
  readonly clock: Clock;
  readonly log: Log;
}

const HOPS_MAX = 1_000;

export function createChains({ database, ledger, clock, log }: Dependencies): Chains {
  async function requireOwn(caller: Caller, id: string): Promise<Chain> {
    const chain = await findChain(database, id);
    if (chain?.workspaceId === caller.workspaceId) return chain;
    throw new Fault("not_found", "No such chain.", { kind: "chain", id });
  }

  async function viewOf(caller: Caller, chain: Chain): Promise<ChainView> {
    const spend = await spendOf(database, chain.id, caller.chainCeilingMicros);
    return { chain, status: chainStatus(chain), spend };
  }

  async function limit(caller: Caller, id: string, limitMicros: bigint): Promise<void> {
    const budget = budgetOf(id, caller.chainCeilingMicros);
    await ledger.ensureBudgets([budget]);
    const step = { kind: "limit-budget", budgetId: budget.id, limitMicros } as const;
    const done = await ledger.commit({ keyId: undefined, work: undefined, steps: [step] });
    if (!done.ok) throw new Error(`limiting chain ${id} was refused: ${done.refusal.code}`);
  }

  return {
    ceilingMicrosMax: CEILING_MICROS_MAX,
    async list(caller, { beforeId, limit: count }) {
      const chains = await listChainsOf(database, caller.workspaceId, beforeId, count);
      return Promise.all(chains.map((chain) => viewOf(caller, chain)));
    },
    async require(caller, id) {
      const view = await viewOf(caller, await requireOwn(caller, id));
      const hops = await listHops(database, id, HOPS_MAX + 1);
      const branches = treeOf(hops.slice(0, HOPS_MAX), caller.workspaceId);
      return { ...view, branches, isCut: hops.length > HOPS_MAX };
    },
    async approve(caller, id, ceilingMicros) {
      if (
        ceilingMicros !== undefined &&
        (ceilingMicros < 0n || ceilingMicros > CEILING_MICROS_MAX)
      ) {
        throw new Fault("invalid_request", "No ceiling can be set there.", {
          field: "new_ceiling",
        });
      }
      await requireOwn(caller, id);
      await limit(caller, id, ceilingMicros ?? NO_CEILING_MICROS);
      await noteApproval(database, id, clock.now());
      log.info({ chainId: id, isLifted: ceilingMicros === undefined }, "a chain's ceiling was set");
    },
    async close(caller, id) {
      await requireOwn(caller, id);
      // The mark stops what is free, the limit what costs: either may be asked a moment too early.
      await closeChain(database, id, clock.now());
      await limit(caller, id, 0n);
      log.info({ chainId: id }, "a chain was closed");
    },
  };
}

export interface JoinedChain {
  readonly id: string;
  readonly isNew: boolean;
  /** The live work that asked for this one, where there is one. */
  readonly parentId: string | undefined;
  /** The root's, not the caller's. */
  readonly ceilingMicros: bigint;
}

/** `newId` names the chain that begins here when the caller names none. */
export async function joinChain(
  context: { readonly database: Database },
  caller: Caller,
  chainId: string | undefined,
  newId: string,
): Promise<JoinedChain> {
  if (chainId === undefined) {
    const { chainCeilingMicros } = caller;
    return { id: newId, isNew: true, parentId: undefined, ceilingMicros: chainCeilingMicros };
  }
  const chain = await findChain(context.database, chainId);
  if (!chain) throw notAuthorised();
  const parentId = await findWorkInChain(context.database, chainId, caller.workspaceId);
  if (parentId === undefined && chain.workspaceId !== caller.workspaceId) throw notAuthorised();
  const ceilingMicros = await openCeiling(context.database, chain);
  return { id: chain.id, isNew: false, parentId, ceilingMicros };
}

/** The most that a chain may cost, by its root, for work that is part of it already. Throws `ceiling_exceeded`. */
export async function ceilingOf(database: Database, chainId: string): Promise<bigint> {
  const chain = await findChain(database, chainId);
  if (!chain) throw notAuthorised();
  return openCeiling(database, chain);
}

/** The root's ceiling. Throws `ceiling_exceeded` where its owner has closed the chain. */
async function openCeiling(database: Database, chain: Chain): Promise<bigint> {
  const root = await findWorkspace(database, chain.workspaceId);
  const ceilingMicros = root?.chainCeilingMicros ?? 0n;
  if (!chain.closedAt) return ceilingMicros;
  const { heldMicros, spentMicros } = await spendOf(database, chain.id, ceilingMicros);
  throw new Fault("ceiling_exceeded", "The owner of this chain of work has closed it.", {
    chainId: chain.id,
    spentMicros: heldMicros + spentMicros,
    ceilingMicros: 0n,
  });
}

function notAuthorised(): Fault {
  return new Fault("chain_not_authorised", "You are not doing any work of this chain.");
}

function budgetOf(chainId: string, limitMicros: bigint): Budget {
  const budget = { scope: "chain", ownerId: chainId, windowStart: undefined } as const;
  return { ...budget, id: budgetId(budget), limitMicros };
}

/** A chain of free work alone has no budget yet, and would begin one at its owner's ceiling. */
async function spendOf(
  database: Database,
  chainId: string,
  ownersCeilingMicros: bigint,
): Promise<ChainSpend> {
  const row = await findBudget(database, budgetOf(chainId, 0n).id);
  if (!row) return { heldMicros: 0n, spentMicros: 0n, ceilingMicros: ownersCeilingMicros };
  const { heldMicros, spentMicros, limitMicros } = row;
  const isLifted = limitMicros >= NO_CEILING_MICROS;
  return { heldMicros, spentMicros, ceilingMicros: isLifted ? undefined : limitMicros };
}
