import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { type ModelWorld, type Posted, startModelWorld } from "./support.ts";

const HELLO = { model: "oa/gpt", messages: [{ role: "user", content: "Hello!" }] };
const MESSAGE = { model: "an/claude", max_tokens: 50, messages: HELLO.messages };
const CHAT = "/v1/chat/completions";

/** What every refusal leaves behind: nothing asked, nothing held, nothing paid. */
async function shownUntouched(world: ModelWorld, before: bigint, what: string): Promise<void> {
  assert.equal(world.upstream.asked.length, 0, `${what}: an interface was asked`);
  const { postedMicros, heldMicros } = await world.wallet();
  assert.deepEqual([postedMicros, heldMicros], [before, 0n], what);
}

function openaiCode({ json }: Posted): string {
  assert.deepEqual(Object.keys(json.error), ["message", "type", "param", "code"]);
  return json.error.code as string;
}

/** A user's message of these parts, whose answer is one token: what is held is for the input. */
const ask = (content: readonly object[]) => ({
  ...{ model: "an/claude", max_tokens: 1 },
  messages: [{ role: "user", content }],
});
const LETTERS = "a_b_".repeat(25_000);
const TOOL = { type: "tool_use", id: "toolu_1", name: "look" };
const HIDDEN = { type: "image", source: { type: "base64", data: LETTERS } };
// biome-ignore format: read as a table
const UNDERSTATED: readonly (readonly [path: string, what: string, body: object])[] = [
  ["/v1/messages", "text that is named like a picture", ask([{ type: "document", source: { type: "text", media_type: "text/plain", data: LETTERS } }])],
  ["/v1/messages", "a picture that is a tool's input",  { ...ask([]), messages: [{ role: "assistant", content: [{ ...TOOL, input: HIDDEN }] }] }],
  ["/v1/messages", "a document, wherever it is",        ask([{ type: "document", source: { type: "url", url: "https://a.example/b.pdf" } }])],
  ["/v1/messages", "a small document of many pages",    ask([{ type: "document", source: { type: "base64", media_type: "application/pdf", data: "AAAA" } }])],
  [CHAT,           "pictures by their addresses",       ask(Array(10).fill({ type: "image_url", image_url: { url: "https://a.example/b.png" } }))],
  [CHAT,           "small files of large pictures",     ask(Array(10).fill({ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }))],
];

test("what is held is what the input may come to, whatever it is called", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  for (const [path, what, body] of UNDERSTATED) {
    // Of input alone; each of them may come to more than 0.06.
    const answer = await world.post(path, body, { "x-guildhall-max-usd": "0.06" });
    assert.equal(answer.status, 402, `${what}: ${answer.text}`);
    await shownUntouched(world, postedMicros, what);
  }
  const picture = { type: "image", source: { type: "base64", data: LETTERS } };
  const fair = await world.post("/v1/messages", ask([picture]), { "x-guildhall-max-usd": "0.06" });
  assert.equal(fair.status, 200, fair.text);
});

