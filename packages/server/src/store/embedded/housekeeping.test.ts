import assert from "node:assert/strict";
import { test } from "node:test";
import { careFor, restAfter, type TableState } from "./housekeeping.ts";

const TABLE: TableState = {
  name: "t",
  rows: 1_000,
  pages: 10,
  deadRows: 0,
  changedRows: 0,
  insertedRows: 0,
  age: 0,
};
const BIG = { rows: 4_000_000, pages: 50_000 };
const VACUUM = "vacuum (analyze) t";
const FREEZE = "vacuum (freeze, analyze) t";

// biome-ignore format: read as a table
const CASES: readonly [state: Partial<TableState>, busy: string | undefined, idle: string | undefined, why: string][] = [
  [{},                                              undefined,   undefined,   "nothing changed"],
  [{ deadRows: 250 },                               undefined,   undefined,   "just bearable"],
  [{ deadRows: 251 },                               VACUUM,      VACUUM,      "a fifth is dead, and 50"],
  [{ changedRows: 150 },                            undefined,   undefined,   "statistics still hold"],
  [{ changedRows: 151 },                            "analyze t", "analyze t", "a tenth has changed, and 50"],
  [{ insertedRows: 1_201 },                         VACUUM,      VACUUM,      "only ever inserted into"],
  [{ rows: 0, changedRows: 51 },                    "analyze t", "analyze t", "new, and never analyzed"],
  [{ ...BIG, deadRows: 900_000 },                   undefined,   VACUUM,      "big: wait until nobody is there"],
  [{ ...BIG, changedRows: 900_000 },                undefined,   "analyze t", "big: also to analyze"],
  [{ ...BIG, deadRows: 4_000_001 },                 VACUUM,      VACUUM,      "big, but more dead than alive"],
  [{ ...BIG, age: 150_000_001 },                    undefined,   FREEZE,      "old enough to freeze"],
  [{ ...BIG, age: 1_000_000_001 },                  FREEZE,      FREEZE,      "too old to wait"],
  [{ age: 150_000_001, deadRows: 251 },             FREEZE,      FREEZE,      "freezing vacuums as well"],
];

for (const [state, busy, idle, why] of CASES) {
  test(`care for a table: ${why}`, () => {
    const table = { ...TABLE, ...state };
    assert.equal(careFor(table, false), busy);
    assert.equal(careFor(table, true), idle);
  });
}

test("a table that was just cared for rests while somebody is there, unless it doubled", () => {
  const changed = { ...TABLE, changedRows: 900 };
  assert.equal(careFor(changed, false, false), undefined);
  assert.equal(careFor(changed, true, false), "analyze t");
  assert.equal(careFor(changed, false, true), "analyze t");
  assert.equal(careFor({ ...TABLE, insertedRows: 1_001 }, false, false), undefined);
  const doubled = { ...TABLE, rows: 1_001, insertedRows: 1_202 };
  assert.equal(careFor({ ...doubled, rows: 1_202 }, false, false), undefined);
  assert.equal(careFor({ ...doubled, insertedRows: 1_300 }, false, false), VACUUM);
  assert.equal(careFor({ ...TABLE, rows: 0, insertedRows: 1_000 }, false, false), undefined);
  assert.equal(careFor({ ...TABLE, changedRows: 9_000 }, false, false), undefined);
  assert.equal(careFor({ ...TABLE, deadRows: 1_000 }, false, false), undefined);
  assert.equal(careFor({ ...TABLE, deadRows: 1_001 }, false, false), VACUUM);
});

test("the rest is long in comparison with the care, and ends", () => {
  assert.equal(restAfter(10), 5_000);
  assert.equal(restAfter(1_000), 60_000);
});
