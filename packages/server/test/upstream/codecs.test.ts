import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fault } from "../../src/domain/fault.ts";
import { anthropicWire } from "../../src/outbound/upstream/anthropic/wire.ts";
import { geminiWire } from "../../src/outbound/upstream/gemini/wire.ts";
import { OPENAI_WIRE } from "../../src/outbound/upstream/openai/wire.ts";
import {
  anyCuts,
  cut,
  ENDPOINT,
  fixture,
  joined,
  OPTIONS,
  readIn,
  requestOf,
  routeOf,
  sent,
} from "./support.ts";
import { TALK } from "./talk.ts";

const ANTHROPIC = anthropicWire(() => 1_700_000_000);
const GEMINI = geminiWire(() => 1_700_000_000);

test("a stream of the caller's own wire goes through as it came, and its usage is read", () => {
  const bytes = fixture("openai-stream.txt");
  const asked = { model: "a/b", stream: true, stream_options: { include_usage: true } };
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(bytes, places);
      const reader = OPENAI_WIRE.reader(routeOf("openai"), requestOf("chat", asked));
      const read = readIn(reader, pieces);
      assert.equal(reader.failure, undefined);
      assert.ok(read.bytes.equals(bytes));
      assert.deepEqual(reader.usage(), { inputTokens: 1117, cachedTokens: 1024, outputTokens: 46 });
      // What is escaped as \\uXXXX counts as two bytes.
      assert.equal(read.textBytes, Buffer.byteLength('Grüße aus "Köln"\n🦊 ') + 2);
    }),
    { numRuns: 60 },
  );
});

test("who did not ask for the usage is not sent it: some programs stumble over a chunk without a choice", () => {
  const bytes = fixture("openai-stream.txt");
  const expected = bytes.toString().replace(/data: [^\n]*"choices":\[\],[^\n]*\n\n/, "");
  assert.notEqual(expected.length, bytes.length);
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(bytes, places);
      const request = requestOf("chat", { model: "a/b", stream: true });
      const reader = OPENAI_WIRE.reader(routeOf("openai"), request);
      assert.equal(readIn(reader, pieces).bytes.toString(), expected);
      assert.equal(reader.usage()?.outputTokens, 46);
    }),
    { numRuns: 60 },
  );
});

test("a conversation with tools and pictures is said in Anthropic's words", () => {
  const request = requestOf("chat", { model: "a/b" }, TALK);
  const encoded = ANTHROPIC.encode(routeOf("anthropic"), ENDPOINT, request, OPTIONS);
  assert.equal(encoded.url, "https://there.test/v1/messages");
  assert.deepEqual(sent(encoded.body), {
    model: "their-model",
    max_tokens: 300,
    system: [{ type: "text", text: "Be brief." }],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "c1", name: "look", input: { at: "it" } },
          { type: "tool_use", id: "c2", name: "look", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          {
            type: "tool_result",
            tool_use_id: "c1",
            content: [{ type: "text", text: '{"seen":"a fox"}' }],
          },
          { type: "tool_result", tool_use_id: "c2", content: [{ type: "text", text: "nothing" }] },
          { type: "text", text: "Well?" },
        ],
      },
    ],
    temperature: 1,
    stop_sequences: ["END"],
    tools: [{ name: "look", description: "Looks.", input_schema: { type: "object" } }],
    tool_choice: { type: "any", disable_parallel_tool_use: true },
  });
});

