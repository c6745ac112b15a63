/** Work in threads: it neither delays the process that holds the connection nor harms other work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { strToU8 } from "fflate";
import { fileNamed, refuses, run } from "./support/house.ts";

const convert = (name: string, html: string) =>
  run("markdown_convert", { file: fileNamed(name, strToU8(html)) });

test("while a document is read, the process goes on with its other duties", async () => {
  let beats = 0;
  const heart = setInterval(() => {
    beats += 1;
  }, 5);
  await convert("a.html", `<html><table>${`<tr>${"<td>x".repeat(40)}`.repeat(4_000)}`);
  clearInterval(heart);
  assert.ok(beats > 10, `${beats} beats`);
});

test("a document that takes all of its thread's memory fails alone", async () => {
  const hostile = convert("b.html", `<html>${"<p>x".repeat(2_400_000)}`);
  const refusal = refuses("invalid_file", /more memory/, hostile);
  const others = Array.from({ length: 4 }, (_, index) => {
    return convert(`c${index}.html`, `<html><h1>Number ${index}</h1>`);
  });
  const converted = await Promise.all(others);
  assert.deepEqual(
    converted.map(({ markdown }) => markdown),
    others.map((_, index) => `# Number ${index}`),
  );
  await refusal;
});

test("documents, texts and pictures are worked on at once", async () => {
  const [document, vectors, tags] = await Promise.all([
    run("markdown_convert", { file: fileNamed("placed.pdf") }),
    run("embeddings", { texts: ["a ship"] }),
    run("image_tagging", { image: fileNamed("coffee.jpg") }),
  ]);
  assert.match(String(document.markdown), /^# Harbour report/);
  assert.deepEqual(vectors.shape, [1, 512]);
  assert.ok(Array.isArray(tags.tags) && tags.tags.length > 0);
  const again = await run("embeddings", { texts: ["a ship"] });
  assert.deepEqual(again, vectors);
});

test("of many runs at once, those that are cancelled end and the others are answered", async () => {
  const aborts = Array.from({ length: 12 }, () => new AbortController());
  const runs = aborts.map(({ signal }, index) =>
    run("embeddings", { texts: [`text ${index}`] }, signal),
  );
  const cancelled = runs.filter((_, index) => index % 3 === 0);
  aborts.forEach((abort, index) => {
    if (index % 3 === 0) abort.abort();
  });
  for (const each of cancelled) await refuses("cancelled", /cancelled/, each);
  const answered = await Promise.all(runs.filter((_, index) => index % 3 !== 0));
  assert.equal(answered.length, 8);
});
