/** Credits of OpenMarlin's wire: exact both ways, for every amount that a wallet can hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createCredits } from "../../src/surfaces/openmarlin/credits.ts";

/** What a credit may be worth: see the configuration. */
const WORTHS = [100n, 200n, 1_000n, 2_500n, 10_000n, 25_000n, 100_000n, 1_000_000n];
/** A double has room for as many digits. */
const DIGITS_MAX = 10n ** 15n - 1n;

test("an amount in credits, written out, is the amount in micros", () => {
  const property = fc.property(
    fc.constantFrom(...WORTHS),
    fc.bigInt({ min: -DIGITS_MAX, max: DIGITS_MAX }),
    (worth, drawn) => {
      const micros = (drawn * worth) / 1_000_000n;
      const { amount } = createCredits(worth).amount(micros);
      const [whole = "", fraction = ""] = amount.toFixed(6).split(".");
      assert.equal((BigInt(whole + fraction) * worth) / 1_000_000n, micros);
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});

test("what can be asked for in hundredths comes back the same", () => {
  const property = fc.property(
    fc.constantFrom(...WORTHS),
    fc.integer({ min: 1, max: 100_000_000 }),
    (worth, hundredths) => {
      const credits = createCredits(worth);
      const micros = credits.micros(hundredths / 100);
      assert.ok(micros !== undefined && micros > 0n);
      assert.equal(credits.amount(micros).amount, hundredths / 100);
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});

test("a third decimal is no amount", () => {
  const { micros } = createCredits(10_000n);
  for (const credits of [0.001, 1.005, 0.019999, 12.3456, Number.MIN_VALUE]) {
    assert.equal(micros(credits), undefined);
  }
  assert.equal(micros(0.29), 2_900n);
  assert.equal(micros(1.1), 11_000n);
});
