import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type ModelWorld, startModelWorld, USUAL_MICROS } from "./support.ts";

function clientOf({ hall, member }: ModelWorld): OpenAI {
  return new OpenAI({ apiKey: member.key, baseURL: `${hall.url}/v1`, maxRetries: 0 });
}

const HELLO = [{ role: "user" as const, content: "Hello!" }];
const WEATHER = {
  type: "function" as const,
  function: { name: "get_weather", parameters: { type: "object", properties: {} } },
};

for (const host of DATABASE_HOSTS) {
  test(`OpenAI's own client talks to models, and pays what was counted, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startModelWorld(t, host);
    const openai = clientOf(world);
    const { postedMicros } = await world.wallet();

    const answer = await openai.chat.completions.create({ model: "oa/gpt", messages: HELLO });
    assert.equal(answer.choices[0]?.message.content, "Hello! How can I help?");
    assert.equal(await world.spentSince(postedMicros), USUAL_MICROS);
    const asked = world.upstream.last();
    assert.equal(asked.headers.authorization, "Bearer oa-key");
    assert.deepEqual(asked.body, { model: "gpt", messages: HELLO, max_tokens: 4_096 });

    const called = await openai.chat.completions.create({
      model: "oa/gpt",
      messages: HELLO,
      tools: [WEATHER],
    });
    const [call] = called.choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(call?.type === "function" && call.function, {
      name: "get_weather",
      arguments: '{"location": "Boston, MA"}',
    });

    assert.equal(await world.spentSince(postedMicros), 2n * USUAL_MICROS);
    const before = (await world.wallet()).postedMicros;
    const stream = await openai.chat.completions.create({
      ...{ model: "oa/gpt", messages: HELLO, stream: true },
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage?.completion_tokens ?? usage;
    }
    assert.equal(text, 'Grüße aus "Köln"\n🦊 \u2028');
    assert.equal(usage, 46);
    // 93 of input, 1,024 cached and 46 of output.
    assert.equal(await world.spentSince(before), 186n + 1_024n + 920n);
    await world.verify();
  });
}

/** Events that a socket gives at once, at most: what was read together is handed on together. */
const ONE_READ = 1_000;

test("vectors are given as numbers and as the client asks for them by itself", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const { postedMicros } = await world.wallet();
  for (const model of ["oa/gpt", "ge/flash"]) {
    const plain = await openai.embeddings.create({
      model,
      input: "Hello",
      encoding_format: "float",
    });
    assert.deepEqual(plain.data[0]?.embedding, [0.5, 1], model);
    const packed = await openai.embeddings.create({ model, input: "Hello" });
    assert.deepEqual(packed.data[0]?.embedding, [0.5, 1], model);
  }
  // Twice 8 tokens that were reported, and twice 2 that were counted here.
  assert.equal(await world.spentSince(postedMicros), 40n);
});

test("models of other makers answer in the same words, at once and streamed", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  for (const [model, said, streamed] of [
    ["an/claude", "Hello from Claude", "Okay, let's check."],
    ["ge/flash", "Hello from Gemini", "AI learns patterns"],
  ] as const) {
    const answer = await openai.chat.completions.create({ model, messages: HELLO });
    assert.equal(answer.choices[0]?.message.content, said);
    assert.equal(answer.model, model);
    const runner = openai.chat.completions.stream({ model, messages: HELLO, tools: [WEATHER] });
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0]?.message.content, streamed);
    assert.equal(final.choices[0]?.finish_reason, "tool_calls");
    assert.equal(final.model, model);
  }
});

test("responses are answered by models that know only chats, at once and streamed", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  for (const [model, said] of [
    ["oa/gpt", "Hello! How can I help?"],
    ["an/claude", "Hello from Claude"],
  ] as const) {
    const answer = await openai.responses.create({
      model,
      input: "Hello!",
      instructions: "Be kind.",
    });
    assert.equal(answer.output_text, said);
    assert.equal(answer.usage?.total_tokens, 1_100);
    assert.equal(answer.status, "completed");
  }
  const asked = world.upstream.asked.at(-2);
  assert.deepEqual(asked?.body.messages, [
    { role: "system", content: "Be kind." },
    { role: "user", content: "Hello!" },
  ]);
  const stream = openai.responses.stream({ model: "an/claude", input: "Hello!" });
  const deltas: string[] = [];
  stream.on("response.output_text.delta", ({ delta }) => deltas.push(delta));
  const final = await stream.finalResponse();
  assert.equal(deltas.join(""), "Okay, let's check.");
  assert.equal(final.output_text, "Okay, let's check.");
  assert.deepEqual(
    final.output.map(({ type }) => type),
    ["reasoning", "message", "function_call"],
  );
});

test("a model that refuses to answer is heard in a response, at once and streamed", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const asked = { model: "oa/declines", input: "Hello!" };
  const stream = openai.responses.stream(asked);
  const deltas: string[] = [];
  stream.on("response.refusal.delta", ({ delta }) => deltas.push(delta));
  for (const answer of [await openai.responses.create(asked), await stream.finalResponse()]) {
    const [message] = answer.output;
    assert.ok(message?.type === "message", JSON.stringify(answer.output));
    const said = message.content.map((part) => part.type === "refusal" && part.refusal);
    assert.deepEqual(said, ["I will not say that."]);
  }
  assert.deepEqual(deltas, ["I ", "will ", "not ", "say ", "that."]);
});

test("responses of an interface that has them go through as they came", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const { postedMicros } = await world.wallet();
  const stream = openai.responses.stream({ model: "re/gpt", input: "Hello!" });
  assert.equal((await stream.finalResponse()).output_text, "Hi there!");
  const { path, body } = world.upstream.last();
  assert.equal(path, "/v1/responses");
  assert.deepEqual([body.model, body.store], ["gpt", false]);
  // 7 of input, 30 cached, 11 of output.
  assert.equal(await world.spentSince(postedMicros), 14n + 30n + 220n);

  const cut = await openai.responses.create({
    ...{ model: "re/endless", input: "Hello!", max_output_tokens: 200, stream: true },
  });
  const types: string[] = [];
  for await (const event of cut) types.push(event.type);
  assert.equal(types[0], "response.created");
  assert.equal(types.at(-1), "response.incomplete");
  const deltas = types.filter((type) => type === "response.output_text.delta").length;
  assert.ok(deltas >= 200 && deltas < 200 + ONE_READ, `${deltas} pieces came for 200`);
  await world.verify();
});

test("an answer that comes to what is held is cut there, and says so", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const { postedMicros } = await world.wallet();
  const stream = await openai.chat.completions.create({
    ...{ model: "oa/endless", messages: HELLO, stream: true, max_tokens: 200 },
  });
  let text = "";
  let finish: string | null | undefined;
  let last: object = {};
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    last = chunk;
  }
  assert.equal(finish, "length");
  assert.match(JSON.stringify(last), /"cut_at":"hold"/);
  const spent = await world.spentSince(postedMicros);
  const words = text.length / 4;
  assert.ok(words >= 200 && words < 200 + ONE_READ, `${words} words came for 200`);
  // 200 of output at 20, and an input of some twenty tokens.
  assert.ok(spent >= 4_000n && spent <= 4_200n, `${spent} micros`);
  for (let wait = 0; wait < 100 && !world.upstream.last().wasLeft; wait++) await sleep(20);
  assert.ok(world.upstream.last().wasLeft, "the interface goes on writing for nobody");
  await world.verify();
});

test("who goes away pays for what came, and the interface is told to stop", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const { postedMicros } = await world.wallet();
  const stream = await openai.chat.completions.create({
    ...{ model: "oa/slow", messages: HELLO, stream: true },
  });
  let words = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) words += 1;
    if (words === 20) break;
  }
  const spent = await world.spentSince(postedMicros);
  assert.ok(spent >= 20n * 20n && spent < 2_000n, `${spent} micros for about ${words} words`);
  for (let wait = 0; wait < 100 && !world.upstream.last().wasLeft; wait++) await sleep(20);
  assert.ok(world.upstream.last().wasLeft);
  await world.verify();
});

test("what fails before its first word costs nothing, and what fails later costs what came", async (t) => {
  const world = await startModelWorld(t, "any");
  const openai = clientOf(world);
  const { postedMicros } = await world.wallet();
  // biome-ignore format: read as a table
  const cases = [
    ["oa/refuses-400", 400, "invalid_request"],
    ["oa/refuses-401", 503, "model_unconfigured"],
    ["oa/refuses-429", 503, "model_overloaded"],
    ["oa/refuses-500", 502, "model_failed"],
    ["oa/nobody",      404, "model_not_found"],
  ] as const;
  for (const [model, status, code] of cases) {
    for (const stream of [false, true]) {
      await assert.rejects(
        openai.chat.completions.create({ model, messages: HELLO, stream }),
        (error) => {
          assert.ok(error instanceof OpenAI.APIError, `${model}: ${error}`);
          assert.deepEqual([error.status, error.code], [status, code], model);
          assert.doesNotMatch(error.message, /sk-secret/);
          // The interface said a minute: so are they told who ask meanwhile.
          const after = Number(error.headers?.get("retry-after") ?? 0);
          assert.equal(after > 50 && after <= 60, code === "model_overloaded", `${after} s`);
          return true;
        },
      );
    }
  }
  assert.equal(await world.spentSince(postedMicros), 0n);
  for (const model of ["oa/fails-midway", "oa/breaks"]) {
    const before = (await world.wallet()).postedMicros;
    const stream = await openai.chat.completions.create({ model, messages: HELLO, stream: true });
    let text = "";
    await assert.rejects(async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    }, OpenAI.APIError);
    assert.match(text, /^Hello/);
    const spent = await world.spentSince(before);
    assert.ok(spent > 0n && spent < 300n, `${spent} micros for "${text}"`);
  }
  await world.verify();
});

test("what is no answer, though its status says so, costs nothing; nor does a frame without a word", async (t) => {
  const world = await startModelWorld(t, "any");
  const { postedMicros } = await world.wallet();
  for (const model of ["odd-error", "odd-empty", "odd-list", "odd-cut", "odd-name"]) {
    const asked = [
      ["/v1/chat/completions", { model: `oa/${model}`, messages: HELLO }],
      ["/v1/embeddings", { model: `oa/${model}`, input: "hello" }],
      ...(model === "odd-name"
        ? []
        : ([["/v1/responses", { model: `ro/${model}`, input: "hello" }]] as const)),
    ] as const;
    for (const [path, body] of asked) {
      const { status, json } = await world.post(path, body);
      assert.deepEqual([status, json.error?.code], [502, "model_failed"], `${path} ${model}`);
    }
  }
  const stream = { model: "oa/breaks-at-once", messages: HELLO, stream: true };
  const { status, text } = await world.post("/v1/chat/completions", stream);
  assert.equal(status, 200);
  assert.match(text, /"code":"model_failed"/);
  assert.equal(await world.spentSince(postedMicros), 0n);
  await world.verify();
});
