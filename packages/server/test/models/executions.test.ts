/** OpenMarlin's executions of models behind interfaces that the server calls itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startModelWorld, USUAL_MICROS } from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`executions of models behind interfaces (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startModelWorld(t, host);
    const { body } = await listModels(world.hall.url, world.member.key);
    const model = body.data
      .map(({ id }: { id: string }) => id)
      .find((id: string) => id.endsWith("/gpt"));
    const [provider] = body.data.find(({ id }: { id: string }) => id === model).providers;

    await t.test("whole, by its name", async () => {
      const { postedMicros } = await world.wallet();
      const { status, json } = await world.post("/v1/executions", { instruction: "hello", model });
      assert.equal(status, 200, JSON.stringify(json));
      assert.equal(typeof json.output, "string");
      assert.ok(json.output.length > 0);
      assert.equal(json.metadata.provider_id, provider.provider_id);
      assert.deepEqual(json.metadata.usage, {
        input_tokens: 1_000,
        cached_tokens: 0,
        output_tokens: 100,
      });
      assert.equal(await world.spentSince(postedMicros), USUAL_MICROS);
    });

    await t.test("streamed, by its provider", async () => {
      const { postedMicros } = await world.wallet();
      const asked = {
        instruction: "hello",
        provider_id: provider.provider_id,
        model,
        stream: true,
      };
      const { status, text } = await world.post("/v1/executions", asked);
      assert.equal(status, 200);
      assert.match(text, /^event: execution.start\n/);
      assert.match(text, /event: execution.chunk\n/);
      assert.match(text, /event: execution.end\ndata: \{.*"charged_usd":0.00213/);
      assert.equal(await world.spentSince(postedMicros), 2_130n);
    });

    await t.test("what a model says that refuses is its answer", async () => {
      const asked = { instruction: "hello", model: "oa/declines" };
      const { json } = await world.post("/v1/executions", asked);
      assert.equal(json.output, "I will not say that.");
      const { text } = await world.post("/v1/executions", { ...asked, stream: true });
      assert.match(text, /"streamed_text":"I will not say that\."/);
    });

    for (const stream of [false, true]) {
      const how = stream ? "streamed" : "whole";
      await t.test(`who goes away before anything came does not pay (${how})`, async () => {
        const { postedMicros } = await world.wallet();
        const leaving = new AbortController();
        const asked = world.upstream.asked.length;
        const asking = fetch(`${world.hall.url}/v1/executions`, {
          method: "POST",
          signal: leaving.signal,
          headers: { authorization: `Bearer ${world.member.key}` },
          body: JSON.stringify({ instruction: "x", model: "oa/silent", stream }),
        });
        while (world.upstream.asked.length === asked) await sleep(10);
        leaving.abort();
        await assert.rejects(asking);
        assert.equal(await world.spentSince(postedMicros), 0n);
        for (let wait = 0; wait < 200 && !world.upstream.last().wasLeft; wait++) await sleep(10);
        assert.ok(world.upstream.last().wasLeft, "the interface is told to stop");
      });
    }

    await t.test("what fails is not paid", async () => {
      const { postedMicros } = await world.wallet();
      const bad = model.replace("/gpt", "/refuses-500");
      const { status, json } = await world.post("/v1/executions", { instruction: "x", model: bad });
      assert.deepEqual([status, json.error], [502, "execution_failed"], JSON.stringify(json));
      assert.equal(await world.spentSince(postedMicros), 0n);
    });

    await t.test(
      "who names neither is answered by an interface where no program is there",
      async () => {
        const { postedMicros } = await world.wallet();
        for (const asked of [{}, { stream: true }]) {
          const { status, text } = await world.post("/v1/executions", {
            instruction: "x",
            ...asked,
          });
          assert.equal(status, 200, text);
          assert.match(text, /"provider_id":"\w+"/);
        }
        assert.ok((await world.spentSince(postedMicros)) > 0n);
        const labels = { region: "mars" };
        const { status, json } = await world.post("/v1/executions", { instruction: "x", labels });
        assert.deepEqual([status, json.error], [404, "execution_provider_not_found"]);
      },
    );
    await world.verify();
  });
}

async function listModels(url: string, key: string) {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/v1/models`, { headers });
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
  return { status: response.status, body: (await response.json()) as any };
}
