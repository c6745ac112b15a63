/** Balance, usage and ledger (contract §8.2–8.4) of real work on real servers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { invoke, sell } from "../support/hire.ts";
import { accountOf, assertBooks, assertSumIsBalance, openAccount, PLAY_CREDITS } from "./money.ts";
import { startNode } from "./node.ts";
import { assertRefused, send } from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`what work costs is in the balance, the usage and the ledger (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_FEE_BASIS_POINTS: "1000" });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seller = await sell(t, hall, {
      slug: "node-a",
      priceCredits: 45,
      handler: async (input) => {
        const { text } = input as { text: string };
        if (text === "fail") throw new Error("no");
        if (text === "wait") await held;
        return { output: { text } };
      },
    });
    const requester = await hall.member("ada@example.org");
    const ada = accountOf(hall, requester);
    assert.equal(await ada.balance(), PLAY_CREDITS);

    assert.equal((await invoke(requester, seller.agentId)).status, 200);
    const failed = await invoke(requester, seller.agentId, { input: { text: "fail" } });
    assert.notEqual(failed.body.state, "succeeded");
    // 45 credits of LinkedClaw's are 4,500 micros, which are 0.45 credits here.
    assert.equal(await ada.balance(), PLAY_CREDITS - 0.45);
    await assertSumIsBalance(ada);

    const waiting = invoke(requester, seller.agentId, { input: { text: "wait" } });
    while ((await ada.balance()) !== PLAY_CREDITS - 0.9) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await assertSumIsBalance(ada);
    const open = await ada.list("/v1/ledger");
    const told = (entry: { type: string; status: string; amount: { amount: number } }) =>
      `${entry.type} ${entry.status} ${entry.amount.amount}`;
    assert.deepEqual(open.map(told).sort(), [
      "adjustment posted -0.45",
      "adjustment posted 10000",
      "usage_debit pending -0.45",
      "usage_debit posted -0.45",
    ]);
    release();
    assert.equal((await waiting).status, 200);
    await assertSumIsBalance(ada);
    assert.deepEqual((await ada.list("/v1/ledger")).map(told).sort(), [
      "adjustment posted 10000",
      "usage_debit posted -0.45",
      "usage_debit posted -0.45",
    ]);

    const events = await ada.list("/v1/usage-events");
    assert.deepEqual(
      events.map(({ capability, status, provider_id: id }) => [capability, status, id]),
      [
        ["echo", "settled", "node-a"],
        ["echo", "failed", "node-a"],
        ["echo", "settled", "node-a"],
      ],
    );
    assert.equal(events[1].settlement, null);
    assert.deepEqual(events[0].settlement, {
      convertedFinalDebit: { amount: 0.45, unit: "credits", usdPerCredit: 0.01 },
      finalTotal: { amount: 0.0045, unit: "usd" },
      providerReportedSubtotal: { amount: 0.00405, unit: "usd" },
      platformFeeTotal: { amount: 0.00045, unit: "usd" },
      amount: 0.45,
      unit: "credits",
    });
    const debits = (await ada.list("/v1/ledger")).filter(({ type }) => type === "usage_debit");
    assert.ok(debits.every((entry) => events.some((e) => e.request_id === entry.reference_id)));

    const earner = accountOf(hall, seller.member);
    await assertSumIsBalance(earner);
    const earned = (await earner.list("/v1/ledger")).filter(({ type }) => type === "usage_credit");
    assert.deepEqual(
      earned.map(({ amount }) => amount.amount),
      [0.405, 0.405],
    );
    assert.deepEqual(await earner.list("/v1/usage-events"), [], "usage is what was asked for");
    await assertBooks(hall);
  });

  test(`calls of models are told with the tokens they were charged by (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_FEE_BASIS_POINTS: "1000" });
    const owner = await openAccount(hall, "owner@example.org");
    const ada = await openAccount(hall, "ada@example.org");
    const price = { input_usd: "2", cached_usd: "1", output_usd: "10" };
    await hall.admin("POST", "/prices", { model: "acme/one", ...price });
    const usage = { input_tokens: 100, cached_tokens: 40, output_tokens: 7 };
    await startNode(t, hall, owner.key, {
      ...{ providerId: "node-a", models: ["acme/one"] },
      run({ request_id }, node) {
        node.say({ type: "execution.accepted", request_id });
        node.say({ type: "execution.end", request_id, output: "done", usage });
      },
    });
    const body = { instruction: "x".repeat(400), model: "acme/one" };
    assert.equal((await ada.ask("POST", "/v1/executions", body)).status, 200);
    const [event] = await ada.list("/v1/usage-events");
    assert.deepEqual(
      [event.capability, event.status, event.measured_units],
      ["agent_run", "settled", { requests: 1, ...usage }],
    );
    // 60 at 2, 40 at 1 and 7 at 10 micros are 230; of those the house has a tenth.
    assert.deepEqual(event.settlement.convertedFinalDebit.amount, 0.023);
    assert.deepEqual(event.settlement.platformFeeTotal, { amount: 0.000023, unit: "usd" });
    assert.equal(await ada.balance(), PLAY_CREDITS - 0.023);
    await assertSumIsBalance(ada);
    await assertSumIsBalance(owner);
    await assertBooks(hall);
  });

  test(`a long past is one entry, and the sum is still the balance (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const seller = await sell(t, hall, { priceCredits: 7 });
    const requester = await hall.member("ada@example.org");
    const ada = accountOf(hall, requester);
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 32 }, () => invoke(requester, seller.agentId)));
    }
    await assertSumIsBalance(ada);
    const entries = await ada.list("/v1/ledger");
    assert.equal(entries.length, 200);
    assert.deepEqual(
      [entries[199].type, entries[199].reference_id, entries[199].amount.amount],
      ["adjustment", "brought_forward", PLAY_CREDITS - 57 * 0.07],
    );
    assert.equal((await ada.list("/v1/usage-events")).length, 200);
    await assertSumIsBalance(accountOf(hall, seller.member));
  });
}

test("keys are refused in this wire's words, before anything is looked at", async (t) => {
  const hall = await startGuildhall(t, "any");
  const ada = await openAccount(hall, "ada@example.org");
  const eve = await openAccount(hall, "eve@example.org");
  await hall.admin("POST", `/keys/${eve.keyId}/revoke`, {});
  const get = (path: string, authorization?: string) =>
    send(hall, "GET", path, undefined, authorization === undefined ? {} : { authorization });
  const changed = `${ada.key.slice(0, -1)}${ada.key.endsWith("a") ? "b" : "a"}`;
  for (const path of ["/v1/balance", "/v1/usage-events", "/v1/ledger"]) {
    assertRefused(await get(path), 401, "missing_api_key");
    assertRefused(await get(path, "Bearer "), 401, "missing_api_key");
    assertRefused(await get(path, `Basic ${ada.key}`), 401, "missing_api_key");
    assertRefused(await get(path, "Bearer nonsense"), 401, "invalid_api_key");
    assertRefused(await get(path, `Bearer ${changed}`), 401, "invalid_api_key");
    assertRefused(await get(path, `Bearer ${eve.key}`), 403, "api_key_inactive");
  }
  await hall.admin("POST", "/members/suspend", { email: "ada@example.org" });
  assertRefused(await ada.ask("GET", "/v1/balance"), 403, "api_key_inactive");
  assertRefused(await send(hall, "POST", "/v1/balance", {}), 405, "method_not_allowed");
});
