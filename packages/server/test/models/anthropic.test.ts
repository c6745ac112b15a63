import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { type ModelWorld, startModelWorld } from "./support.ts";

function clientOf({ hall, member }: ModelWorld): Anthropic {
  return new Anthropic({ apiKey: member.key, baseURL: hall.url, maxRetries: 0 });
}

const HELLO = [{ role: "user" as const, content: "Hello!" }];
const TOOLS = [{ name: "get_weather", input_schema: { type: "object" as const, properties: {} } }];

test("Anthropic's own client talks to its maker's models, and pays what was counted", async (t) => {
  const world = await startModelWorld(t, "any");
  const anthropic = clientOf(world);
  const { postedMicros } = await world.wallet();
  const asked = { model: "an/claude", max_tokens: 500, messages: HELLO };

  const answer = await anthropic.messages.create({ ...asked, system: "Be kind." });
  assert.deepEqual(answer.content, [{ type: "text", text: "Hello from Claude" }]);
  // 800 of input, 200 cached, 100 of output.
  assert.equal(await world.spentSince(postedMicros), 1_600n + 200n + 2_000n);
  const { headers, body } = world.upstream.last();
  assert.equal(headers["x-api-key"], "an-key");
  assert.equal(headers["anthropic-version"], "2023-06-01");
  assert.deepEqual(body, { ...asked, model: "claude", system: "Be kind." });

  const before = (await world.wallet()).postedMicros;
  const final = await anthropic.messages.stream({ ...asked, tools: TOOLS }).finalMessage();
  assert.deepEqual(
    final.content.map((block) => block.type),
    ["thinking", "text", "tool_use"],
  );
  const [, said, used] = final.content;
  assert.equal(said?.type === "text" && said.text, "Okay, let's check.");
  assert.deepEqual(used?.type === "tool_use" && used.input, { location: "San Francisco, CA" });
  assert.equal(final.stop_reason, "tool_use");
  // 572 of input, 200 cached, 89 of output.
  assert.equal(await world.spentSince(before), 1_144n + 200n + 1_780n);
  await world.verify();
});

test("models of other makers answer in the same words, at once and streamed", async (t) => {
  const world = await startModelWorld(t, "any");
  const anthropic = clientOf(world);
  for (const [model, said, streamed, reason] of [
    ["oa/gpt", "Hello! How can I help?", 'Grüße aus "Köln"\n🦊 \u2028', "end_turn"],
    ["ge/flash", "Hello from Gemini", "AI learns patterns", "tool_use"],
  ] as const) {
    const asked = { model, max_tokens: 500, messages: HELLO };
    const answer = await anthropic.messages.create(asked);
    assert.deepEqual(answer.content, [{ type: "text", text: said }], model);
    assert.equal(answer.usage.output_tokens, 100);
    const final = await anthropic.messages.stream(asked).finalMessage();
    const texts = final.content.flatMap((block) => (block.type === "text" ? block.text : []));
    assert.deepEqual(texts, [streamed], model);
    assert.equal(final.stop_reason, reason, model);
  }
  const called = await anthropic.messages.create({
    ...{ model: "oa/gpt", max_tokens: 500, tools: TOOLS, tool_choice: { type: "any" } },
    messages: [
      ...HELLO,
      {
        role: "assistant",
        content: [
          // From a model that signs nothing: it goes back to nobody.
          { type: "thinking", thinking: "Hm.", signature: "" },
          { type: "text", text: "Let me look." },
          { type: "tool_use", id: "t1", name: "get_weather", input: { at: "Köln" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: "rain", is_error: true },
          { type: "text", text: "Well?" },
        ],
      },
    ],
  });
  assert.deepEqual(called.content, [
    { type: "tool_use", id: "call_abc123", name: "get_weather", input: { location: "Boston, MA" } },
  ]);
  const { body } = world.upstream.last();
  assert.equal(body.tool_choice, "required");
  assert.deepEqual(body.messages, [
    { role: "user", content: "Hello!" },
    {
      role: "assistant",
      content: [{ type: "text", text: "Let me look." }],
      tool_calls: [
        {
          id: "t1",
          type: "function",
          function: { name: "get_weather", arguments: '{"at":"Köln"}' },
        },
      ],
    },
    { role: "tool", tool_call_id: "t1", content: "rain" },
    { role: "user", content: [{ type: "text", text: "Well?" }] },
  ]);
});

test("an answer that comes to what is held ends as one that came to its limit", async (t) => {
  const world = await startModelWorld(t, "any");
  // One is worded anew, and the other one goes through as it came.
  for (const model of ["oa/endless", "an/endless"]) {
    const { postedMicros } = await world.wallet();
    const asked = { model, max_tokens: 200, messages: HELLO };
    const final = await clientOf(world).messages.stream(asked).finalMessage();
    assert.equal(final.stop_reason, "max_tokens", model);
    assert.deepEqual(
      final.content.map(({ type }) => type),
      ["text"],
    );
    const spent = await world.spentSince(postedMicros);
    assert.ok(spent >= 4_000n && spent <= 4_200n, `${spent} micros`);
  }
});

test("refusals and failures have the types that the client tells them apart by", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  const anthropic = clientOf(world);
  const ask = (model: string, stream: boolean) =>
    anthropic.messages.create({ model, max_tokens: 50, messages: HELLO, stream });
  // biome-ignore format: read as a table
  const cases = [
    ["oa/refuses-400", Anthropic.BadRequestError, "invalid_request_error"],
    ["oa/refuses-429", Anthropic.InternalServerError, "overloaded_error"],
    ["oa/refuses-500", Anthropic.InternalServerError, "api_error"],
    ["oa/nobody",      Anthropic.NotFoundError, "not_found_error"],
  ] as const;
  for (const [model, kind, type] of cases) {
    for (const stream of [false, true]) {
      await assert.rejects(ask(model, stream), (error) => {
        assert.ok(error instanceof kind, `${model}: ${error}`);
        assert.match(JSON.stringify(error.error), new RegExp(`"type":"${type}"`), model);
        return true;
      });
    }
  }
  const stranger = new Anthropic({
    apiKey: "sk-ant-nobody",
    baseURL: world.hall.url,
    maxRetries: 0,
  });
  await assert.rejects(
    stranger.messages.create({ model: "an/claude", max_tokens: 50, messages: HELLO }),
    Anthropic.AuthenticationError,
  );
  assert.equal(await world.spentSince(postedMicros), 0n);
  await assert.rejects(async () => {
    for await (const _event of (await ask("oa/fails-midway", true)) as AsyncIterable<unknown>);
  }, Anthropic.APIError);
});
