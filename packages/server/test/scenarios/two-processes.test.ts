/**
 * Two servers on one PostgreSQL: the provider is connected to one, its requester asks the other. With
 * NATS between them, and without: then the database alone tells them, a second later.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPostgresql } from "../../src/store/database.ts";
import { isSkipped, testDatabaseUrl, testDataDirectory } from "../support/database.ts";
import { startServer } from "../support/guildhall.ts";
import { balanceOf, connect, invoke, register } from "../support/hire.ts";
import { BUSES, startTwo } from "../support/two-servers.ts";

for (const bus of BUSES) {
  test(`a provider on one server, its requester on another (bus: ${bus})`, async (t) => {
    const servers = await startTwo(t, bus);
    if (!servers) return;
    const [here, there] = servers;
    const seller = await there.member("seller@example.com");
    const agentId = await register(seller, "seller", 45);
    const begun: string[] = [];
    await connect(t, there, {
      key: seller.key,
      agentId,
      concurrency: 64,
      handler: (input, { runId }) => {
        begun.push(runId);
        return { output: { echo: input } };
      },
    });
    const alice = await here.member("alice@example.com");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => invoke(alice, agentId, { timeout_seconds: 30 })),
    );
    for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body));
    assert.equal(begun.length, 20, "each run was begun once");
    assert.equal((await balanceOf(alice)).available, 1_000_000 - 20 * 45);
    assert.equal((await balanceOf(seller)).available, 1_000_000 + 20 * 45);
    const card = await alice.ask("GET", `/agents/${agentId}`);
    assert.equal(card.body.status, "online");
    const verdict = await here.admin("GET", "/ledger/verify");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}

test("what a killed server drove is answered for by the other one", async (t) => {
  const servers = await startTwo(t, "none");
  if (!servers) return;
  const [here, there] = servers;
  const seller = await there.member("seller@example.com");
  const agentId = await register(seller, "seller", 45);
  let begun = (): void => undefined;
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  await connect(t, there, {
    key: seller.key,
    agentId,
    handler: () => {
      begun();
      return new Promise<never>(() => undefined);
    },
  });
  const alice = await here.member("alice@example.com");
  const answer = invoke(alice, agentId, { timeout_seconds: 8 });
  await hasBegun;
  await there.kill("SIGKILL");
  const { status, body } = await answer;
  assert.equal(status, 504, JSON.stringify(body));
  const balance = await balanceOf(alice);
  assert.deepEqual([balance.available, balance.escrowed], [1_000_000, 0]);
  const verdict = await here.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});

test("work whose driver changed while it was done is paid, and not done again", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const DATABASE_URL = await testDatabaseUrl(t);
  const hall = await startServer(t, await testDataDirectory(t), { DATABASE_URL });
  const database = openPostgresql(DATABASE_URL, 1);
  t.after(() => database.close());
  const seller = await hall.member("seller@example.com");
  const agentId = await register(seller, "seller", 45);
  const begun: string[] = [];
  await connect(t, hall, {
    key: seller.key,
    agentId,
    handler: async (input, { runId }) => {
      begun.push(runId);
      // What taking a run over does to it: whoever decided on the version before finds another one.
      const sql = "update work set version = version + 1 where id = $1 returning id";
      assert.equal((await database.query(sql, [runId])).length, 1);
      return { output: input };
    },
  });
  const alice = await hall.member("alice@example.com");
  const { status, body } = await invoke(alice, agentId, { timeout_seconds: 20 });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(begun.length, 1);
  assert.equal((await balanceOf(seller)).available, 1_000_045);
  const verdict = await hall.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});
