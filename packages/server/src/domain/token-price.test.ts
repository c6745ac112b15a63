import assert from "node:assert/strict";
import { test } from "node:test";
import { costMicros, isUsage, outputTokensFor, type TokenRates, tokensIn } from "./token-price.ts";

/** 2.50, 1.25 and 10 US dollars a million. */
const RATES: TokenRates = {
  inputMicros: 2_500_000n,
  cachedMicros: 1_250_000n,
  outputMicros: 10_000_000n,
  requestMicros: 0n,
};

// biome-ignore format: read as a table
const COSTS = [
  { input: 0,         cached: 0,   output: 0,       micros: 0n,          why: "nothing" },
  { input: 1_000_000, cached: 0,   output: 0,       micros: 2_500_000n,  why: "a million of input" },
  { input: 1_000_000, cached: 1_000_000, output: 0, micros: 1_250_000n,  why: "all of it cached" },
  { input: 0,         cached: 0,   output: 1,       micros: 10n,         why: "one token of output" },
  { input: 1,         cached: 0,   output: 0,       micros: 3n,          why: "2.5 micros, rounded up" },
  { input: 1,         cached: 1,   output: 1,       micros: 12n,         why: "11.25, rounded up once" },
  { input: 3,         cached: 0,   output: 0,       micros: 8n,          why: "7.5, rounded up once and not thrice" },
];
for (const { input, cached, output, micros, why } of COSTS) {
  test(`cost of ${why} is ${micros} micros`, () => {
    const usage = { inputTokens: input, cachedTokens: cached, outputTokens: output };
    assert.equal(costMicros(RATES, usage), micros);
  });
}

test("a price for the request is paid beside the tokens", () => {
  const usage = { inputTokens: 1, cachedTokens: 0, outputTokens: 0 };
  assert.equal(costMicros({ ...RATES, requestMicros: 10_000n }, usage), 10_003n);
});

test("what is no count of tokens is refused", () => {
  for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const usage = { inputTokens: bad, cachedTokens: 0, outputTokens: 0 };
    assert.equal(isUsage(usage), false, String(bad));
    assert.throws(() => costMicros(RATES, usage), RangeError);
  }
  assert.equal(isUsage({ inputTokens: 1, cachedTokens: 2, outputTokens: 0 }), false);
});

test("as much output as the money is for, and no token more", () => {
  const input = { inputTokens: 100, cachedTokens: 0 };
  const tokens = outputTokensFor(RATES, input, 1_000n);
  assert.equal(tokens, 75);
  assert.ok(costMicros(RATES, { ...input, outputTokens: tokens }) <= 1_000n);
  assert.ok(costMicros(RATES, { ...input, outputTokens: tokens + 1 }) > 1_000n);
  assert.equal(outputTokensFor(RATES, input, 249n), 0);
  assert.equal(outputTokensFor({ ...RATES, outputMicros: 0n }, input, 250n), 2 ** 53 - 1);
});

test("four bytes are a token, and a part of them is one too", () => {
  assert.deepEqual([0, 1, 4, 5].map(tokensIn), [0, 1, 1, 2]);
});
