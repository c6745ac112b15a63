import assert from "node:assert/strict";
import { test } from "node:test";
import { facts, moment, readable, table, truncated } from "./layout.ts";
import { createPaint } from "./paint.ts";
import { redact, redactKey } from "./redact.ts";
import { elapsed } from "./spinner.ts";

const page = { paint: createPaint({ isTTY: false }, {}), columns: 40 };

test("columns are as wide as what they show, also in Chinese", () => {
  const columns = [{ title: "name" }, { title: "n", align: "right" as const }];
  const rows = [
    ["翻译", "1"],
    ["translation", "20"],
  ];
  assert.equal(table(page, columns, rows), "NAME          N\n翻译          1\ntranslation  20");
});

test("a flexible column gives way on a narrow terminal", () => {
  const columns = [{ title: "id" }, { title: "about", isFlexible: true }];
  const drawn = table(page, columns, [["agt_1", "a description that is much too long for this"]]);
  for (const line of drawn.split("\n")) assert.ok(line.length <= 40, line);
  assert.match(drawn, /…$/);
});

test("a cell is one line, and moves no cursor", () => {
  const drawn = table(page, [{ title: "a" }], [["two\nlines\u001b[2J\u202e"]]);
  assert.equal(drawn, "A\ntwo lines[2J");
});

// biome-ignore format: read as a table
const TRUNCATED = [
  [ "short",   5, "short" ],
  [ "longer",  5, "long…" ],
  [ "翻译翻译", 5, "翻译…" ],
  [ "翻译翻译", 4, "翻…" ],
] as const;

for (const [text, width, shown] of TRUNCATED) {
  test(`${text} in ${width} columns is ${shown}`, () =>
    assert.equal(truncated(text, width), shown));
}

test("facts without a value are left out", () => {
  assert.equal(
    facts(page, [
      ["a", "1"],
      ["long", undefined],
      ["bcd", "2"],
    ]),
    "a    1\nbcd  2",
  );
});

test("a fact is coloured after what it says was cleaned", () => {
  const bright = { paint: createPaint({ isTTY: true }, {}), columns: 40 };
  const line = facts(bright, [["a", "\u001b[2Jx", bright.paint.bold]]);
  assert.ok(line.endsWith("\u001b[1m[2Jx\u001b[22m"), JSON.stringify(line));
});

test("an instant is told in the reader's own time", () => {
  assert.match(moment("2026-03-01T12:05:59.000Z"), /^2026-0[23]-\d\d \d\d:05$/);
  assert.deepEqual([moment(undefined), moment("nonsense")], ["", ""]);
});

test("any value can be read", () => {
  const value = { text: "x", list: ["a", { b: 1 }], none: {}, nothing: null };
  assert.equal(
    readable(page, value),
    "text: x\nlist:\n  - a\n  -\n    b: 1\nnone:\n  (empty)\nnothing: null",
  );
});

test("colours only where somebody sees them", () => {
  const shown = (isTTY: boolean, env: Record<string, string>) =>
    createPaint({ isTTY }, env).bold("x") !== "x";
  assert.deepEqual(
    [
      shown(true, {}),
      shown(false, {}),
      shown(true, { NO_COLOR: "1" }),
      shown(true, { TERM: "dumb" }),
    ],
    [true, false, false, false],
  );
});

test("a key is shown by its prefix and its last four characters", () => {
  assert.equal(redactKey("lc_abcdefghijklmnop1234"), "lc_…1234");
  assert.equal(redactKey("lc_short"), "lc_…");
  assert.equal(redactKey("something-else-that-is-long"), "…long");
  const text = redact("say lc_abcdefghijklmnop1234 and swordfish, not lc_session_identifier_x", [
    "swordfish",
  ]);
  assert.equal(text, "say lc_…1234 and …, not lc_session_identifier_x");
});

test("time is told in seconds and minutes", () => {
  assert.deepEqual([elapsed(999), elapsed(59_999), elapsed(65_000)], ["0 s", "59 s", "1 min 05 s"]);
});