test("the same conversation is said in Gemini's words", () => {
  const request = requestOf("chat", { model: "a/b", stream: true }, TALK);
  const encoded = GEMINI.encode(routeOf("gemini"), ENDPOINT, request, OPTIONS);
  assert.equal(
    encoded.url,
    "https://there.test/v1/models/their-model:streamGenerateContent?alt=sse",
  );
  assert.deepEqual(encoded.headers.slice(2), ["x-goog-api-key", "k"]);
  assert.deepEqual(sent(encoded.body), {
    contents: [
      {
        role: "user",
        parts: [{ text: "What is this?" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }],
      },
      {
        role: "model",
        parts: [
          { functionCall: { name: "look", args: { at: "it" } } },
          { functionCall: { name: "look", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { name: "look", response: { seen: "a fox" } } },
          { functionResponse: { name: "look", response: { output: "nothing" } } },
          { text: "Well?" },
        ],
      },
    ],
    systemInstruction: { parts: [{ text: "Be brief." }] },
    tools: [
      {
        functionDeclarations: [
          { name: "look", description: "Looks.", parametersJsonSchema: { type: "object" } },
        ],
      },
    ],
    toolConfig: { functionCallingConfig: { mode: "ANY" } },
    generationConfig: { maxOutputTokens: 300, temperature: 1.5, stopSequences: ["END"] },
  });
});

test("Anthropic's stream becomes chunks, thoughts with their signature and tools among them", () => {
  const bytes = fixture("anthropic-stream.txt");
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(bytes, places);
      const reader = ANTHROPIC.reader(routeOf("anthropic"), requestOf("chat", { stream: true }));
      const { chunks } = readIn(reader, pieces);
      assert.equal(reader.failure, undefined);
      const { usage, ...said } = joined(chunks);
      assert.deepEqual(said, {
        role: "assistant",
        content: "Okay, let's check.",
        reasoning: "Weather, then.",
        calls: [
          {
            id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
            name: "get_weather",
            json: '{"location": "San Francisco, CA"}',
          },
        ],
        finish: "tool_calls",
      });
      // What was read from a cache, and what was written to it, is input as well.
      assert.deepEqual(reader.usage(), { inputTokens: 772, cachedTokens: 200, outputTokens: 89 });
      assert.equal(usage?.prompt_tokens, 772);
    }),
    { numRuns: 60 },
  );
  const reader = ANTHROPIC.reader(routeOf("anthropic"), requestOf("chat", { stream: true }));
  const details = readIn(reader, [bytes]).chunks.flatMap(({ choices }) =>
    choices.flatMap(({ delta }) => delta.reasoning_details ?? []),
  );
  assert.deepEqual(details, [
    {
      type: "reasoning.text",
      text: "Weather, then.",
      signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds",
    },
  ]);
});

test("Anthropic's stream goes through as it came to whoever speaks Anthropic's wire", () => {
  const bytes = fixture("anthropic-stream.txt");
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(bytes, places);
      const reader = ANTHROPIC.reader(
        routeOf("anthropic"),
        requestOf("messages", { stream: true }),
      );
      const read = readIn(reader, pieces);
      assert.ok(read.bytes.equals(bytes));
      assert.deepEqual(reader.usage(), { inputTokens: 772, cachedTokens: 200, outputTokens: 89 });
      assert.equal(
        read.textBytes,
        Buffer.byteLength('Weather, then.Okay, let\'s check.{"location": "San Francisco, CA"}'),
      );
    }),
    { numRuns: 60 },
  );
});

test("Gemini's stream becomes chunks; what it thought is counted as output", () => {
  const bytes = fixture("gemini-stream.txt");
  fc.assert(
    fc.property(anyCuts, (places) => {
      const pieces = cut(bytes, places);
      const reader = GEMINI.reader(routeOf("gemini"), requestOf("chat", { stream: true }));
      const { chunks } = readIn(reader, pieces);
      assert.equal(reader.failure, undefined);
      const { usage, ...said } = joined(chunks);
      assert.deepEqual(said, {
        role: "assistant",
        content: "AI learns patterns",
        reasoning: "Thinking about it.",
        calls: [{ id: "call_kZ1haKrQ_0", name: "look_up", json: '{"topic":"AI"}' }],
        finish: "tool_calls",
      });
      assert.deepEqual(reader.usage(), { inputTokens: 12, cachedTokens: 3, outputTokens: 27 });
      assert.equal(usage?.completion_tokens_details?.reasoning_tokens, 18);
    }),
    { numRuns: 60 },
  );
});

test("a stream of responses goes through as it came, and its usage is read", () => {
  const bytes = fixture("responses-stream.txt");
  const route = routeOf("openai", { hasResponses: true });
  fc.assert(
    fc.property(anyCuts, (places) => {
      const reader = OPENAI_WIRE.reader(route, requestOf("responses", { stream: true }));
      const read = readIn(reader, cut(bytes, places));
      assert.equal(reader.failure, undefined);
      assert.ok(read.bytes.equals(bytes));
      assert.equal(read.textBytes, "Hi there!".length);
      assert.deepEqual(reader.usage(), { inputTokens: 37, cachedTokens: 30, outputTokens: 11 });
    }),
    { numRuns: 60 },
  );
  for (const failure of [
    '{"type":"error","code":"server_error","message":"It broke","param":null}',
    '{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"It broke"}}}',
  ]) {
    const reader = OPENAI_WIRE.reader(route, requestOf("responses", { stream: true }));
    readIn(reader, [bytes.subarray(0, bytes.indexOf("event: response.completed"))]);
    assert.equal(reader.failure?.code, "provider_failed", "without its end");
    const failed = OPENAI_WIRE.reader(route, requestOf("responses", { stream: true }));
    readIn(failed, [Buffer.from(`data: ${failure}\n\n`)]);
    assert.match(String(failed.failure?.message), /It broke/);
  }
});

