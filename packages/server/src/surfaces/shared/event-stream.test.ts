import assert from "node:assert/strict";
import { test } from "node:test";
import { eventBody, eventText } from "./event-stream.ts";

const OPTIONS = { keepAliveMs: 60_000, onGone: () => undefined };

test("a stream hands its texts on, and leaves no timer behind for each", async (t) => {
  const begun = t.mock.method(globalThis, "setTimeout");
  const ended = t.mock.method(globalThis, "clearTimeout");
  async function* texts() {
    for (let count = 0; count < 100; count++) yield eventText("piece", { count });
  }
  const text = await new Response(eventBody(texts(), OPTIONS)).text();
  assert.equal(text.split("event: piece").length - 1, 100);
  assert.ok(begun.mock.callCount() >= 100);
  assert.equal(ended.mock.callCount(), begun.mock.callCount());
});

test("while there is nothing to say it says so, and a reader who goes is told of", async () => {
  let hasGone = false;
  const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
  async function* texts() {
    await silence;
    yield "late";
  }
  const body = eventBody(texts(), { keepAliveMs: 5, onGone: () => (hasGone = true) });
  const reader = body.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  assert.equal(await read(), ": keep-alive\n\n");
  speak();
  let text = await read();
  while (text === ": keep-alive\n\n") text = await read();
  assert.equal(text, "late");
  await reader.cancel();
  assert.equal(hasGone, true);
});
