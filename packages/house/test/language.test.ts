import assert from "node:assert/strict";
import { test } from "node:test";
import { refuses, run } from "./support/house.ts";

const dot = (a: readonly number[] = [], b: readonly number[] = []) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

async function embed(texts: readonly string[], truncate?: boolean) {
  const output = await run("embeddings", { texts, ...(truncate !== undefined && { truncate }) });
  return output as { shape: number[]; data: number[][]; truncated: boolean[]; model: string };
}

test("vectors have length 1, and texts alike in meaning are nearer", async () => {
  const { shape, data, truncated, model } = await embed([
    "How old are you?",
    "What is your age?",
    "The ferry leaves at noon.",
  ]);
  assert.deepEqual(shape, [3, 512]);
  assert.deepEqual(truncated, [false, false, false]);
  assert.equal(model, "universal-sentence-encoder-lite");
  for (const vector of data) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3);
  const [age, years, ferry] = data;
  assert.ok(dot(age, years) > dot(age, ferry) + 0.3);
});

test("a text has the same vector alone and among others", async () => {
  const text = "Salt is stored dry.";
  const { data: alone } = await embed([text]);
  const { data: among } = await embed([...Array(40).fill("Other words, and more of them."), text]);
  assert.ok(dot(alone[0], among[40]) > 0.9999);
});

test("texts that are too long are cut and marked, or refused where they may not be cut", async () => {
  const long = "one two three four five six seven eight nine ten ".repeat(100).trim();
  const { truncated, data } = await embed(["short", long]);
  assert.deepEqual(truncated, [false, true]);
  const { data: start } = await embed([long.slice(0, 1_000)]);
  assert.ok(dot(data[1], start[0]) > 0.9999, "what lies past the limit has no say");
  await refuses("invalid_request", /texts\[1\] has \d+ tokens/, embed(["short", long], false));
});

test("any text has a vector: other scripts, emoji, broken surrogates, blanks", async () => {
  const strange = ["你好", "🚢".repeat(2_000), "\ud800", " ", "\u0000", "ﷺ".repeat(500), "e\u0301"];
  const { data } = await embed(strange);
  assert.equal(data.length, strange.length);
  for (const vector of data) assert.ok(vector.every(Number.isFinite));
});

test("128 texts fit into one answer", async () => {
  const { data } = await embed(Array.from({ length: 128 }, (_, index) => `Text number ${index}`));
  assert.ok(Buffer.byteLength(JSON.stringify(data)) < 900_000);
});

async function rank(query: string, documents: readonly string[], top_k?: number) {
  const output = await run("reranker", { query, documents, ...(top_k && { top_k }) });
  return output as {
    results: { index: number; score: number; document: string }[];
    response: { id: number; score: number }[];
  };
}

test("documents that answer the query come first, by meaning as well as by words", async () => {
  const documents = [
    "Opening hours are nine to five.",
    "Credentials can be changed in the account settings.",
    "Use the link 'forgot password' to reset it.",
    "The harbour is closed in winter.",
  ];
  const { results, response } = await rank("How do I reset my password?", documents);
  assert.deepEqual(
    results.slice(0, 2).map(({ index }) => index),
    [2, 1],
  );
  assert.equal(results[0]?.document, documents[2]);
  assert.deepEqual(
    response,
    results.map(({ index, score }) => ({ id: index, score })),
  );
  const scores = results.map(({ score }) => score);
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
});

test("a query in Chinese is answered by shared words", async () => {
  const documents = ["营业时间是九点到五点", "点击忘记密码链接可以重置密码", "港口冬天关闭"];
  const { results } = await rank("如何重置密码", documents, 1);
  assert.deepEqual(
    results.map(({ index }) => index),
    [1],
  );
});

test("the answer may stand anywhere in a long document", async () => {
  const filler = "The weather was fair and the gulls were loud. ".repeat(40);
  const documents = [filler, `${filler}The password is reset on the login page. ${filler}`];
  const { results } = await rank("Where is a password reset?", documents);
  assert.equal(results[0]?.index, 1);
});