test("requests that are no requests are refused, each wire in its own words, and cost nothing", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  const tool = (type: string) => ({ ...HELLO, tools: [{ type }] });
  // biome-ignore format: read as a table
  const chats: readonly (readonly [what: string, body: unknown])[] = [
    ["no JSON",                "{"],
    ["nothing",                ""],
    ["no object",              "[]"],
    ["null",                   "null"],
    ["no UTF-8",               Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["a byte order mark",      `\uFEFF${JSON.stringify(HELLO)}`],
    ["a model twice",          '{"model":"oa/gpt","messages":[{"role":"user","content":"a"}],"model":"oa/slow"}'],
    ["a model twice, hidden",  '{"model":"oa/gpt","messages":[{"role":"user","content":"a"}],"mod\\u0065l":"oa/slow"}'],
    ["deep nesting",           `{"model":"oa/gpt","messages":${"[".repeat(5_000)}${"]".repeat(5_000)}}`],
    ["no model",               { messages: HELLO.messages }],
    ["a model that is a number", { ...HELLO, model: 7 }],
    ["no messages",            { model: "oa/gpt" }],
    ["empty messages",         { model: "oa/gpt", messages: [] }],
    ["messages of text",       { model: "oa/gpt", messages: ["hello"] }],
    ["a stream that is a word", { ...HELLO, stream: "yes" }],
    ["a limit below one",      { ...HELLO, max_tokens: 0 }],
    ["a limit with a fraction", { ...HELLO, max_tokens: 1.5 }],
    ["two limits",             { ...HELLO, max_tokens: 5, max_completion_tokens: 5_000 }],
    ["many answers",           { ...HELLO, n: 1_000 }],
    ["half an answer",         { ...HELLO, n: 0.5 }],
    ["another tier",           { ...HELLO, service_tier: "priority" }],
    ["a search that costs",    { ...HELLO, web_search_options: {} }],
    ["a tool of theirs",       tool("web_search")],
    ["an answer in pictures",  { ...HELLO, modalities: ["image", "text"] }],
    ["other models behind it", { ...HELLO, models: ["oa/dear"] }],
    ["a plugin that costs",    { ...HELLO, plugins: [{ id: "web" }] }],
    ["a seller of its choice", { ...HELLO, provider: { only: ["dear"] } }],
    ["a file kept elsewhere",  { ...HELLO, messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }] }],
    ["stream options of text", { ...HELLO, stream: true, stream_options: "all" }],
  ];
  for (const [what, body] of chats) {
    const answer = await world.post(CHAT, body);
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
    assert.equal(openaiCode(answer), "invalid_request", what);
    await shownUntouched(world, postedMicros, what);
  }
  // biome-ignore format: read as a table
  const others: readonly (readonly [path: string, what: string, body: unknown])[] = [
    ["/v1/embeddings", "no input",           { model: "oa/gpt" }],
    ["/v1/embeddings", "an empty input",     { model: "oa/gpt", input: "" }],
    ["/v1/embeddings", "mixed inputs",       { model: "oa/gpt", input: ["a", 1] }],
    ["/v1/embeddings", "another format",     { model: "oa/gpt", input: "a", encoding_format: "hex" }],
    ["/v1/responses",  "no input",           { model: "oa/gpt" }],
    ["/v1/responses",  "somebody's answer",  { model: "oa/gpt", input: "a", previous_response_id: "resp_1" }],
    ["/v1/responses",  "the background",     { model: "oa/gpt", input: "a", background: true }],
    ["/v1/responses",  "a tool of theirs",   { model: "oa/gpt", input: "a", tools: [{ type: "web_search" }] }],
    ["/v1/responses",  "a file kept elsewhere", { model: "oa/gpt", input: [{ role: "user", content: [{ type: "input_image", file_id: "file-1" }] }] }],
    ["/v1/responses",  "an item of no kind", { model: "oa/gpt", input: [{ type: "what" }] }],
  ];
  for (const [path, what, body] of others) {
    const answer = await world.post(path, body);
    assert.equal(answer.status, 400, `${path}, ${what}: ${answer.text}`);
    assert.equal(openaiCode(answer), "invalid_request", what);
    assert.equal(await world.spentSince(postedMicros), 0n);
  }
  // biome-ignore format: read as a table
  const messages: readonly (readonly [what: string, body: unknown])[] = [
    ["no JSON",             "{"],
    ["no limit",            { ...MESSAGE, max_tokens: undefined }],
    ["no messages",         { ...MESSAGE, messages: [] }],
    ["a tool of theirs",    { ...MESSAGE, tools: [{ type: "web_search_20250305", name: "web_search" }] }],
    ["servers of others",   { ...MESSAGE, mcp_servers: [] }],
    ["a dearer speed",      { ...MESSAGE, speed: "fast" }],
    ["another tier",        { ...MESSAGE, service_tier: "priority" }],
  ];
  for (const [what, body] of messages) {
    const answer = await world.post("/v1/messages", body);
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
    const { type, error } = answer.json;
    assert.deepEqual([type, error.type], ["error", "invalid_request_error"], what);
    assert.equal(await world.spentSince(postedMicros), 0n);
  }
  assert.equal(world.upstream.asked.length, 0);
});

