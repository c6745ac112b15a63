/** How well agents are found, on queries that nothing was tuned on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAgentSearcher } from "../../src/core/agent-search.ts";
import { createLog } from "../../src/lib/log.ts";
import { createAgentIndex } from "../../src/outbound/search/agent-index.ts";
import {
  type LabelledQuery,
  type Language,
  LISTINGS,
  OBLIQUE_QUERIES,
  QUERIES,
  recallOf,
  splitOf,
} from "./labelled-set.ts";

const RECALL_AT_3_MIN = 0.9;

const log = createLog("silent");
// The patience is for machines under load: a late embedding would count as a miss.
const index = createAgentIndex({ log, semanticTimeoutMs: 60_000 });
const searcher = createAgentSearcher({ index, reranker: undefined, log });

before(async () => {
  for (const listing of LISTINGS) index.upsert(listing);
  await index.settled();
});
after(() => index.close());

test("the labelled set is what its documentation says", () => {
  const ids = new Set(LISTINGS.map(({ id }) => id));
  const english = QUERIES.filter(({ language }) => language === "en");
  assert.ok(LISTINGS.length >= 60 && ids.size === LISTINGS.length);
  assert.ok(english.length >= 80 && QUERIES.length - english.length >= 20);
  for (const query of QUERIES) {
    assert.equal(query.split, splitOf(query), query.text);
    assert.ok(query.relevant.length > 0 && query.relevant.every((id) => ids.has(id)), query.text);
  }
});

test("nine of ten English wishes are met by the first three agents", async (t) => {
  const { recall, misses } = await measure(heldOut("en"));
  t.diagnostic(`English held-out recall@3 ${recall.toFixed(3)}`);
  assert.ok(recall >= RECALL_AT_3_MIN, `recall@3 ${recall}; missed:\n${misses.join("\n")}`);
});

test("Chinese wishes are met too, without a model that reads Chinese", async (t) => {
  const { recall } = await measure(heldOut("zh"));
  t.diagnostic(`Chinese held-out recall@3 ${recall.toFixed(3)}`);
  // No promise (docs/search.md), but a collapse would be a mistake of ours.
  assert.ok(recall >= 0.6);
});

test("most wishes that talk around what they mean are met", async (t) => {
  const { recall } = await measure(OBLIQUE_QUERIES);
  t.diagnostic(`English oblique recall@3 ${recall.toFixed(3)}`);
  assert.ok(recall >= 0.7);
});

function heldOut(language: Language): LabelledQuery[] {
  return QUERIES.filter((query) => query.language === language && query.split === "held_out");
}

async function measure(
  queries: readonly LabelledQuery[],
): Promise<{ recall: number; misses: string[] }> {
  let sum = 0;
  const misses: string[] = [];
  for (const query of queries) {
    const found = await searcher.search({ intent: query.text, limit: 3 });
    const ids = found.map(({ id }) => id);
    const recall = recallOf(query, ids, 3);
    sum += recall;
    if (recall < 1) misses.push(`${query.text}: ${query.relevant.join(" ")}, not ${ids.join(" ")}`);
  }
  return { recall: sum / queries.length, misses };
}
