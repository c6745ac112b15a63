/** Answers of an OpenAI-compatible interface that are not quite what the shape says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OPENAI_WIRE } from "../../src/outbound/upstream/openai/wire.ts";
import { anyCuts, cut, joined, readIn, requestOf, routeOf } from "./support.ts";

const DONE = "data: [DONE]\n\n";
const DIALECTS = ["chat", "messages"] as const;

function readerOf(dialect: (typeof DIALECTS)[number]) {
  return OPENAI_WIRE.reader(routeOf("openai"), requestOf(dialect, { stream: true }));
}

function chunk(delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", choices })}\n\n`;
}

test("a stream of nothing but its end is no answer", () => {
  for (const dialect of DIALECTS) {
    for (const text of [DONE, `: hello\n\n${DONE}`, "data: [DONE]"]) {
      const reader = readerOf(dialect);
      const { bytes, chunks } = readIn(reader, [Buffer.from(text)]);
      assert.equal(reader.failure?.code, "provider_bad_output", text);
      assert.equal(reader.isWhole, false);
      assert.deepEqual([bytes.includes("DONE"), chunks], [false, []]);
    }
  }
});

test("what comes after the end of a stream is no part of it", () => {
  const said = chunk({ content: "Hi" }) + chunk({}, "stop") + DONE;
  const more = `${chunk({ content: "and more" })}data: {"error":{"message":"no"}}\n\n${DONE}`;
  const bothWays = fc.property(anyCuts, (cuts) => {
    const pieces = cut(Buffer.from(said + more), cuts);
    const passed = readerOf("chat");
    const read = readIn(passed, pieces);
    assert.equal(read.bytes.toString(), said);
    assert.equal(read.textBytes, 2);
    assert.equal(passed.isWhole, true);
    const converted = readerOf("messages");
    assert.equal(joined(readIn(converted, pieces).chunks).content, "Hi");
    assert.equal(converted.isWhole, true);
  });
  fc.assert(bothWays);
});

const PARTS = [
  { type: "thinking", thinking: [{ type: "text", text: "They greet. " }], closed: true },
  { type: "thinking", thinking: "So do I." },
  { type: "text", text: "Hi" },
  { type: "reference", reference_ids: [1] },
  null,
  { type: "text", text: " there" },
];

test("what is said in parts is put together for a caller who speaks something else", () => {
  const reader = readerOf("messages");
  const text =
    chunk({ role: "assistant", content: PARTS }) + chunk({ content: "!" }, "stop") + DONE;
  const { chunks, textBytes } = readIn(reader, [Buffer.from(text)]);
  assert.deepEqual(
    chunks.map(({ choices }) => choices[0]?.delta),
    [
      { role: "assistant", content: "Hi there", reasoning_content: "They greet. So do I." },
      { content: "!" },
    ],
  );
  assert.ok(textBytes >= "They greet. Hi there!".length, "it is paid for");

  const message = { role: "assistant", content: PARTS };
  const whole = readerOf("messages").whole(
    Buffer.from(JSON.stringify({ choices: [{ index: 0, message, finish_reason: "stop" }] })),
  );
  assert.deepEqual(whole.response?.choices[0]?.message, {
    ...{ role: "assistant", content: "Hi there" },
    reasoning_content: "They greet. So do I.",
  });
});
