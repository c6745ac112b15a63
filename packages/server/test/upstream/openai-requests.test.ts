/** What an interface of OpenAI's shape is sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest } from "../../src/domain/chat.ts";
import { OPENAI_WIRE } from "../../src/outbound/upstream/openai/wire.ts";
import { ENDPOINT, OPTIONS, requestOf, routeOf, sent } from "./support.ts";

test("a request of the interface's own wire is changed where it has to be and nowhere else", () => {
  const body =
    '{ "messages" : [{"role":"user","content":"a \\"model\\": \\u00e4"}],\n"model":"a/b" , "x": 1.0, "stream": true }';
  const request = { ...requestOf("chat", { model: "a/b", stream: true }), body: Buffer.from(body) };
  const encoded = OPENAI_WIRE.encode(routeOf("openai"), ENDPOINT, request, OPTIONS);
  assert.equal(encoded.url, "https://there.test/v1/chat/completions");
  assert.deepEqual(encoded.headers.slice(2, 4), ["authorization", "Bearer k"]);
  assert.equal(
    encoded.body.toString(),
    '{ "messages" : [{"role":"user","content":"a \\"model\\": \\u00e4"}],\n"model":"their-model" , "x": 1.0, "stream": true ,"stream_options":{"include_usage":true},"max_tokens":4096}',
  );
});

test("what would be kept in the operator's account is not", () => {
  const responses = requestOf("responses", { model: "a/b", input: "hi", store: true });
  const own = OPENAI_WIRE.encode(
    routeOf("openai", { hasResponses: true }),
    ENDPOINT,
    responses,
    OPTIONS,
  );
  assert.equal(own.url, "https://there.test/v1/responses");
  assert.deepEqual(sent(own.body), {
    model: "their-model",
    input: "hi",
    store: false,
    max_output_tokens: 4_096,
  });
});

test("what only other makers know stands in no message to OpenAI", () => {
  const thoughts = [{ type: "reasoning.text", text: "Hm.", signature: "s" }] as const;
  const talk: ChatRequest = {
    model: "a/b",
    messages: [
      { role: "assistant", content: "Wait.", reasoning_details: thoughts },
      { role: "tool", tool_call_id: "c1", content: "boom", is_error: true },
    ],
  };
  const request = requestOf("messages", { model: "a/b" }, talk);
  const messagesTo = (url: string) =>
    sent(OPENAI_WIRE.encode(routeOf("openai"), { ...ENDPOINT, url }, request, OPTIONS).body)
      .messages;
  const failed = { role: "tool", tool_call_id: "c1", content: "boom" };
  const said = { role: "assistant", content: "Wait." };
  assert.deepEqual(messagesTo("https://api.openai.com/v1"), [said, failed]);
  assert.deepEqual(messagesTo(ENDPOINT.url), [{ ...said, reasoning_details: thoughts }, failed]);
});
