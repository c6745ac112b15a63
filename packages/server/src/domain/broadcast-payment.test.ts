import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ApprovedResult,
  budgetMicros,
  type PaymentTerms,
  type PaymentType,
  paymentMicros,
  potMicros,
  prizeOf,
  seatMicros,
} from "./broadcast-payment.ts";

const TERMS = { payment: "fixed", target: 3, slotMicros: 500n, unitMicros: 100n } as const;

// biome-ignore format: read as a table
const PAYMENTS = [
  // payment          slot     score       paid    why
  ["fixed",           500n,    undefined,  500n,   "approved is paid in full"],
  ["fixed",           500n,    0,          500n,   "whatever the score"],
  ["tiered",          500n,    undefined,  500n,   "nobody said that it was worth less"],
  ["tiered",          500n,    100,        500n,   "the best score is the whole amount"],
  ["tiered",          500n,    60,         300n,   "three of five credits"],
  ["tiered",          500n,    59,         200n,   "2.95 credits round down to two"],
  ["tiered",          500n,    33,         100n,   "1.65 credits round down to one"],
  ["tiered",          100n,    99,         0n,     "a part of one credit is none"],
  ["tiered",          500n,    0,          0n,     "approved, and worth nothing"],
  ["winner_take_all", 500n,    100,        0n,     "nobody is paid before the end"],
] as const satisfies readonly (readonly [PaymentType, bigint, number | undefined, bigint, string])[];

for (const [payment, slotMicros, score, paid, why] of PAYMENTS) {
  test(`${payment} at ${slotMicros} with score ${score} pays ${paid}: ${why}`, () => {
    assert.equal(paymentMicros({ ...TERMS, payment, slotMicros }, score), paid);
  });
}

function approved(slotId: string, score: number | undefined, second = 0): ApprovedResult {
  return { slotId, providerWorkspaceId: `of ${slotId}`, score, submittedAt: new Date(second) };
}

// biome-ignore format: read as a table
const PRIZES = [
  // approved                                                cancelled  winner  amount   why
  [[],                                                       false,     "",     0n,      "nobody has won, and the pot goes back"],
  [[approved("a", 10)],                                      false,     "a",    1_500n,  "the only one gets all of it"],
  [[approved("a", 10), approved("b", 90)],                   false,     "b",    1_500n,  "the best score"],
  [[approved("a", undefined), approved("b", 0)],             false,     "b",    1_500n,  "a score of nothing is still a score"],
  [[approved("a", 50, 2), approved("b", 50, 1)],             false,     "b",    1_500n,  "of equals the earlier"],
  [[approved("b", 50, 1), approved("a", 50, 1)],             false,     "a",    1_500n,  "of equals at the same time the one taken first"],
  [[approved("a", undefined, 2), approved("b", undefined)],  false,     "b",    1_500n,  "without scores the earliest"],
  [[approved("a", 10)],                                      true,      "a",    500n,    "cancelled: its own share"],
  [[approved("a", 10), approved("b", 90)],                   true,      "b",    1_000n,  "cancelled: the shares of both"],
] as const satisfies readonly (readonly [readonly ApprovedResult[], boolean, string, bigint, string])[];

for (const [results, isCancelled, winner, amountMicros, why] of PRIZES) {
  test(`winner_take_all: ${why}`, () => {
    const prize = prizeOf({ ...TERMS, payment: "winner_take_all" }, isCancelled, results);
    assert.equal(prize?.slotId ?? "", winner);
    assert.equal(prize?.amountMicros ?? 0n, amountMicros);
    if (prize) assert.equal(prize.providerWorkspaceId, `of ${winner}`);
  });
}

test("what is held is what it can cost, and nothing can be paid beyond it", () => {
  for (const payment of ["fixed", "tiered", "winner_take_all"] as const) {
    for (const slotMicros of [1n, 99n, 100n, 12_345n]) {
      const terms: PaymentTerms = { ...TERMS, payment, slotMicros };
      const held = seatMicros(terms) * 3n + potMicros(terms);
      assert.equal(held, budgetMicros(terms));
      for (let score = 0; score <= 100; score++) {
        const paid = paymentMicros(terms, score);
        assert.ok(paid >= 0n && paid <= seatMicros(terms));
        const results = ["a", "b", "c"].map((id) => approved(id, score));
        const prize = prizeOf(terms, false, results)?.amountMicros ?? 0n;
        assert.ok(paid * 3n + prize <= held);
      }
    }
  }
});
