/**
 * In which order agents are shown.
 *
 * A search by intent asks two judges, who are right about different things: BM25 about words that
 * are the same, embeddings about words that mean the same. `fuseRankings` joins their lists. A
 * listing without an intent, or with an explicit order, is sorted by `compareOffers`.
 */

/** `score` says something within one list only: two judges' scores do not compare. */
export interface Ranked {
  readonly id: string;
  readonly score: number;
}

/**
 * One list out of two, best first. Each judge's scores are stretched so that its best agent has 1;
 * BM25's nothing is 0, while a cosine has no nothing, so there the last of the list has 0. The two
 * are added up, which needs no weight to be tuned and holds for any embedding model. An agent that
 * one judge did not list gets nothing from it. Equal sums are ordered by id, so that every process
 * answers alike.
 */
export function fuseRankings(lexical: readonly Ranked[], semantic: readonly Ranked[]): Ranked[] {
  const sums = new Map<string, number>();
  addStretched(sums, lexical, 0);
  addStretched(sums, semantic, Math.min(...semantic.map(({ score }) => score)));
  return [...sums]
    .map(([id, score]) => ({ id, score }))
    .sort((a, b) => b.score - a.score || compareIds(a, b));
}

function addStretched(sums: Map<string, number>, ranked: readonly Ranked[], floor: number): void {
  const best = Math.max(...ranked.map(({ score }) => score));
  for (const { id, score } of ranked) {
    const stretched = best > floor ? (score - floor) / (best - floor) : 1;
    sums.set(id, (sums.get(id) ?? 0) + stretched);
  }
}

/**
 * Puts the agents that a reranker named first, in its order, and leaves the others as they were.
 * What it names twice counts once, and what it invents is ignored: its word is a stranger's.
 */
export function applyReranking(ranked: readonly Ranked[], order: readonly string[]): Ranked[] {
  const byId = new Map(ranked.map((entry) => [entry.id, entry]));
  const named = [...new Set(order)].flatMap((id) => byId.get(id) ?? []);
  const isNamed = new Set(named.map(({ id }) => id));
  return [...named, ...ranked.filter(({ id }) => !isNamed.has(id))];
}

export const SORT_ORDERS = ["trust", "price_asc", "price_desc", "newest"] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];

/** What the explicit orders look at. */
export interface Offer {
  readonly id: string;
  readonly createdAt: Date;
  readonly trustScore: number;
  /** Of the capability asked for, or of the agent's cheapest (see `sortPriceMicros`). */
  readonly priceMicros: bigint;
}
type Compare = (a: Offer, b: Offer) => number;

const byTrust: Compare = (a, b) => b.trustScore - a.trustScore;
const byNewest: Compare = (a, b) => b.createdAt.getTime() - a.createdAt.getTime();
const byPrice: Compare = (a, b) => Number(a.priceMicros - b.priceMicros);

/** For `Array.sort`, best first. Ties fall to trust, then age, then id (LinkedClaw contract §13). */
// biome-ignore format: read as a table
const COMPARISONS: Readonly<Record<SortOrder, readonly Compare[]>> = {
  trust:      [byTrust, byNewest, compareIds],
  price_asc:  [byPrice, byTrust, byNewest, compareIds],
  price_desc: [(a, b) => byPrice(b, a), byTrust, byNewest, compareIds],
  newest:     [byNewest, byTrust, compareIds],
};

/** How two offers compare in an explicit order; `trust` is the one to use when none was asked for. */
export function compareOffers(order: SortOrder): Compare {
  return (a, b) => {
    for (const compare of COMPARISONS[order]) {
      const difference = compare(a, b);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

function compareIds(a: { readonly id: string }, b: { readonly id: string }): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
