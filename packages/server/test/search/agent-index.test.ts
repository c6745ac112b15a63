import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { createAgentSearcher } from "../../src/core/agent-search.ts";
import type { AgentDocument, AgentIndex } from "../../src/core/ports.ts";
import { createLog } from "../../src/lib/log.ts";
import { createAgentIndex } from "../../src/outbound/search/agent-index.ts";

const log = createLog("silent");

function openIndex(t: TestContext): AgentIndex {
  const index = createAgentIndex({ log, semanticTimeoutMs: 60_000 });
  t.after(() => index.close());
  return index;
}

async function find(index: AgentIndex, intent: string, candidates?: ReadonlySet<string>) {
  const searcher = createAgentSearcher({ index, reranker: undefined, log });
  return (await searcher.search({ intent, candidates, limit: 10 })).map(({ id }) => id);
}

function agent(id: string, capability: string, description: string): AgentDocument {
  return { id, name: id, description, capabilities: [{ slug: capability, description }] };
}

const SKY = agent("sky", "weather_forecast", "Rain, wind and sunshine for the next ten days.");
const OVEN = agent("oven", "recipe_suggestion", "What to cook with what is in the fridge.");
const WING = agent("wing", "flight_search", "Compares air fares between airports.");

test("an agent is found by its words as soon as it is handed in", async (t) => {
  const index = openIndex(t);
  index.upsert(SKY);
  index.upsert(OVEN);
  // The model is still being loaded: this is BM25 alone.
  assert.deepEqual(await find(index, "will there be rain"), ["sky"]);
  assert.deepEqual(await find(index, "weather forecast"), ["sky"]);
  assert.deepEqual(await find(index, "明天天气"), ["sky"]);
});

test("an agent is found by its meaning a little later", async (t) => {
  const index = openIndex(t);
  for (const document of [SKY, OVEN, WING]) index.upsert(document);
  await index.settled();
  const { lexical, semantic } = await index.match({
    intent: "do I need a coat outdoors",
    count: 10,
  });
  assert.deepEqual(lexical, []);
  assert.equal(semantic[0]?.id, "sky");
});

test("the index follows changes and removals", async (t) => {
  const index = openIndex(t);
  index.upsert(agent("a", "recipe_suggestion", "Pancakes and soup."));
  index.upsert(WING);
  await index.settled();
  assert.equal((await find(index, "pancakes"))[0], "a");

  index.upsert(agent("a", "chess_analysis", "Comments on a game of chess."));
  await index.settled();
  const before = await index.match({ intent: "pancakes", count: 10 });
  assert.deepEqual(before.lexical, []);
  assert.equal((await find(index, "look at my last chess match"))[0], "a");

  index.remove("a");
  index.remove("a");
  index.remove("never-there");
  await index.settled();
  assert.equal(index.find("a"), undefined);
  assert.ok(!(await find(index, "chess game")).includes("a"));

  index.upsert(agent("a", "recipe_suggestion", "Pancakes and soup."));
  await index.settled();
  assert.equal((await find(index, "pancakes"))[0], "a");
});

test("only candidates are found, by words and by meaning", async (t) => {
  const index = openIndex(t);
  for (const document of [SKY, OVEN, WING]) index.upsert(document);
  await index.settled();
  const wanted = "is the weather good for air travel";
  assert.ok((await find(index, wanted)).includes("sky"));
  assert.deepEqual(await find(index, wanted, new Set(["wing", "unknown"])), ["wing"]);
  assert.deepEqual(await find(index, wanted, new Set()), []);
});

test("strange wishes get an answer, and no harm is done", async (t) => {
  const index = openIndex(t);
  for (const document of [SKY, OVEN, WING]) index.upsert(document);
  await index.settled();
  for (const nothing of ["", "   ", "?!… --- ///", "😀🎉", "\u0000\u0001", "。，！"]) {
    assert.deepEqual(await find(index, nothing), [], JSON.stringify(nothing));
  }
  const stranger = [
    "x".repeat(10_000),
    "weather ".repeat(1_250),
    "天气".repeat(5_000),
    "weather 😀🎉 \ud83d",
    "constructor __proto__ toString hasOwnProperty",
    "' or 1=1; drop table agents; --",
    "a.*(b+)+$[",
    "\u202eweather\u202c",
    "الطقس อากาศ погода καιρός",
  ];
  for (const intent of stranger) {
    assert.ok(Array.isArray(await find(index, intent)), intent.slice(0, 40));
  }
  assert.equal((await find(index, "weather ".repeat(1_250)))[0], "sky");
  assert.equal((await find(index, "will it rain"))[0], "sky");
});

test("strange listings do no harm either", async (t) => {
  const index = openIndex(t);
  index.upsert(agent("empty", "x", "…"));
  index.upsert(agent("proto", "__proto__", "constructor"));
  index.upsert(agent("long", "chess_analysis", "chess ".repeat(680)));
  index.upsert(SKY);
  await index.settled();
  assert.equal((await find(index, "constructor"))[0], "proto");
  assert.equal((await find(index, "chess"))[0], "long");
  assert.equal((await find(index, "will it rain"))[0], "sky");
});

test("when the embedding thread dies, BM25 answers alone until a new one has caught up", async (t) => {
  const threads: Worker[] = [];
  const note = (thread: Worker) => void threads.push(thread);
  process.on("worker", note);
  t.after(() => process.off("worker", note));
  const index = openIndex(t);
  for (const document of [SKY, OVEN, WING]) index.upsert(document);
  await index.settled();

  const asked = index.match({ intent: "will there be rain", count: 10 });
  await threads[0]?.terminate();
  // The search that was under way is answered, with meaning or without.
  assert.equal((await asked).lexical[0]?.id, "sky");
  const alone = await index.match({ intent: "will there be rain", count: 10 });
  assert.equal(alone.lexical[0]?.id, "sky");
  assert.deepEqual(alone.semantic, []);
  index.remove("oven");

  await index.settled();
  assert.equal(threads.length, 2);
  const again = await index.match({ intent: "do I need a coat outdoors", count: 10 });
  assert.equal(again.semantic[0]?.id, "sky");
  assert.ok(!again.semantic.some(({ id }) => id === "oven"));
});
