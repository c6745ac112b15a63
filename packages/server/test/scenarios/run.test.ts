/** One hire after the other, through real HTTP and a real provider socket, on both hosts. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createRequester, ProviderError } from "@guildhall/sdk";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { balanceOf, connect, invoke, register, sell } from "../support/hire.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";

for (const host of DATABASE_HOSTS) {
  test(`runs (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      await t.test(name, (inner) => scenario(inner, hall));
      await t.test(`${name}: the books verify`, async () => {
        const verdict = await hall.admin("GET", "/ledger/verify");
        assert.equal(verdict.ok, true, JSON.stringify(verdict));
      });
    }
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, "it did not come to be in ten seconds");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

type Scenario = (t: TestContext, hall: Guildhall) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "a priced run pays its provider, and its id and receipt answer afterwards"(t, hall) {
    verifies("invoke-answer", "receipt-parties");
    const seller = await sell(t, hall, { slug: "paid" });
    const alice = await hall.member("paid-alice@example.com");
    const { status, body, headers } = await invoke(alice, seller.agentId, { max_credits: 100 });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result, { echo: { text: "hello" } });
    assert.equal(body.credits_charged, 45);
    assert.equal(headers.get("x-linkedclaw-invoke-id"), body.invoke_id);
    assert.deepEqual(await balanceOf(alice), {
      ...(await balanceOf(alice)),
      available: 999_955,
      escrowed: 0,
    });
    assert.equal((await balanceOf(seller.member)).available, 1_000_045);
    const state = await alice.ask("GET", `/invoke/${body.invoke_id}`);
    assert.equal(state.body.status, "succeeded");
    const receipt = await alice.ask("GET", `/receipts/${body.receipt_id}`);
    assert.equal(receipt.body.credits_charged, 45);
    const seen = await seller.member.ask("GET", `/receipts/${body.receipt_id}`);
    assert.deepEqual(seen.body.signature, receipt.body.signature);
    const stranger = await hall.member("paid-stranger@example.com");
    assert.equal((await stranger.ask("GET", `/receipts/${body.receipt_id}`)).status, 404);
    assert.equal((await stranger.ask("GET", `/invoke/${body.invoke_id}`)).status, 404);
  },

  async "a price that was changed is the price that is paid, from the next request on"(t, hall) {
    const seller = await sell(t, hall, { slug: "repriced" });
    const alice = await hall.member("repriced-alice@example.com");
    assert.equal((await invoke(alice, seller.agentId)).body.credits_charged, 45);
    for (const price of [60, 70, 80]) {
      const curve = [{ tier_name: "standard", cost_shape: "per_call", cost_amount: price }];
      const { status } = await seller.member.ask("PATCH", `/agents/${seller.agentId}`, {
        capabilities_meta: { echo: { description: "Says what it is told.", curve } },
      });
      assert.equal(status, 200);
      const poor = await invoke(alice, seller.agentId, { max_credits: price - 1 });
      assert.equal(poor.body.code, "budget_exceeded", JSON.stringify(poor.body));
      const both = await Promise.all([1, 2].map(() => invoke(alice, seller.agentId)));
      for (const { body } of both) assert.equal(body.credits_charged, price);
    }
  },

  async "what a provider fails with reaches the requester, who is charged nothing"(t, hall) {
    const handler = () => {
      throw new ProviderError("provider_failed", "The kettle is empty.");
    };
    const seller = await sell(t, hall, { slug: "failing", handler });
    const alice = await hall.member("failing-alice@example.com");
    const { status, body } = await invoke(alice, seller.agentId);
    assert.equal(status, 502);
    assert.equal(body.code, "subagent_error");
    assert.match(body.detail, /kettle/);
    assert.equal((await balanceOf(alice)).available, 1_000_000);
  },

  async "a silent provider costs nothing once the deadline passed"(t, hall) {
    verifies("invoke-timeout");
    const handler = () => new Promise<never>(() => undefined);
    const seller = await sell(t, hall, { slug: "silent", handler });
    const alice = await hall.member("silent-alice@example.com");
    const { status, body } = await invoke(alice, seller.agentId, { timeout_seconds: 5 });
    assert.equal(status, 504, JSON.stringify(body));
    assert.equal(body.code, "invoke_timeout");
    const balance = await balanceOf(alice);
    assert.deepEqual([balance.available, balance.escrowed], [1_000_000, 0]);
  },

  async "a provider that says goodbye in the middle is an offline one"(t, hall) {
    verifies("invoke-offline", "relay-shutdown");
    let begun = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const handler = () => {
      begun();
      return new Promise<never>(() => undefined);
    };
    const seller = await sell(t, hall, { slug: "leaving", handler });
    const alice = await hall.member("leaving-alice@example.com");
    const answer = invoke(alice, seller.agentId);
    await hasBegun;
    await seller.connection.stop({ drainMs: 0 });
    const { status, body } = await answer;
    assert.equal(status, 503, JSON.stringify(body));
    assert.equal(body.code, "provider_offline");
    assert.equal((await balanceOf(alice)).available, 1_000_000);
    assert.equal((await invoke(alice, seller.agentId)).body.code, "provider_offline");
  },

  async "whoever hires somebody who is just saying goodbye does not wait for them"(t, hall) {
    const handler = () => new Promise<never>(() => undefined);
    const seller = await sell(t, hall, { slug: "just-leaving", concurrency: 100, handler });
    const alice = await hall.member("just-leaving-alice@example.com");
    const answers: ReturnType<typeof invoke>[] = [];
    for (let count = 0; count < 60; count++) {
      answers.push(invoke(alice, seller.agentId));
      if (count === 30) void seller.connection.stop({ drainMs: 0 });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const startedMs = performance.now();
    for (const { body } of await Promise.all(answers)) {
      assert.match(body.code, /^provider_(offline|busy)$/, JSON.stringify(body));
    }
    assert.ok(performance.now() - startedMs < 20_000, "they waited for the deadline");
    assert.equal((await balanceOf(alice)).available, 1_000_000);
  },

  async "a provider at its limit refuses, and nothing is held"(t, hall) {
    verifies("invoke-busy");
    const handler = () => new Promise<never>(() => undefined);
    const seller = await sell(t, hall, { slug: "busy", concurrency: 1, handler });
    const alice = await hall.member("busy-alice@example.com");
    const first = await invoke(alice, seller.agentId, {}, { prefer: "respond-async" });
    assert.equal(first.status, 202);
    const second = await invoke(alice, seller.agentId);
    assert.equal(second.status, 503, JSON.stringify(second.body));
    assert.equal(second.body.code, "provider_busy");
    assert.equal((await balanceOf(alice)).escrowed, 45);
    await seller.connection.stop({ drainMs: 0 });
    await until(async () => (await balanceOf(alice)).escrowed === 0);
  },

  async "the same idempotency key is one run; with another body it is refused"(t, hall) {
    verifies("idempotency-replay", "idempotency-conflict");
    let count = 0;
    const handler = () => {
      count += 1;
      return { output: { count } };
    };
    const seller = await sell(t, hall, { slug: "once", handler });
    const alice = await hall.member("once-alice@example.com");
    const headers = { "idempotency-key": "a-key-of-mine" };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => invoke(alice, seller.agentId, {}, headers)),
    );
    const ids = new Set(answers.map(({ body }) => body.invoke_id));
    assert.equal(ids.size, 1, JSON.stringify(answers.map(({ body }) => body)));
    assert.equal(count, 1);
    const other = await invoke(alice, seller.agentId, { input: { text: "other" } }, headers);
    assert.equal(other.status, 409);
    assert.equal(other.body.code, "idempotency_conflict");
    // By another chain it would be under another ceiling: not the same request.
    const chained = await invoke(
      alice,
      seller.agentId,
      {},
      { ...headers, "x-linkedclaw-chain-id": `chn_${"f".repeat(24)}` },
    );
    assert.deepEqual([chained.status, chained.body.code], [409, "idempotency_conflict"]);
    assert.equal(count, 1);
    assert.equal((await balanceOf(alice)).available, 999_955);
    // Only opened work consumes a key: a request that was refused leaves it free.
    const free = { "idempotency-key": "a-free-key" };
    assert.equal((await invoke(alice, seller.agentId, { max_credits: 1 }, free)).status, 402);
    assert.equal((await invoke(alice, seller.agentId, {}, free)).status, 200);
  },

  async "a run that a provider asks for joins its chain, under the root's ceiling"(t, hall) {
    verifies("chain-header", "ceiling-body");
    const tool = await sell(t, hall, { slug: "tool", priceCredits: 40_000 });
    const middleman = await hall.member("middleman@example.com");
    const agentId = await register(middleman, "middleman", 40_000);
    // Nothing is passed on by hand: inside a handler the SDK's requests carry the chain.
    const requester = createRequester({ url: hall.url, key: middleman.key });
    const handler = async () => {
      const asked = { agent_id: tool.agentId, capability: "echo", input: { text: "inner" } };
      return { output: await requester.invoke(asked) };
    };
    await connect(t, hall, { key: middleman.key, agentId, handler });
    const alice = await hall.member("chain-alice@example.com");
    const first = await invoke(alice, agentId);
    assert.equal(first.body.result.credits_charged, 40_000, JSON.stringify(first.body));
    const chain = { "x-linkedclaw-chain-id": first.headers.get("x-linkedclaw-chain-id") ?? "" };
    const second = await invoke(alice, tool.agentId, {}, chain);
    assert.equal(second.status, 402, "80,000 of 100,000 credits are spent");
    assert.equal(second.body.code, "ceiling_exceeded");
    assert.deepEqual([second.body.current_spend, second.body.ceiling], [80_000, 100_000]);
    const resume = `${hall.url}/chains/${second.body.chain_id}`;
    assert.equal(second.body.resume_endpoint, resume);
    assert.equal(second.body.chain_id, chain["x-linkedclaw-chain-id"]);
    const stranger = await hall.member("chain-stranger@example.com");
    const foreign = await invoke(stranger, tool.agentId, {}, chain);
    assert.equal(foreign.body.code, "chain_not_authorised");
  },

  async "an answer that does not fit the provider's own output schema is not paid"(t, hall) {
    const output_schema = {
      type: "object",
      required: ["text"],
      properties: { text: { type: "string" } },
    };
    const input_schema = {
      type: "object",
      required: ["text"],
      additionalProperties: false,
      properties: { text: { type: "string" } },
    };
    const seller = await sell(t, hall, { slug: "strict", meta: { output_schema, input_schema } });
    const alice = await hall.member("strict-alice@example.com");
    const bad = await invoke(alice, seller.agentId);
    assert.equal(bad.status, 502, JSON.stringify(bad.body));
    assert.equal(bad.body.code, "subagent_bad_output");
    const mismatch = await invoke(alice, seller.agentId, { input: { text: 1, more: 2 } });
    assert.equal(mismatch.status, 422);
    assert.equal(mismatch.body.code, "input_schema_mismatch");
    assert.equal((await balanceOf(alice)).available, 1_000_000);
  },
};
