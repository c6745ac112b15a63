import assert from "node:assert/strict";
import { test } from "node:test";
import { microsOfUsd, unitsDown, unitsUp, usdOfMicros } from "./money.ts";

// biome-ignore format: read as a table
const USD = [
  ["0",         0n],
  ["10",        10_000_000n],
  ["0.000001",  1n],
  ["1.5",       1_500_000n],
  ["-2.25",     -2_250_000n],
] as const;

for (const [text, micros] of USD) {
  test(`${text} US dollars is ${micros} micros and back`, () => {
    assert.equal(microsOfUsd(text), micros);
    assert.equal(usdOfMicros(micros), text);
  });
}

for (const text of ["", "1.", ".5", "1e3", "1.0000001", "0x10", " 1", "1234567890123"]) {
  test(`"${text}" is not an amount`, () => assert.equal(microsOfUsd(text), undefined));
}

// biome-ignore format: read as a table
const UNITS = [
  // micros   per    down   up     why
  [ 250n,     100n,  2n,    3n,    "a fraction is not shown in a balance and is in a price" ],
  [ 200n,     100n,  2n,    2n,    "whole units are exact both ways" ],
  [ 0n,       100n,  0n,    0n,    "nothing is nothing" ],
  [ -250n,    100n,  -3n,   -2n,   "down is towards less, also below zero" ],
] as const;

for (const [micros, per, down, up, why] of UNITS) {
  test(`units: ${why}`, () => {
    assert.equal(unitsDown(micros, per), down);
    assert.equal(unitsUp(micros, per), up);
  });
}