test("a stream that ends before its answer does broke off, whatever it speaks", () => {
  const cases = [
    [OPENAI_WIRE, "openai", "chat", "openai-stream.txt", 900],
    [ANTHROPIC, "anthropic", "messages", "anthropic-stream.txt", 1_500],
    [ANTHROPIC, "anthropic", "chat", "anthropic-stream.txt", 1_500],
    [GEMINI, "gemini", "chat", "gemini-stream.txt", 300],
  ] as const;
  for (const [wire, kind, dialect, name, end] of cases) {
    const reader = wire.reader(routeOf(kind), requestOf(dialect, { stream: true }));
    readIn(reader, [fixture(name).subarray(0, end)]);
    assert.equal(reader.failure?.code, "provider_failed", `${kind} ${dialect}`);
    assert.equal(reader.usage(), undefined, `${kind} ${dialect}`);
  }
});

test("a failure inside an answer that began well is one, and what came before it is handed on", () => {
  const said = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n';
  const openai = Buffer.from(
    `${said}data: {"error":{"message":"The server had an error","code":500}}\n\ndata: [DONE]\n\n`,
  );
  const passed = OPENAI_WIRE.reader(routeOf("openai"), requestOf("chat", { stream: true }));
  assert.equal(readIn(passed, [openai]).bytes.toString(), said);
  assert.match(String(passed.failure?.message), /The server had an error/);
  const converted = OPENAI_WIRE.reader(routeOf("openai"), requestOf("messages", { stream: true }));
  assert.equal(joined(readIn(converted, [openai]).chunks).content, "Hi");
  assert.equal(converted.failure?.code, "provider_failed");
  const anthropic = Buffer.from(
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
  );
  for (const dialect of ["messages", "chat"] as const) {
    const reader = ANTHROPIC.reader(routeOf("anthropic"), requestOf(dialect, { stream: true }));
    assert.equal(readIn(reader, [anthropic]).bytes.length, 0);
    assert.match(String(reader.failure?.message), /Overloaded/);
  }
});

test("what an interface answers at once is read, and rubbish is refused", () => {
  const message = Buffer.from(
    '{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":7}}',
  );
  const reader = ANTHROPIC.reader(routeOf("anthropic"), requestOf("chat", {}));
  const [choice] = reader.whole(message).response?.choices ?? [];
  assert.deepEqual(choice, {
    index: 0,
    message: {
      role: "assistant",
      content: "Hi",
      tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
    },
    finish_reason: "tool_calls",
  });
  assert.deepEqual(reader.usage(), { inputTokens: 5, cachedTokens: 0, outputTokens: 7 });
  const rubbish = ["", "<html>", "[]", "null", "{}", '{"choices":[]}'];
  for (const [wire, kind, dialect] of [
    [OPENAI_WIRE, "openai", "messages"],
    [ANTHROPIC, "anthropic", "chat"],
    [ANTHROPIC, "anthropic", "messages"],
    [GEMINI, "gemini", "chat"],
  ] as const) {
    for (const text of rubbish) {
      const attempt = () =>
        wire.reader(routeOf(kind), requestOf(dialect, {})).whole(Buffer.from(text));
      assert.throws(
        attempt,
        (error) => error instanceof Fault && error.code === "provider_bad_output",
        `${kind}: ${text}`,
      );
    }
  }
});

test("vectors of an interface that speaks otherwise are read in the order of their texts", () => {
  const request = requestOf("embeddings", { model: "a/b", input: ["one", "two"] });
  const encoded = GEMINI.encode(routeOf("gemini"), ENDPOINT, request, OPTIONS);
  assert.equal(encoded.url, "https://there.test/v1/models/their-model:batchEmbedContents");
  const reader = GEMINI.reader(routeOf("gemini"), request);
  const piece = reader.whole(Buffer.from('{"embeddings":[{"values":[0.5,1]},{"values":[0,2]}]}'));
  assert.deepEqual(piece.embeddings?.vectors, [
    [0.5, 1],
    [0, 2],
  ]);
  assert.deepEqual(reader.usage(), { inputTokens: 2, cachedTokens: 0, outputTokens: 0 });
});

test("a caller is told what is wrong with its request, and nothing of the operator's keys", () => {
  const words = Buffer.from(
    '{"error":{"message":"Incorrect API key provided: sk-proj-abcdefgh12345"}}',
  );
  // biome-ignore format: read as a table
  const cases = [
    [400, "invalid_request"],       [401, "provider_unconfigured"], [403, "provider_unconfigured"],
    [404, "provider_unconfigured"], [408, "provider_timeout"],      [413, "invalid_request"],
    [422, "invalid_request"],       [429, "provider_busy"],         [500, "provider_failed"],
    [503, "provider_busy"],         [504, "provider_timeout"],      [529, "provider_busy"],
  ] as const;
  for (const [status, code] of cases) {
    const fault = OPENAI_WIRE.faultOf(status, words);
    assert.equal(fault.code, code, String(status));
    assert.doesNotMatch(fault.message, /sk-proj/, String(status));
  }
});
