/** A call that is asked for again under its own name is not made again, and not paid again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Posted, startModelWorld, USUAL_MICROS } from "./support.ts";

const HELLO = { model: "oa/gpt", messages: [{ role: "user", content: "Hello!" }] };
const CHAT = "/v1/chat/completions";
const named = (key: string) => ({ "idempotency-key": key });

function codeOf({ status, json }: Posted): unknown[] {
  return [status, status === 200 ? undefined : (json.error.code ?? json.error.type)];
}

for (const host of DATABASE_HOSTS) {
  test(`calls of models with a name (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startModelWorld(t, host);
    const { postedMicros } = await world.wallet();
    const asked = () => world.upstream.asked.length;

    await t.test("many at once by one name are one", async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => world.post(CHAT, HELLO, named("one"))),
      );
      const whole = answers.filter(({ status }) => status === 200);
      const others = answers.filter(({ status }) => status !== 200);
      assert.deepEqual([whole.length, asked()], [1, 1]);
      const runId = String(whole[0]?.headers["x-guildhall-run-id"]);
      for (const other of others) {
        assert.deepEqual(codeOf(other), [400, "conflict"]);
        assert.match(other.text, new RegExp(runId), "who asks again learns which run it was");
      }
      assert.equal(await world.spentSince(postedMicros), USUAL_MICROS);
    });

    await t.test("another call by that name is refused, whatever is another", async () => {
      const louder = { ...HELLO, temperature: 1 };
      const dearer = { ...named("one"), "x-guildhall-max-usd": "1" };
      for (const answer of [
        await world.post(CHAT, louder, named("one")),
        await world.post(CHAT, { ...HELLO, stream: true }, named("one")),
        await world.post(CHAT, HELLO, dearer),
      ]) {
        assert.deepEqual(codeOf(answer), [400, "idempotency_conflict"]);
      }
      assert.equal(asked(), 1);
    });

    await t.test("a stream is not told twice either", async () => {
      const stream = { ...HELLO, stream: true };
      assert.equal((await world.post(CHAT, stream, named("stream"))).status, 200);
      assert.deepEqual(codeOf(await world.post(CHAT, stream, named("stream"))), [400, "conflict"]);
      assert.equal(asked(), 2);
    });

    await t.test("a call that failed used its name, and cost nothing", async () => {
      const before = (await world.wallet()).postedMicros;
      const failing = { ...HELLO, model: "oa/refuses-400" };
      assert.equal((await world.post(CHAT, failing, named("failing"))).status, 400);
      assert.deepEqual(codeOf(await world.post(CHAT, failing, named("failing"))), [
        400,
        "conflict",
      ]);
      assert.equal(asked(), 3);
      assert.equal(await world.spentSince(before), 0n);
    });

    await t.test("a name is its workspace's own, on Anthropic's wire as well", async () => {
      const bob = await world.hall.member("bob@example.com");
      const message = { model: "an/claude", max_tokens: 50, messages: HELLO.messages };
      const his = { ...named("one"), authorization: `Bearer ${bob.key}` };
      assert.equal((await world.post("/v1/messages", message, his)).status, 200);
      assert.equal((await world.post("/v1/messages", message, his)).status, 400);
      assert.equal(asked(), 4);
    });

    await t.test("what is no name is refused, and nobody is asked", async () => {
      for (const key of ["", "two words", "x".repeat(256)]) {
        const answer = await world.post(CHAT, HELLO, named(key));
        assert.deepEqual(codeOf(answer), [400, "invalid_request"]);
      }
      assert.equal(asked(), 4);
    });
    await world.verify();
  });
}
