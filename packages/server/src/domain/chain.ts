/**
 * Chains: work that led to other work, under the ceiling of whoever began it.
 *
 * The ceiling is the chain's budget. The owner may raise it, lift it or close the chain; what runs
 * goes on and settles, since its money is held already.
 */
import type { WorkShape } from "./command.ts";

/** A ceiling that nothing reaches: about nine thousand million dollars. */
export const NO_CEILING_MICROS = 9_000_000_000_000_000n;

/** The most that a ceiling may be raised to, short of lifting it. */
export const CEILING_MICROS_MAX = 1_000_000_000_000n;

export interface Chain {
  readonly id: string;
  /** Who began it, and whose ceiling holds. */
  readonly workspaceId: string;
  readonly createdAt: Date;
  /** The last request that the ceiling refused, and what it would have cost. */
  readonly refused: { readonly at: Date; readonly neededMicros: bigint } | undefined;
  /** When the owner last raised or lifted the ceiling. */
  readonly approvedAt: Date | undefined;
  readonly closedAt: Date | undefined;
}

/** What a chain's budget says. */
export interface ChainSpend {
  readonly heldMicros: bigint;
  readonly spentMicros: bigint;
  /** `undefined` when it was lifted. */
  readonly ceilingMicros: bigint | undefined;
}

/**
 *   open      nothing was refused
 *   capped    a request met the ceiling, and its owner has not decided since
 *   approved  the owner has raised or lifted the ceiling since
 *   closed    nothing more may begin
 */
export type ChainStatus = "open" | "capped" | "approved" | "closed";

export function chainStatus({ refused, approvedAt, closedAt }: Chain): ChainStatus {
  if (closedAt) return "closed";
  if (refused && (!approvedAt || refused.at > approvedAt)) return "capped";
  return approvedAt ? "approved" : "open";
}

/** One piece of a chain's work, as it is stored. */
export interface Hop {
  readonly id: string;
  readonly shape: WorkShape;
  readonly state: string;
  /** The work that asked for it; `undefined` where the chain's owner did. */
  readonly parentId: string | undefined;
  readonly workspaceId: string;
  /** `undefined` for a broadcast, which nobody does by itself. */
  readonly agentId: string | undefined;
  readonly agentName: string | undefined;
  readonly capability: string;
  readonly heldMicros: bigint;
  readonly spentMicros: bigint;
  readonly createdAt: Date;
}

/** A hop in its place, as the chain's owner may see it. */
export interface ChainBranch {
  /** Without who did what, unless the owner asked for it itself: then its receipt says so, too. */
  readonly hop: Hop;
  readonly isNamed: boolean;
  /** How far from the root: 0 is what the owner asked for. */
  readonly depth: number;
}

/** Hops as a tree, written down row by row: each after what asked for it, the older first. */
export function treeOf(hops: readonly Hop[], ownerId: string): readonly ChainBranch[] {
  const known = new Set(hops.map(({ id }) => id));
  const children = new Map<string | undefined, Hop[]>();
  for (const hop of hops) {
    // What asked for it may be beyond the page: it is shown at the root rather than lost.
    const parent = hop.parentId !== undefined && known.has(hop.parentId) ? hop.parentId : undefined;
    const siblings = children.get(parent);
    if (siblings) siblings.push(hop);
    else children.set(parent, [hop]);
  }
  const branches: ChainBranch[] = [];
  // A stack and no recursion: how deep agents hire agents is not for us to say.
  const waiting: { hop: Hop; depth: number }[] = [];
  const push = (parent: string | undefined, depth: number) => {
    const list = (children.get(parent) ?? []).toSorted((a, b) => (a.id < b.id ? 1 : -1));
    for (const hop of list) waiting.push({ hop, depth });
  };
  push(undefined, 0);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { hop, depth } = next;
    const isNamed = hop.workspaceId === ownerId;
    branches.push({ depth, isNamed, hop: isNamed ? hop : withoutNames(hop) });
    push(hop.id, depth + 1);
  }
  return branches;
}

function withoutNames(hop: Hop): Hop {
  return { ...hop, agentId: undefined, agentName: undefined, capability: "" };
}
