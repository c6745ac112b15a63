/**
 * Two servers on one PostgreSQL, and nothing between them but the database: a task is asked for at one,
 * taken over a connection to the other, and goes on when either is killed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectProvider } from "@guildhall/sdk";
import { until } from "../links/support.ts";
import { balanceOf } from "../support/hire.ts";
import { at, startTwo } from "../support/two-servers.ts";
import { accept, asker, open, submit, taskOf, verify, type Worker, worker } from "./support.ts";

test("broadcasts over two servers", async (t) => {
  const servers = await startTwo(t, "none", {
    ...{ GUILDHALL_BROADCAST_WORK_SECONDS: "4", GUILDHALL_BROADCAST_REVIEW_SECONDS: "600" },
  });
  if (!servers) return;
  const [here, there] = servers;
  const alice = await asker(here);
  const bob = await worker(there);
  const connection = connectProvider({
    ...{ url: there.url, key: bob.member.key, agentId: bob.agentId },
    handlers: { task: (input) => ({ output: { echo: input } }) },
  });
  t.after(() => connection.stop({ drainMs: 0 }));
  await until(() => connection.state.kind === "online");

  await t.test("it is offered, done and paid across them", async () => {
    const taskId = await open(alice, { target_providers: 1 });
    await until(async () => (await taskOf(alice, taskId)).results[0]?.result_data);
    const { result_id } = (await taskOf(alice, taskId)).results[0];
    assert.equal((await verify(alice, taskId, result_id, "approved")).body.status, "completed");
    assert.equal((await balanceOf(bob.member)).available, 1_000_010);
  });

  await t.test("the last slot is taken once, asked for at both", async () => {
    const carols = await Promise.all(Array.from({ length: 6 }, () => worker(here)));
    const elsewhere = (who: Worker): Worker => ({ ...who, member: at(there, who.member) });
    for (let round = 0; round < 5; round++) {
      const taskId = await open(alice, { capability: "echo", target_providers: 1 });
      const answers = await Promise.all(
        carols.map((who, index) => accept(index % 2 === 0 ? who : elsewhere(who), taskId)),
      );
      const task = await taskOf(alice, taskId);
      assert.equal(task.accepted_count, 1);
      assert.ok(answers.filter(({ status }) => status === 200).length <= 1);
    }
  });

  await t.test("a server's death leaves nothing undone: the other one goes on", async () => {
    const dave = await worker(here);
    await connection.stop({ drainMs: 0 });
    const taskId = await open(alice, {
      ...{ target_providers: 2, required_stake: 9 },
      deadline: new Date(Date.now() + 6_000).toISOString(),
    });
    assert.equal((await accept(dave, taskId)).status, 200);
    const erin = await worker(here);
    assert.equal((await accept(erin, taskId)).status, 200);
    assert.equal((await submit(erin, taskId)).status, 200);
    await here.kill("SIGKILL");
    const seen = { member: at(there, alice.member) };
    await until(async () => (await taskOf(seen, taskId)).results[0].status === "expired", 20_000);
    await until(async () => (await taskOf(seen, taskId)).status === "expired", 20_000);
    assert.equal((await taskOf(seen, taskId)).escrow_held, 10, "one waits for its verdict");
    assert.equal((await balanceOf(at(there, dave.member))).available, 1_000_000 - 9);
    const verdict = await there.admin("GET", "/ledger/verify?full=1");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
});
