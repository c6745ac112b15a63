import assert from "node:assert/strict";
import { test } from "node:test";
import { LABEL_LENGTH_MAX, toLabel } from "./label.ts";

// biome-ignore format: read as a table
const CASES = [
  // typed                                        shown                               why
  ["linkedclaw-cli/1.0.0 on linux (host: box)",   "linkedclaw-cli/1.0.0 on linux (host: box)", "a plain one stays"],
  ["  two\n lines\t",                             "two lines",                         "one line"],
  ["safe\u202Etxt.exe",                           "safe txt.exe",                      "no turned writing"],
  ["a\u0000b\u200Bc",                             "a b c",                             "nothing unseen"],
  ["<b>bold</b>",                                 "<b>bold</b>",                       "pages escape, labels do not"],
  ["",                                            "a program",                         "never empty"],
  ["\u200B\u200B",                                "a program",                         "nor empty to the eye"],
] as const;

for (const [typed, shown, why] of CASES) {
  test(`a label: ${why}`, () => assert.equal(toLabel(typed, "a program"), shown));
}

test("a label is cut between characters, not within one", () => {
  assert.equal(Array.from(toLabel("🦉".repeat(500), "x")).length, LABEL_LENGTH_MAX);
  assert.equal(toLabel("x".repeat(10_000_000), "y").length, LABEL_LENGTH_MAX);
});
