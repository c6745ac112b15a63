import assert from "node:assert/strict";
import { test } from "node:test";
import { dollars, instant } from "./format.ts";

test("dollars are rounded down to the cent", () => {
  // biome-ignore format: read as a table
  const CASES = [
    [0n,                  "$0.00"],
    [9_999n,              "$0.00"],
    [10_000n,             "$0.01"],
    [100_000_000n,        "$100.00"],
    [1_234_567_899_999n,  "$1,234,567.89"],
    [-1n,                 "−$0.01"],
  ] as const;
  for (const [micros, text] of CASES) assert.equal(dollars(micros), text);
});

test("an instant is said in UTC", () => {
  assert.equal(instant(new Date("2026-03-05T03:09:59.999Z")), "5 Mar 2026, 03:09 UTC");
});
