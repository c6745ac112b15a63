import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CallAccount,
  type CallEnd,
  type CallPhase,
  chargeOf,
  mayRetry,
  RUN_ENDINGS,
} from "./settlement.ts";
import type { TokenRates } from "./token-price.ts";

/** A micro a token of input, two a token of output, 1,000 a request: sums are read off. */
const RATES: TokenRates = {
  inputMicros: 1_000_000n,
  cachedMicros: 0n,
  outputMicros: 2_000_000n,
  requestMicros: 1_000n,
};
const REPORTED = { inputTokens: 100, cachedTokens: 0, outputTokens: 50 };
const DELIVERED = { inputTokens: 90, cachedTokens: 0, outputTokens: 20 };
const COUNTED = 1_200n;
const DELIVERED_COST = 1_130n;
const HELD = 5_000n;

function account(end: CallEnd, phase: CallPhase, also: Partial<CallAccount> = {}): CallAccount {
  const usage = { reported: REPORTED, delivered: DELIVERED };
  return { end, phase, rates: RATES, heldMicros: HELD, ...usage, ...also };
}

// biome-ignore format: read as a table
const ROWS: readonly (readonly [CallEnd, CallPhase, bigint, string, boolean])[] = [
  // end         phase     paid            the run      may another be asked
  ["completed", "before", COUNTED,        "succeed", false],
  ["completed", "during", COUNTED,        "succeed", false],
  ["completed", "after",  COUNTED,        "succeed", false],
  ["requester", "before", 0n,             "cancel",  false],
  ["requester", "during", DELIVERED_COST, "cancel",  false],
  ["requester", "after",  COUNTED,        "succeed", false],
  ["provider",  "before", 0n,             "fail",    true],
  ["provider",  "during", DELIVERED_COST, "fail",    false],
  ["provider",  "after",  COUNTED,        "succeed", false],
  ["error",     "before", 0n,             "fail",    true],
  ["error",     "during", DELIVERED_COST, "fail",    false],
  ["error",     "after",  DELIVERED_COST, "fail",    false],
  ["server",    "before", 0n,             "fail",    false],
  ["server",    "during", DELIVERED_COST, "fail",    false],
  ["server",    "after",  DELIVERED_COST, "fail",    false],
  ["hold",      "before", 0n,             "fail",    false],
  ["hold",      "during", DELIVERED_COST, "succeed", false],
  ["hold",      "after",  COUNTED,        "succeed", false],
  ["deadline",  "before", 0n,             "expire",  false],
  ["deadline",  "during", DELIVERED_COST, "expire",  false],
  ["deadline",  "after",  COUNTED,        "succeed", false],
];
for (const [end, phase, micros, ending, isRetried] of ROWS) {
  test(`ended by ${end}, ${phase} its answer: ${micros} micros, ${ending}`, () => {
    assert.equal(chargeOf(account(end, phase)).micros, micros);
    assert.equal(RUN_ENDINGS[end][phase], ending);
    assert.equal(mayRetry(end, phase), isRetried);
  });
}

test("without a report, or with one that cannot be, what was delivered counts", () => {
  const { micros } = chargeOf(account("completed", "after", { reported: undefined }));
  assert.equal(micros, DELIVERED_COST);
  const odd = { inputTokens: 1, cachedTokens: 2, outputTokens: Number.NaN };
  assert.equal(chargeOf(account("completed", "after", { reported: odd })).micros, DELIVERED_COST);
});

test("never more than was held, however much the provider counted", () => {
  const huge = { inputTokens: 10 ** 9, cachedTokens: 0, outputTokens: 10 ** 9 };
  for (const end of ["completed", "hold", "deadline"] as const) {
    assert.equal(chargeOf(account(end, "after", { reported: huge })).micros, HELD);
  }
});
