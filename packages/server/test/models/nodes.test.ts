/** Models that somebody connected, asked by the wires of models' interfaces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { type Frame, type NodeClient, shout, startNode } from "../openmarlin/node.ts";
import { startModelWorld } from "./support.ts";

const MODEL = "acme/echo-1";

test("a program that connected answers OpenAI's and Anthropic's clients, at once and streamed", async (t) => {
  const world = await startModelWorld(t, "any");
  const { hall, member, owner } = world;
  const told: string[] = [];
  const run = (request: Frame, node: NodeClient): void => {
    told.push(request.instruction);
    if (request.instruction === "fail") {
      const error = { error: "broken", message: "It broke." };
      node.say({ type: "execution.error", request_id: request.request_id, ...error });
    } else shout(request, node);
  };
  await startNode(t, hall, owner.key, { models: [MODEL], run });
  await hall.admin("POST", "/prices", { model: MODEL, input_usd: "4", output_usd: "40" });
  const { postedMicros } = await world.wallet();

  const openai = new OpenAI({ apiKey: member.key, baseURL: `${hall.url}/v1`, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "hello there" }];
  const answer = await openai.chat.completions.create({ model: MODEL, messages });
  assert.equal(answer.choices[0]?.message.content, "HELLO THERE");
  const streamed = await openai.chat.completions
    .stream({ model: MODEL, messages })
    .finalChatCompletion();
  assert.equal(streamed.choices[0]?.message.content, "HELLO THERE");
  const anthropic = new Anthropic({ apiKey: member.key, baseURL: hall.url, maxRetries: 0 });
  const asked = { model: MODEL, max_tokens: 100, messages };
  const message = await anthropic.messages.stream(asked).finalMessage();
  assert.deepEqual(message.content, [{ type: "text", text: "HELLO THERE" }]);
  // Three times three tokens of input and three of output, by our own count.
  assert.equal(await world.spentSince(postedMicros), 3n * (3n * 4n + 3n * 40n));

  await anthropic.messages.create({ ...asked, system: "Be kind." });
  assert.deepEqual(told.slice(-1), ["system: Be kind.\n\nuser: hello there"]);
  const refusal = { role: "assistant" as const, content: null, refusal: "No." };
  await openai.chat.completions.create({ model: MODEL, messages: [...messages, refusal] });
  assert.deepEqual(told.slice(-1), ["user: hello there\n\nassistant: No."]);
  const before = (await world.wallet()).postedMicros;
  const failing = [{ role: "user" as const, content: "fail" }];
  for (const stream of [false, true]) {
    await assert.rejects(
      openai.chat.completions.create({ model: MODEL, messages: failing, stream }),
      (error) => error instanceof OpenAI.APIError && error.status === 502,
    );
  }
  const tools = [{ type: "function" as const, function: { name: "f" } }];
  await assert.rejects(
    openai.chat.completions.create({ model: MODEL, messages, tools }),
    OpenAI.BadRequestError,
  );
  await assert.rejects(
    openai.chat.completions.create({ model: MODEL, messages, n: 2 }),
    OpenAI.BadRequestError,
  );
  await assert.rejects(
    openai.embeddings.create({ model: MODEL, input: "a" }),
    OpenAI.NotFoundError,
  );
  assert.equal(await world.spentSince(before), 0n);
  await world.verify();
});
