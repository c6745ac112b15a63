/** What time alone does to broadcasts, on both hosts: with short times, since the server's clock is real. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../links/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import {
  accept,
  asker,
  open,
  paidOf,
  submit,
  take,
  taskOf,
  verify,
  work,
  worker,
} from "./support.ts";

const FUNDS = 1_000_000;
const SHORT = { GUILDHALL_BROADCAST_WORK_SECONDS: "2", GUILDHALL_BROADCAST_REVIEW_SECONDS: "3" };

for (const host of DATABASE_HOSTS) {
  test(`what time does to broadcasts (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, SHORT);
    // Each waits for some seconds: they do so together.
    const waiting = Object.entries(SCENARIOS).map(([name, scenario]) =>
      t.test(name, () => scenario(hall)),
    );
    await Promise.all(waiting);
    const verdict = await hall.admin("GET", "/ledger/verify?full=1");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1_000).toISOString();
}

const SCENARIOS: Readonly<Record<string, (hall: Guildhall) => Promise<void>>> = {
  async "a result that nobody judges is approved, and paid, when the review's time is up"(hall) {
    verifies("gig-auto-approve");
    const alice = await asker(hall);
    const bob = await worker(hall);
    const taskId = await open(alice, { target_providers: 1, required_stake: 3 });
    const resultId = await work(bob, taskId);
    assert.equal((await taskOf(alice, taskId)).results[0].status, "pending_verification");
    await until(async () => (await taskOf(alice, taskId)).status === "completed", 15_000);
    const { results } = await taskOf(alice, taskId);
    assert.deepEqual([results[0].decided_by, results[0].credits_paid], ["time", 10]);
    assert.deepEqual(await balanceOf(bob.member), {
      ...(await balanceOf(bob.member)),
      ...{ available: FUNDS + 10, escrowed: 0 },
    });
    const late = await verify(alice, taskId, resultId, "rejected");
    assert.deepEqual([late.status, late.body.code], [409, "conflict"]);
  },

  async "who accepts and does not hand in loses its stake, and the seat is free again"(hall) {
    verifies("gig-execute-deadline");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 1, required_stake: 6 });
    await take(bob, taskId);
    assert.equal((await accept(carol, taskId)).body.code, "task_full");
    await until(async () => (await taskOf(alice, taskId)).results[0].status === "expired", 15_000);
    const late = await submit(bob, taskId);
    assert.deepEqual([late.status, late.body.code], [409, "conflict"]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS - 6);
    assert.equal((await balanceOf(alice.member)).available, FUNDS - 10 + 6);
    const second = await work(carol, taskId);
    const { body } = await verify(alice, taskId, second, "approved");
    assert.deepEqual(paidOf(body), [
      ["expired", 0],
      ["approved", 10],
    ]);
    assert.equal(body.status, "completed");
  },

  async "at the deadline free slots are refunded; what waits keeps its money until its verdict"(
    hall,
  ) {
    verifies("gig-deadline");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 3, deadline: inSeconds(2) });
    const resultId = await work(bob, taskId);
    await until(async () => (await taskOf(alice, taskId)).status === "expired", 15_000);
    const task = await taskOf(alice, taskId);
    assert.deepEqual([task.escrow_held, paidOf(task)], [10, [["pending_verification", 0]]]);
    assert.equal((await balanceOf(alice.member)).available, FUNDS - 10);
    assert.equal((await accept(carol, taskId)).body.code, "task_closed");
    const { body } = await verify(alice, taskId, resultId, "rejected");
    assert.deepEqual([body.status, body.escrow_held], ["expired", 0]);
    assert.equal((await balanceOf(alice.member)).available, FUNDS, "its seat is not given again");
  },

  async "nobody came: at the deadline all of it is back"(hall) {
    const alice = await asker(hall);
    const task = { payment_type: "winner_take_all", deadline: inSeconds(1) };
    const taskId = await open(alice, { target_providers: 3, ...task });
    assert.equal((await balanceOf(alice.member)).escrowed, 30);
    await until(async () => (await taskOf(alice, taskId)).status === "expired", 15_000);
    await until(async () => (await balanceOf(alice.member)).escrowed === 0);
    assert.equal((await balanceOf(alice.member)).available, FUNDS);
  },

  async "the best of those that came takes the pot at the deadline"(hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const task = { payment_type: "winner_take_all", deadline: inSeconds(2) };
    const taskId = await open(alice, { target_providers: 3, ...task });
    await verify(alice, taskId, await work(bob, taskId), "approved", { quality_score: 5 });
    await until(async () => (await balanceOf(bob.member)).available === FUNDS + 30, 15_000);
    const over = await taskOf(alice, taskId);
    assert.deepEqual([over.status, paidOf(over)], ["expired", [["approved", 30]]]);
  },
};
