import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "./fault.ts";
import { type VideoInput, type VideoOrder, videoOrderOf, waitMsAfter } from "./video.ts";

const NOTHING = { seconds: undefined, size: undefined, media: undefined };
const A = { url: "https://example.org/a.png" };

// biome-ignore format: read as a table
const ORDERS: readonly (readonly [VideoInput, Partial<VideoOrder> | string])[] = [
  [{},                              {}],
  [{ duration_ms: 1 },              { seconds: "4" }],
  [{ duration_ms: 4_000 },          { seconds: "4" }],
  [{ duration_ms: 4_001 },          { seconds: "8" }],
  [{ duration_ms: 12_000 },         { seconds: "12" }],
  [{ duration_ms: 12_001 },         "input.duration_ms"],
  [{ aspect_ratio: "16:9" },        { size: "1280x720" }],
  [{ aspect_ratio: "9:16" },        { size: "720x1280" }],
  [{ aspect_ratio: "1:1" },         "input.aspect_ratio"],
  [{ media: [A] },                  { media: A }],
  [{ media: [A, A] },               "input.media_urls"],
];

for (const [input, expected] of ORDERS) {
  test(`an interface is asked for ${JSON.stringify(input)}`, () => {
    const ask = () => videoOrderOf({ prompt: "A plane", ...input });
    if (typeof expected === "string") {
      assert.throws(ask, (error) => error instanceof Fault && error.facts?.field === expected);
    } else assert.deepEqual(ask(), { prompt: "A plane", ...NOTHING, ...expected });
  });
}

test("the more often a job was looked at, the longer until the next look, up to a bound", () => {
  const waits = Array.from({ length: 100 }, (_, tries) => waitMsAfter(tries));
  assert.deepEqual(
    waits,
    [...waits].sort((a, b) => a - b),
  );
  assert.equal(waits[0], 500);
  assert.equal(waits.at(-1), 15_000);
});
