/**
 * A server that is told to stop while somebody waits for a run: what ends within seconds is answered, and
 * who has to go on waiting is told so, instead of being cut off. Money is as if nothing had happened.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Frame, type NodeClient, startNode } from "../openmarlin/node.ts";
import { DATABASE_HOSTS, emptyDirectory, isSkipped, testDatabaseUrl } from "../support/database.ts";
import { startGuildhall, startServer } from "../support/guildhall.ts";
import { balanceOf, connect, invoke, register, sell } from "../support/hire.ts";
import { at, BUSES, startTwo } from "../support/two-servers.ts";

/** Well within what requests under way are given, and longer than a stop without any takes. */
const SOON_MS = 2_000;
const PRICE_CREDITS = 45;

for (const bus of BUSES) {
  test(`what is done at another server is told by one that stops (bus: ${bus})`, async (t) => {
    const servers = await startTwo(t, bus);
    if (!servers) return;
    const [here, there] = servers;
    const seller = await there.member("seller@example.com");
    const agentId = await register(seller, "seller", PRICE_CREDITS);
    const { hasBegun, handler } = soon();
    await connect(t, there, { key: seller.key, agentId, handler });
    const alice = await here.member("alice@example.com");
    const answer = invoke(alice, agentId);
    await hasBegun;
    await here.kill("SIGTERM");
    const { status, body } = await answer;
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result, { done: true });
    assert.equal((await balanceOf(at(there, alice))).available, 1_000_000 - PRICE_CREDITS);
  });
}

test("what a node streams to a caller at another server comes to its end", async (t) => {
  const servers = await startTwo(t, "nats");
  if (!servers) return;
  const [here, there] = servers;
  const owner = await there.member("owner@example.com");
  const words = Array.from({ length: 20 }, (_, index) => `word${index} `);
  const run = async ({ request_id }: Frame, node: NodeClient) => {
    for (const [sequence, text] of words.entries()) {
      node.say({ type: "execution.chunk", request_id, sequence, text });
      await sleep(SOON_MS / words.length);
    }
    node.say({ type: "execution.end", request_id, output: words.join("") });
  };
  await startNode(t, there, owner.key, { models: ["acme/one"], run });
  const answer = await fetch(`${here.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${owner.key}`, "content-type": "application/json" },
    body: JSON.stringify({
      ...{ model: "acme/one", stream: true },
      messages: [{ role: "user", content: "hello" }],
    }),
  });
  assert.equal(answer.status, 200);
  await there.kill("SIGTERM");
  const text = await answer.text();
  assert.match(text, new RegExp(words.at(-1) ?? ""), text.slice(-300));
});

test("of two servers that share a data directory, the one that stays is still found", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const shared = { DATABASE_URL: await testDatabaseUrl(t) };
  const directory = await emptyDirectory(t);
  const older = await startServer(t, directory, shared);
  const newer = await startServer(t, directory, shared);
  await older.kill("SIGTERM");
  const note = JSON.parse(readFileSync(join(directory, "server.json"), "utf8"));
  assert.equal(note.local_url, newer.url);
  await newer.kill("SIGTERM");
  assert.equal(existsSync(join(directory, "server.json")), false);
});

for (const host of DATABASE_HOSTS) {
  test(`what is done at the server that stops is told by it (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const { hasBegun, handler } = soon();
    const { agentId } = await sell(t, hall, { handler });
    const alice = await hall.member("alice@example.com");
    const answer = invoke(alice, agentId);
    await hasBegun;
    await hall.kill("SIGTERM");
    const { status, body } = await answer;
    assert.equal(status, 200, JSON.stringify(body));
    await hall.restart();
    assert.equal((await balanceOf(alice)).available, 1_000_000 - PRICE_CREDITS);
  });

  test(`who would wait longer is told that the run goes on, and it does (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>();
    let times = 0;
    const handler = async () => {
      times += 1;
      begin();
      await isReleased;
      return { output: { done: true } };
    };
    const { agentId } = await sell(t, hall, { handler });
    const alice = await hall.member("alice@example.com");
    const ask = () => invoke(alice, agentId, {}, { "idempotency-key": "once-and-no-more" });
    const answer = ask();
    await hasBegun;
    await hall.kill("SIGTERM");
    const { status, body, headers } = await answer;
    assert.deepEqual([status, body.code, headers.get("retry-after")], [503, "overloaded", "1"]);
    assert.match(body.detail, /the run goes on/);
    await hall.restart();
    assert.equal((await balanceOf(alice)).escrowed, PRICE_CREDITS, "its money is still held");
    release();
    assert.equal((await ask()).status, 200);
    assert.equal(times, 1);
    const balance = await balanceOf(alice);
    assert.deepEqual([balance.available, balance.escrowed], [1_000_000 - PRICE_CREDITS, 0]);
    const verdict = await hall.admin("GET", "/ledger/verify");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}

/** A handler that is done after a moment, and when it was begun. */
function soon() {
  const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>();
  const handler = async () => {
    begin();
    await sleep(SOON_MS);
    return { output: { done: true } };
  };
  return { hasBegun, handler };
}
