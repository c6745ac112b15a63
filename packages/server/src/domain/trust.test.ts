import assert from "node:assert/strict";
import { test } from "node:test";
import { trustScore } from "./trust.ts";

const of = (...pairs: [number, number][]) =>
  pairs.map(([succeeded, failed], index) => ({ requesterId: `r${index}`, succeeded, failed }));

// biome-ignore format: read as a table
const CASES = [
  // outcomes: [succeeded, failed] a requester     score   why
  [ of(),                                          0.5,    "nothing is known of a new agent" ],
  [ of([1, 0]),                                    0.6,    "one success helps a little" ],
  [ of([0, 1]),                                    0.4,    "one failure hurts as much" ],
  [ of([1000, 0]),                                 0.857,  "one customer cannot make a reputation alone" ],
  [ of([10, 0], [10, 0], [10, 0], [10, 0]),        0.955,  "four customers can" ],
  [ of([5, 5]),                                    0.5,    "half and half is the middle" ],
  [ of([0, 0]),                                    0.5,    "a requester without outcomes does not count" ],
] as const;

for (const [outcomes, score, why] of CASES) {
  test(`trust: ${why}`, () => assert.equal(trustScore(outcomes), score));
}
