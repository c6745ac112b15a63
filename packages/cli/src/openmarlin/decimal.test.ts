/** Amounts are exact. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { amountOf, amountText, Decimal } from "./decimal.ts";
import { parseJson } from "./json.ts";

const decimal = (text: string) => {
  const found = Decimal.of(text);
  assert.ok(found, text);
  return found;
};

// biome-ignore format: read as a table
const DIFFERENCES = [
  ["0.3",   "0.1",     "0.2",     "0.2"],
  ["1",     "0",       "1",       "1"],
  ["1.0",   "1e0",     "0",       "0"],
  ["1",     "0.9375",  "0.0625",  "0.07"],
  ["10.50", "0.501",   "9.999",   "10"],
  ["1e3",   "1e-05",   "999.99999", "1000"],
  ["1",     "2.25",    "-1.25",   "-1.25"],
  ["-1",    "0.001",   "-1.001",  "-1"],
] as const;

for (const [one, other, difference, rounded] of DIFFERENCES) {
  test(`${one} - ${other} = ${difference}, rounded up ${rounded}`, () => {
    const found = decimal(one).minus(decimal(other));
    assert.equal(found.toString(), difference);
    assert.equal(found.roundedUp(2).toString(), rounded);
    assert.equal(found.plus(decimal(other)).toString(), decimal(one).toString());
  });
}

test("files have floats", () => {
  assert.equal(decimal("10").toFloat().text, "10.0");
  assert.equal(decimal("2.50").toFloat().text, "2.5");
});

test("what is no number is no amount", () => {
  for (const text of ["", ".", "1,5", "0x10", "NaN", "1e9999", "9".repeat(41), "1 2"]) {
    assert.equal(Decimal.of(text), undefined, text);
  }
  for (const text of [
    '{"amount":"1","unit":"c"}',
    '{"amount":true,"unit":"c"}',
    '{"amount":1}',
    "3",
  ]) {
    assert.equal(amountOf(parseJson(text)), undefined, text);
  }
  const good = amountOf(parseJson('{"amount":1.0,"unit":"credits"}'));
  assert.equal(good && amountText(good), "1 credits");
});
