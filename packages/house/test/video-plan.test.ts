/** What a video shows and when, without drawing it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CapabilityError } from "../src/index.ts";
import { planScenes, sizeOf, wordsIn } from "../src/video/plan.ts";

// biome-ignore format: read as a table
const SIZES = [
  [undefined, 1280, 720],
  ["16:9",    1280, 720],
  ["9:16",    720,  1280],
  ["1:1",     960,  960],
  ["4:3",     1108, 832],
  ["4:1",     1920, 480],
  ["1:4",     480,  1920],
  ["21:9",    1466, 628],
] as const;

for (const [aspect, width, height] of SIZES) {
  test(`a video of ${aspect ?? "no shape"} is ${width} x ${height}`, () => {
    assert.deepEqual(sizeOf(aspect), { width, height });
  });
}

for (const aspect of ["5:1", "1:5", "1:99999", "0:0", "nonsense"]) {
  test(`a video of ${aspect} is refused`, () => {
    assert.throws(
      () => sizeOf(aspect),
      (error) => error instanceof CapabilityError && error.code === "invalid_request",
    );
  });
}

// biome-ignore format: read as a table
const WORDS = [
  ["Morning in the Alps.",                             ["Morning in the Alps"]],
  ["One. Two! Three?",                                 ["One", "Two!", "Three?"]],
  ['Show "First light" and then “The summit”. Slowly.', ["First light", "The summit"]],
  ["第一句。第二句。",                                   ["第一句", "第二句"]],
  ["  spread \n over   lines ",                        ["spread", "over lines"]],
  ["!!! … ???",                                        []],
  ["<b>&amp;</b>",                                     ["<b>&amp;</b>"]],
] as const;

for (const [prompt, expected] of WORDS) {
  test(`what is written for ${JSON.stringify(prompt)}`, () => {
    assert.deepEqual(wordsIn(prompt), expected);
  });
}

test("a long text is cut between words, and says so", () => {
  const [text = ""] = wordsIn("word ".repeat(100));
  assert.ok(text.length <= 141 && text.endsWith("word…"), text);
  const [solid = ""] = wordsIn("字".repeat(1_000));
  assert.ok(solid.length <= 141 && solid.endsWith("…"), solid);
});

// biome-ignore format: read as a table
const PLANS: readonly (readonly [pictures: number, words: string[], askedMs: number | undefined, scenes: number, durationMs: number])[] = [
  [0,  [],              undefined, 1,  6_000],
  [0,  ["a"],           undefined, 1,  6_000],
  [0,  ["a", "b", "c"], undefined, 3,  9_600],
  [1,  ["a"],           undefined, 1,  6_000],
  [3,  ["a"],           undefined, 3,  9_600],
  [3,  ["a"],           5_000,     3,  5_000],
  [16, [],              2_000,     3,  2_000],
  [2,  [],              1,         1,  520],
  [1,  [],              600_000,   1,  600_000],
];

for (const [pictures, words, askedMs, scenes, durationMs] of PLANS) {
  test(`${pictures} pictures, ${words.length} texts, ${askedMs ?? "any"} ms`, () => {
    const board = planScenes(pictures, words, askedMs);
    assert.equal(board.scenes.length, scenes);
    assert.ok(Math.abs(board.durationMs - durationMs) <= 20, `${board.durationMs}`);
    assert.equal(board.scenes[0]?.start, 0);
    for (const [index, scene] of board.scenes.entries()) {
      const next = board.scenes[index + 1];
      // Each is there until the next one has faded in.
      const end = next ? next.start + board.fadeFrames : board.frames;
      assert.equal(scene.start + scene.frames, end);
      assert.equal(scene.picture, pictures > 0 ? index : undefined);
    }
  });
}
