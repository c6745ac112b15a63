/**
 * Search by intent.
 *
 *   1. The index gives two lists, one by words and one by meaning.
 *   2. The domain makes one of them.
 *   3. Where there is a reranker, it may reorder the top. When it fails or is too slow, nothing is
 *      lost: the order of step 2 stands (LinkedClaw contract R8).
 */
import { applyReranking, fuseRankings, type Ranked } from "../domain/ranking.ts";
import type { Log } from "../lib/log.ts";
import type { AgentIndex, AgentReranker } from "./ports.ts";

/** Each opinion's length. A page shows at most as many agents (LinkedClaw contract §13). */
const MATCHES_MAX = 50;
const RERANKED_MAX = 20;

export interface AgentSearcher {
  /**
   * The agents that fit, best first; at most `limit`, which is at most 50. Only the order counts:
   * a score says nothing to another search. Empty when nothing fits.
   */
  search(search: {
    readonly intent: string;
    readonly candidates?: ReadonlySet<string> | undefined;
    readonly limit: number;
  }): Promise<readonly Ranked[]>;
}

interface Dependencies {
  readonly index: AgentIndex;
  readonly reranker: AgentReranker | undefined;
  readonly log: Log;
}

export function createAgentSearcher({ index, reranker, log }: Dependencies): AgentSearcher {
  async function rerank(intent: string, ranked: readonly Ranked[]): Promise<readonly Ranked[]> {
    const top = ranked.slice(0, RERANKED_MAX).flatMap(({ id }) => index.find(id) ?? []);
    if (!reranker || top.length < 2) return ranked;
    try {
      return applyReranking(ranked, await reranker.rerank(intent, top));
    } catch (error) {
      log.warn({ error }, "the reranker gave no order");
      return ranked;
    }
  }

  return {
    async search({ intent, candidates, limit }) {
      const matches = await index.match({ intent, candidates, count: MATCHES_MAX });
      const fused = fuseRankings(matches.lexical, matches.semantic).slice(0, MATCHES_MAX);
      return (await rerank(intent, fused)).slice(0, limit);
    },
  };
}
