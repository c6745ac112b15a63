import assert from "node:assert/strict";
import { test } from "node:test";
import { applyReranking, compareOffers, fuseRankings, type Offer, SORT_ORDERS } from "./ranking.ts";

const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id).join(" ");
const ranked = (scores: Record<string, number>) =>
  Object.entries(scores).map(([id, score]) => ({ id, score }));

// biome-ignore format: read as a table
const FUSIONS = [
  // words                meanings                     together   why
  [ {},                   {},                          "",        "nothing matches" ],
  [ { a: 9, b: 3 },       {},                          "a b",     "without embeddings, BM25 stands alone" ],
  [ {},                   { b: 0.7, a: 0.4 },          "b a",     "no word in common: meaning alone decides" ],
  [ { a: 9, b: 8 },       { b: 0.7, a: 0.6, c: 0.2 },  "b a c",   "who is good on both lists beats who is first on one" ],
  [ { a: 9, b: 8.9 },     { c: 0.7, a: 0.3, b: 0.3 },  "a c b",   "first by words and first by meaning are equals: the id decides" ],
  [ { a: 900, b: 800 },   { b: 0.07, a: 0.06, c: 0 },  "b a c",   "the scale of a judge's scores does not matter" ],
  [ {},                   { b: 0.5, a: 0.5 },          "a b",     "one score for all is no floor for all" ],
] as const;

for (const [lexical, semantic, together, why] of FUSIONS) {
  test(`fusing two lists: ${why}`, () => {
    assert.equal(ids(fuseRankings(ranked(lexical), ranked(semantic))), together);
  });
}

test("a reranker moves what it names to the front, and nothing else", () => {
  const fused = ranked({ a: 4, b: 3, c: 2, d: 1 });
  assert.equal(ids(applyReranking(fused, ["c", "a"])), "c a b d");
  assert.equal(ids(applyReranking(fused, ["c", "invented", "c"])), "c a b d");
  assert.equal(ids(applyReranking(fused, [])), "a b c d");
});

test("offers are sorted as asked; ties fall to trust, then age, then id", () => {
  const offer = (id: string, priceMicros: bigint, trustScore: number, day: number): Offer => ({
    id,
    priceMicros,
    trustScore,
    createdAt: new Date(Date.UTC(2026, 0, day)),
  });
  const offers = [
    offer("a", 500n, 0.5, 1),
    offer("b", 0n, 0.5, 2),
    offer("c", 500n, 0.9, 3),
    offer("d", 900n, 0.5, 2),
  ];
  // biome-ignore format: read as a table
  const EXPECTED = { trust: "c b d a", price_asc: "b c a d", price_desc: "d c a b", newest: "c b d a" };
  for (const order of SORT_ORDERS) {
    assert.equal(ids([...offers].reverse().sort(compareOffers(order))), EXPECTED[order], order);
  }
});
