import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { HOUSE_CAPABILITIES } from "../src/index.ts";
import { fileNamed, refuses, run } from "./support/house.ts";

for (const {
  slug,
  summary,
  description,
  inputSchema,
  outputSchema,
  priceCredits,
} of HOUSE_CAPABILITIES) {
  test(`${slug} is described so that a stranger can call it`, () => {
    const ajv = new Ajv2020({ strict: true, allErrors: true });
    formats.default(ajv);
    const takes = ajv.compile(inputSchema);
    ajv.compile(outputSchema);
    const examples = inputSchema.examples;
    assert.ok(Array.isArray(examples) && examples.length > 0, "has examples");
    for (const example of examples) assert.ok(takes(example), ajv.errorsText(takes.errors));
    assert.equal(inputSchema.additionalProperties, false);
    assert.ok(description.length > 100 && description.length <= 1024, `${description.length}`);
    assert.ok(summary.length <= 80);
    assert.ok(Number.isInteger(priceCredits) && priceCredits > 0);
  });
}

test("each slug is offered once", () => {
  const slugs = HOUSE_CAPABILITIES.map(({ slug }) => slug);
  assert.deepEqual(slugs, [
    "markdown_convert",
    "embeddings",
    "reranker",
    "image_tagging",
    "face-detect",
    "video",
  ]);
});

// biome-ignore format: read as a table
const MISFITS = [
  ["markdown_convert", {},                                                  /file/],
  ["markdown_convert", "text",                                              /object/],
  ["markdown_convert", { file: { mime: "text/html" } },                     /file/],
  ["markdown_convert", { file: "https://example.org/a.pdf" },               /file must be object/],
  ["markdown_convert", { file: fileNamed("plain.txt"), convert: true },     /"convert"/],
  ["markdown_convert", { file: fileNamed("plain.txt"), conversion_options: { first_page: 0 } }, /first_page/],
  ["embeddings",       { texts: [] },                                       /texts/],
  ["embeddings",       { texts: [""] },                                     /texts.0/],
  ["embeddings",       { texts: Array(129).fill("a") },                     /texts/],
  ["embeddings",       { texts: ["a".repeat(8193)] },                       /texts.0/],
  ["reranker",         { query: "q", documents: ["d"], top_k: 0 },          /top_k/],
  ["face-detect",      { image: 1 },                                        /image/],
  ["teleport",         {},                                                  /no capability "teleport"/],
] as const;

for (const [slug, input, message] of MISFITS) {
  test(`${slug} refuses ${JSON.stringify(input).slice(0, 60)} and says why`, async () => {
    await refuses("invalid_request", message, run(slug, input));
  });
}