test("what cannot be said in another interface's words is refused before it is asked", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  // biome-ignore format: read as a table
  const cases: readonly (readonly [what: string, path: string, body: object])[] = [
    ["two answers",         CHAT, { ...HELLO, model: "an/claude", n: 2 }],
    ["a role of nobody",    CHAT, { ...HELLO, model: "ge/flash", messages: [{ role: "king", content: "a" }] }],
    ["content of a number", CHAT, { ...HELLO, model: "an/claude", messages: [{ role: "user", content: 7 }] }],
    ["an answer to nobody", CHAT, { ...HELLO, model: "ge/flash", messages: [{ role: "tool", tool_call_id: "x", content: "a" }] }],
    ["arguments of no JSON", CHAT, { ...HELLO, model: "an/claude", messages: [
      { role: "assistant", tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{" } }] },
    ] }],
    ["vectors of a talker", "/v1/embeddings", { model: "an/claude", input: "a" }],
    ["a block of no kind",  "/v1/messages", { ...MESSAGE, model: "oa/gpt", messages: [{ role: "user", content: [{ type: "what" }] }] }],
  ];
  for (const [what, path, body] of cases) {
    const answer = await world.post(path, body);
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
    assert.equal(await world.spentSince(postedMicros), 0n, what);
  }
  assert.equal(world.upstream.asked.length, 0);
  await world.verify();
});

test("who is not known, has no money, or may not spend it is told so, and nobody is asked", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  const strange = await world.post(CHAT, HELLO, { authorization: "Bearer sk-nobody" });
  assert.deepEqual([strange.status, openaiCode(strange)], [401, "invalid_api_key"]);
  const none = await world.post("/v1/messages", MESSAGE, { authorization: "" });
  assert.deepEqual([none.status, none.json.error.type], [401, "authentication_error"]);

  // 4,000,000 tokens at 20 US dollars a million are 80, and twice that is more than there is.
  const dear = await world.post(CHAT, { ...HELLO, max_tokens: 4_000_000, n: 2 });
  assert.deepEqual([dear.status, openaiCode(dear)], [402, "insufficient_funds"]);
  const dearMessage = await world.post("/v1/messages", { ...MESSAGE, max_tokens: 8_000_000 });
  assert.deepEqual([dearMessage.status, dearMessage.json.error.type], [402, "billing_error"]);

  const limited = await world.hall.member("bob@example.com", { daily_usd: "0.01" });
  const bob = { authorization: `Bearer ${limited.key}` };
  const over = await world.post(CHAT, { ...HELLO, max_tokens: 1_000 }, bob);
  assert.deepEqual([over.status, openaiCode(over)], [402, "spend_limit_reached"]);

  const little = { "x-guildhall-max-usd": "0.000001" };
  const capped = await world.post(CHAT, HELLO, little);
  assert.deepEqual([capped.status, openaiCode(capped)], [402, "budget_exceeded"]);
  const wrong = await world.post(CHAT, HELLO, { "x-guildhall-max-usd": "much" });
  assert.equal(wrong.status, 400);
  await shownUntouched(world, postedMicros, "refused");

  const enough = await world.post(
    CHAT,
    { ...HELLO, max_tokens: 5_000 },
    { "x-guildhall-max-usd": "0.02" },
  );
  assert.equal(enough.status, 200);
  assert.ok(world.upstream.last().body.max_tokens < 1_000, "the limit goes along as fewer tokens");
  assert.equal(await world.spentSince(postedMicros), 4_000n);
});

test("a body without an end is not waited for, nor one that is too large read", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  const large = Buffer.alloc(20 * 1024 * 1024 + 1, 0x20);
  const refused = await world.post(CHAT, large);
  assert.deepEqual([refused.status, openaiCode(refused)], [413, "request_too_large"]);
  const { hostname, port } = new URL(world.hall.url);
  const socket = connect(Number(port), hostname);
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${world.member.key}\r\n`;
  socket.write(`${head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"model":`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  const gone = await world.post("/v1/chat/completions", HELLO);
  assert.equal(gone.status, 200, "others are answered");
  assert.equal(await world.spentSince(postedMicros), 4_000n);
  assert.doesNotMatch(world.hall.output(), /"level":50/);
});

test("other methods are told what the paths answer to", async (t) => {
  const world = await startModelWorld(t, "any");
  for (const path of [CHAT, "/v1/responses", "/v1/embeddings", "/v1/messages"]) {
    const response = await fetch(world.hall.url + path);
    assert.equal(response.status, 405, path);
    assert.equal(response.headers.get("allow"), "POST");
    await response.body?.cancel();
  }
});
