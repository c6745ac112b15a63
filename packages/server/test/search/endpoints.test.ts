/** The operator's own models: real HTTP servers on loopback stand in for them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createAgentSearcher } from "../../src/core/agent-search.ts";
import type { AgentDocument, AgentReranker } from "../../src/core/ports.ts";
import { createLog } from "../../src/lib/log.ts";
import { createAgentIndex } from "../../src/outbound/search/agent-index.ts";
import { createChatReranker } from "../../src/outbound/search/chat-reranker.ts";

const log = createLog("silent");

interface Asked {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: { model: string; input?: string[]; messages?: { content: string }[] };
}

/** An endpoint that answers with what `answer` says, and remembers what it was asked. */
async function serve(t: TestContext, answer: (asked: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const entry = {
      path: request.url,
      authorization: request.headers.authorization,
      body: JSON.parse(await bodyOf(request)),
    };
    asked.push(entry);
    answer(entry, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const endpoint = { url: `http://127.0.0.1:${port}/v1`, key: "sk-secret", model: "some-model" };
  return { endpoint, asked };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** A language model of three dimensions: sky, food, and everything else. */
function meaningOf(text: string): number[] {
  return [/rain|umbrella|伞/i.test(text) ? 1 : 0, /cook|hungry|soup/i.test(text) ? 1 : 0, 0.1];
}

function embed({ body }: Asked, response: ServerResponse): void {
  const data = (body.input ?? []).map((text, index) => ({ index, embedding: meaningOf(text) }));
  // In no particular order, as the interface allows.
  response.end(JSON.stringify({ data: data.reverse() }));
}

const AGENTS: readonly AgentDocument[] = [
  ["sky", "Rain for the next ten days."],
  ["oven", "What to cook today."],
  ["pot", "How to cook soup today."],
].map(([id = "", description = ""]) => ({
  id,
  name: id,
  description,
  capabilities: [{ slug: "advice", description }],
}));

test("embeddings come from the operator's endpoint, Chinese as it is written", async (t) => {
  const { endpoint, asked } = await serve(t, embed);
  const index = createAgentIndex({ log, endpoint, semanticTimeoutMs: 60_000 });
  t.after(() => index.close());
  for (const agent of AGENTS) index.upsert(agent);
  await index.settled();
  const { lexical, semantic } = await index.match({ intent: "我要带伞吗", count: 1 });
  assert.deepEqual(lexical, []);
  assert.equal(semantic[0]?.id, "sky");
  assert.deepEqual(asked.at(-1)?.body.input, ["我要带伞吗"]);
  assert.equal(asked[0]?.path, "/v1/embeddings");
  assert.equal(asked[0]?.authorization, "Bearer sk-secret");
  assert.equal(asked[0]?.body.model, "some-model");
});

test("while the endpoint fails BM25 answers; afterwards nothing is missing", async (t) => {
  let isUp = false;
  const { endpoint, asked } = await serve(t, (entry, response) => {
    if (isUp) return embed(entry, response);
    response.writeHead(entry.body.input?.length === 1 ? 500 : 200);
    response.end("{}");
  });
  const index = createAgentIndex({ log, endpoint, semanticTimeoutMs: 60_000 });
  t.after(() => index.close());
  for (const agent of AGENTS) index.upsert(agent);
  while (asked.length === 0) await setTimeout(10);
  const during = await index.match({ intent: "rain", count: 5 });
  assert.equal(during.lexical[0]?.id, "sky");
  assert.deepEqual(during.semantic, []);
  isUp = true;
  await index.settled();
  const afterwards = await index.match({ intent: "hungry", count: 2 });
  assert.deepEqual(afterwards.semantic.map(({ id }) => id).sort(), ["oven", "pot"]);
});

test("a chat model orders the best agents, told only what they say of themselves", async (t) => {
  const { endpoint, asked } = await serve(t, (_, response) => {
    const content = "Sure!\n```json\n[2, 99, 1, 2]\n```";
    response.end(JSON.stringify({ choices: [{ message: { content } }] }));
  });
  assert.deepEqual(await search(t, createChatReranker(endpoint, 60_000)), ["pot", "oven"]);
  assert.equal(asked[0]?.path, "/v1/chat/completions");
  assert.equal(asked[0]?.authorization, "Bearer sk-secret");
  const question = JSON.parse(asked[0]?.body.messages?.[1]?.content ?? "");
  assert.equal(question.request, "what to cook today");
  assert.equal(question.agents.length, 2);
});

// biome-ignore format: read as a table
const REFUSALS: readonly (readonly [why: string, answer: (response: ServerResponse) => void])[] = [
  ["refuses",                    (response) => response.writeHead(429).end("{}")],
  ["answers with no JSON",       (response) => response.end("<html>")],
  ["answers with prose",         (response) => response.end(JSON.stringify({ choices: [{ message: { content: "The first." } }] }))],
  ["answers with null",          (response) => response.end("null")],
  ["hangs up",                   (response) => response.destroy()],
  ["starts and never finishes",  (response) => { response.write("{"); }],
  ["never answers",              () => undefined],
];

for (const [why, answer] of REFUSALS) {
  test(`the order stays as it was when the chat model ${why}`, async (t) => {
    const { endpoint } = await serve(t, (_, response) => answer(response));
    assert.deepEqual(await search(t, createChatReranker(endpoint, 500)), ["oven", "pot"]);
  });
}

async function search(t: TestContext, reranker: AgentReranker): Promise<string[]> {
  const index = createAgentIndex({ log });
  t.after(() => index.close());
  for (const agent of AGENTS) index.upsert(agent);
  const searcher = createAgentSearcher({ index, reranker, log });
  const found = await searcher.search({ intent: "what to cook today", limit: 10 });
  return found.map(({ id }) => id);
}
