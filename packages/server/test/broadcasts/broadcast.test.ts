/** Broadcasts through real HTTP, on both hosts: asked for, answered, judged, paid. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import {
  accept,
  asker,
  countsOf,
  create,
  handIn,
  open,
  paidOf,
  submit,
  take,
  taskOf,
  verify,
  work,
  worker,
} from "./support.ts";

for (const host of DATABASE_HOSTS) {
  test(`broadcasts (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_FEE_BASIS_POINTS: "1000" });
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      await t.test(name, (inner) => scenario(inner, hall));
      await t.test(`${name}: the books verify`, async () => {
        const verdict = await hall.admin("GET", "/ledger/verify");
        assert.equal(verdict.ok, true, JSON.stringify(verdict));
      });
    }
  });
}

type Scenario = (t: TestContext, hall: Guildhall) => Promise<void>;

/** What everybody starts with, in credits. */
const FUNDS = 1_000_000;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "each approved result is paid, and the task is completed with the last"(_t, hall) {
    verifies("gig-create", "gig-counts", "gig-verify", "gig-full");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 2, credits_per_provider: 10 });
    const held = await balanceOf(alice.member);
    assert.deepEqual([held.available, held.escrowed], [FUNDS - 20, 20]);
    const first = await take(bob, taskId);
    const second = await take(carol, taskId);
    assert.deepEqual(countsOf(await taskOf(alice, taskId)), [2, 0, 0, 0]);
    assert.equal(await handIn(bob, taskId), "pending_verification");
    assert.equal(await handIn(carol, taskId), "pending_verification");
    const full = await accept(await worker(hall), taskId);
    assert.deepEqual([full.status, full.body.code], [409, "task_full"]);
    const notes = { quality_score: 80, notes: { why: "good" } };
    const one = await verify(alice, taskId, first, "approved", notes);
    assert.equal(one.status, 200, JSON.stringify(one.body));
    assert.deepEqual([one.body.status, ...countsOf(one.body)], ["open", 2, 1, 1, 0]);
    assert.deepEqual(one.body.results[0].notes, { why: "good" });
    const two = await verify(alice, taskId, second, "approved");
    assert.deepEqual([two.body.status, ...countsOf(two.body)], ["completed", 2, 2, 2, 0]);
    // The house takes a tenth.
    assert.equal((await balanceOf(bob.member)).available, FUNDS + 9);
    assert.equal((await balanceOf(carol.member)).available, FUNDS + 9);
    const balance = await balanceOf(alice.member);
    assert.deepEqual([balance.available, balance.escrowed], [FUNDS - 20, 0]);
    const again = await verify(alice, taskId, first, "rejected");
    assert.deepEqual([again.status, again.body.code], [409, "conflict"]);
  },

  async "a rejected result is not paid, and its seat is free for another, or for a better one"(
    _t,
    hall,
  ) {
    verifies("gig-reopen");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 1, required_stake: 4 });
    const first = await work(bob, taskId);
    assert.deepEqual((await balanceOf(bob.member)).escrowed, 4);
    const rejected = await verify(alice, taskId, first, "rejected");
    assert.deepEqual([rejected.body.status, ...countsOf(rejected.body)], ["open", 0, 1, 0, 1]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS - 4, "the stake is lost");
    assert.equal((await balanceOf(alice.member)).available, FUNDS - 10 + 4);
    const second = await work(carol, taskId);
    await verify(alice, taskId, second, "rejected");
    const third = await work(bob, taskId, { text: "better" });
    const approved = await verify(alice, taskId, third, "approved");
    assert.deepEqual([approved.body.status, ...countsOf(approved.body)], ["completed", 1, 3, 1, 2]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS - 4 + 9);
    const balance = await balanceOf(alice.member);
    assert.deepEqual([balance.available, balance.escrowed], [FUNDS - 10 + 8, 0]);
  },

  async "tiered results are paid by their score, in whole credits"(_t, hall) {
    verifies("gig-tiered", "gig-review");
    const alice = await asker(hall);
    const workers = [await worker(hall), await worker(hall), await worker(hall)];
    const task = { target_providers: 3, credits_per_provider: 50, payment_type: "tiered" };
    const taskId = await open(alice, task);
    const [a, b, c] = await Promise.all(workers.map((who) => work(who, taskId)));
    await verify(alice, taskId, String(a), "approved", { quality_score: 33 });
    const path = `/gig-tasks/${taskId}/results/${b}/review`;
    const review = { verdict: "approve", quality_score: 3, note: "fine" };
    const reviewed = await alice.member.ask("POST", path, review);
    assert.equal(reviewed.status, 200, JSON.stringify(reviewed.body));
    const { body } = await verify(alice, taskId, String(c), "approved");
    const byId = new Map(
      body.results.map((result: { result_id: string }) => [result.result_id, result]),
    );
    const seen = [a, b, c].map(
      (id) => byId.get(id) as { quality_score: number; credits_paid: number },
    );
    assert.deepEqual(
      seen.map(({ quality_score, credits_paid }) => [quality_score, credits_paid]),
      [
        [33, 16],
        [60, 30],
        [null, 50],
      ],
    );
    const balance = await balanceOf(alice.member);
    assert.deepEqual([balance.available, balance.escrowed], [FUNDS - 96, 0]);
  },

  async "the winner takes all when the task is completed, and not before"(_t, hall) {
    verifies("gig-winner");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const task = { target_providers: 2, credits_per_provider: 30, payment_type: "winner_take_all" };
    const taskId = await open(alice, task);
    assert.equal((await balanceOf(alice.member)).escrowed, 60);
    const [first, second] = [await work(bob, taskId), await work(carol, taskId)];
    const half = await verify(alice, taskId, first, "approved", { quality_score: 70 });
    assert.deepEqual(paidOf(half.body), [
      ["approved", 0],
      ["pending_verification", 0],
    ]);
    assert.equal(half.body.escrow_held, 60);
    const early = await bob.member.ask("GET", `/receipts/${first.replace("res", "rct")}`);
    assert.equal(early.status, 409, "nobody knows yet who has won");
    const { body } = await verify(alice, taskId, second, "approved", { quality_score: 90 });
    assert.equal(body.status, "completed");
    assert.deepEqual(paidOf(body), [
      ["approved", 0],
      ["approved", 60],
    ]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS);
    assert.equal((await balanceOf(carol.member)).available, FUNDS + 54);
    const receipt = await carol.member.ask("GET", `/receipts/${second.replace("res", "rct")}`);
    assert.deepEqual([receipt.body.kind, receipt.body.credits_charged], ["gig_result", 60]);
    const none = await bob.member.ask("GET", `/receipts/${first.replace("res", "rct")}`);
    assert.equal(none.body.credits_charged, 0);
  },

  async "what fits the schema is approved as it comes in, what does not is told why"(_t, hall) {
    verifies("gig-output-schema", "gig-schema-mismatch");
    const alice = await asker(hall);
    const bob = await worker(hall);
    const properties = { text: { type: "string" } };
    const result_schema = { type: "object", required: ["text"], properties };
    const task = { target_providers: 1, result_schema, verifier_method: "output_schema" };
    const taskId = await open(alice, task);
    await take(bob, taskId);
    const bad = await submit(bob, taskId, { text: 7 });
    assert.deepEqual([bad.status, bad.body.code], [422, "result_schema_mismatch"]);
    assert.match(bad.body.errors.join(), /text/);
    assert.deepEqual(countsOf(await taskOf(alice, taskId)), [1, 0, 0, 0], "it may try again");
    assert.equal(await handIn(bob, taskId, { text: "seven" }), "approved");
    const done = await taskOf(alice, taskId);
    assert.deepEqual([done.status, done.results[0].decided_by], ["completed", "schema"]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS + 9);
    const without = await create(alice, { verifier_method: "output_schema" });
    assert.deepEqual([without.status, without.body.code], [422, "invalid_request"]);
  },

  async "a cancelled task gives back what is not handed in, and keeps the rest for its verdict"(
    _t,
    hall,
  ) {
    verifies("gig-cancel");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 3, required_stake: 5 });
    const handedIn = await work(bob, taskId);
    await take(carol, taskId);
    const { status, body } = await alice.member.ask("POST", `/gig-tasks/${taskId}/cancel`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.status, body.escrow_held], ["cancelled", 10]);
    assert.deepEqual(paidOf(body), [
      ["pending_verification", 0],
      ["cancelled", 0],
    ]);
    assert.equal((await balanceOf(alice.member)).available, FUNDS - 10);
    assert.equal((await balanceOf(carol.member)).available, FUNDS, "its stake is back");
    const late = await submit(carol, taskId);
    assert.deepEqual([late.status, late.body.code], [409, "conflict"]);
    const closed = await accept(await worker(hall), taskId);
    assert.deepEqual([closed.status, closed.body.code], [409, "task_closed"]);
    const again = await alice.member.ask("POST", `/gig-tasks/${taskId}/cancel`);
    assert.deepEqual([again.status, again.body.code], [409, "conflict"]);
    const approved = await verify(alice, taskId, handedIn, "approved");
    assert.deepEqual([approved.body.status, approved.body.escrow_held], ["cancelled", 0]);
    assert.equal((await balanceOf(bob.member)).available, FUNDS + 9);
  },

  async "the slots of a slotted task have names, and each is taken once"(_t, hall) {
    verifies("gig-slotted");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const slots = { partition_type: "slotted", task_params: { slots: ["north", "south"] } };
    const taskId = await open(alice, { target_providers: 2, ...slots });
    const south = await accept(bob, taskId, { slot_key: "south" });
    assert.deepEqual([south.status, south.body.slot_key], [200, "south"]);
    const taken = await accept(carol, taskId, { slot_key: "south" });
    assert.deepEqual([taken.status, taken.body.code], [409, "task_full"]);
    const unknown = await accept(carol, taskId, { slot_key: "west" });
    assert.deepEqual([unknown.status, unknown.body.code], [422, "invalid_request"]);
    assert.equal((await accept(carol, taskId)).body.slot_key, "north");
    const bad = await create(alice, { target_providers: 3, ...slots });
    assert.equal(bad.status, 422, "two names for three slots");
  },

  async "a task is for who asked and who takes part; others see only that it is open"(_t, hall) {
    verifies("gig-available", "gig-visible");
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const taskId = await open(alice, { target_providers: 2, task_params: { secret: "no" } });
    assert.equal((await bob.member.ask("GET", `/gig-tasks/${taskId}`)).status, 404);
    const available = await bob.member.ask("GET", "/gig-tasks/available?capability=echo&limit=100");
    const seen = available.body.tasks.find((task: { task_id: string }) => task.task_id === taskId);
    assert.equal(seen.credits_per_provider, 10);
    assert.deepEqual([seen.mandate_id, seen.escrow_held, seen.results], [undefined, undefined, []]);
    const own = await alice.member.ask("GET", "/gig-tasks/available?limit=100");
    const ids = own.body.tasks.map((task: { task_id: string }) => task.task_id);
    assert.ok(!ids.includes(taskId), "one's own is not for oneself");
    const mine = await work(bob, taskId);
    await work(carol, taskId, { text: "hers" });
    const { results } = await taskOf(bob, taskId);
    assert.deepEqual(
      results.map((result: { result_id: string }) => result.result_id),
      [mine],
    );
    const foreign = await carol.member.ask("POST", `/gig-tasks/${taskId}/results/${mine}/verify`, {
      verdict: "approved",
    });
    assert.equal(foreign.status, 404);
    assert.equal((await carol.member.ask("POST", `/gig-tasks/${taskId}/cancel`)).status, 404);
  },

  async "one's tasks are listed newest first, by status and page by page"(_t, hall) {
    verifies("gig-list");
    const alice = await asker(hall);
    const ids = [await open(alice), await open(alice), await open(alice)];
    await alice.member.ask("POST", `/gig-tasks/${ids[1]}/cancel`);
    const idsOf = (body: { tasks: { task_id: string }[] }) =>
      body.tasks.map((task) => task.task_id);
    const all = await alice.member.ask("GET", "/gig-tasks");
    assert.deepEqual(idsOf(all.body), [ids[2], ids[1], ids[0]]);
    const opened = await alice.member.ask("GET", "/gig-tasks?status=open");
    assert.deepEqual(idsOf(opened.body), [ids[2], ids[0]]);
    const cancelled = await alice.member.ask("GET", "/gig-tasks?status=cancelled");
    assert.deepEqual(idsOf(cancelled.body), [ids[1]]);
    const page = await alice.member.ask("GET", "/gig-tasks?limit=2");
    const cursor = page.body.next_cursor;
    const rest = await alice.member.ask("GET", `/gig-tasks?limit=2&cursor=${cursor}`);
    assert.deepEqual([...idsOf(page.body), ...idsOf(rest.body)], [ids[2], ids[1], ids[0]]);
    assert.equal(rest.body.next_cursor, null);
  },

  async "the same key and body is one task; asked for at once as well"(_t, hall) {
    verifies("mandate");
    verifies("gig-idempotency");
    const alice = await asker(hall);
    const headers = { "idempotency-key": "only-one" };
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(alice, {}, headers)));
    const ids = new Set(answers.map(({ body }) => body.task_id));
    assert.equal(ids.size, 1, JSON.stringify(answers.map(({ body }) => body)));
    assert.equal((await balanceOf(alice.member)).escrowed, 20);
    const other = await create(alice, { instruction: "Something else." }, headers);
    assert.deepEqual([other.status, other.body.code], [409, "idempotency_conflict"]);
    const chain = { "x-linkedclaw-chain-id": `chn_${"f".repeat(24)}` };
    const chained = await create(alice, {}, { ...headers, ...chain });
    assert.deepEqual([chained.status, chained.body.code], [409, "idempotency_conflict"]);
    await alice.member.ask("POST", `/mandates/${alice.mandateId}/revoke`);
    const replay = await create(alice, {}, headers);
    assert.deepEqual([replay.status, [...ids][0]], [201, replay.body.task_id]);
  },

  async "a result is submitted once: the same again changes nothing, another is refused"(_t, hall) {
    verifies("gig-submit");
    const alice = await asker(hall);
    const bob = await worker(hall);
    const taskId = await open(alice, { target_providers: 1 });
    const early = await submit(bob, taskId);
    assert.deepEqual([early.status, early.body.code], [409, "conflict"]);
    const resultId = await take(bob, taskId);
    assert.equal(
      (await accept(bob, taskId)).body.result_id,
      resultId,
      "accepting again is the same",
    );
    await handIn(bob, taskId, { text: "one" });
    const same = await submit(bob, taskId, { text: "one" });
    assert.deepEqual([same.status, same.body.result_id], [200, resultId]);
    const other = await submit(bob, taskId, { text: "two" });
    assert.deepEqual([other.status, other.body.code], [409, "conflict"]);
    const task = await taskOf(alice, taskId);
    assert.deepEqual(task.results[0].result_data, { text: "one" });
    assert.ok(Date.parse(task.results[0].auto_approve_at) - Date.now() > 71 * 3_600_000);
  },

  async "receipts, trust and the wallet say what a slot came to"(_t, hall) {
    const alice = await asker(hall);
    const bob = await worker(hall);
    const taskId = await open(alice, { target_providers: 1, credits_per_provider: 40 });
    const resultId = await work(bob, taskId);
    const receiptId = resultId.replace("res_", "rct_");
    assert.equal((await bob.member.ask("GET", `/receipts/${receiptId}`)).status, 409);
    await verify(alice, taskId, resultId, "approved", { quality_score: 100 });
    const receipt = (await alice.member.ask("GET", `/receipts/${receiptId}`)).body;
    assert.deepEqual(
      [receipt.kind, receipt.status, receipt.credits_charged, receipt.receipt.kind],
      ["gig_result", "approved", 40, "slot"],
    );
    assert.equal(receipt.receipt.transfers.length, 2, "the agent and the house");
    const listed = await bob.member.ask("GET", "/receipts?role=provider");
    assert.deepEqual(
      listed.body.receipts.map((one: { receipt_id: string }) => one.receipt_id),
      [receiptId],
    );
    assert.equal(listed.body.receipts[0].signature, receipt.signature);
    const deadline = performance.now() + 30_000;
    for (;;) {
      const trust = await alice.member.ask("GET", `/agents/${bob.agentId}/trust`);
      if (trust.body.completed_gig_results === 1) {
        assert.ok(trust.body.trust_score > 0.5);
        assert.equal(trust.body.completed_invokes, 0);
        break;
      }
      assert.ok(performance.now() < deadline, "the result never counted");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  },

  async "files in a task's params reach who takes a slot, and nobody else"(_t, hall) {
    const alice = await asker(hall);
    const [bob, carol] = [await worker(hall), await worker(hall)];
    const form = new FormData();
    form.append("file", new File(["hello"], "hello.txt", { type: "text/plain" }));
    const uploaded = await fetch(`${hall.url}/api/v1/files`, {
      method: "POST",
      headers: { authorization: `Bearer ${alice.member.key}` },
      body: form,
    });
    const { file_id } = (await uploaded.json()) as { file_id: string };
    const taskId = await open(alice, { target_providers: 1, task_params: { text: { file_id } } });
    const { body } = await accept(bob, taskId);
    assert.equal(body.task_params.text.filename, "hello.txt");
    assert.equal(await (await fetch(body.task_params.text.url)).text(), "hello");
    const content = (who: typeof bob) =>
      fetch(`${hall.url}/api/v1/files/${file_id}/content`, {
        headers: { authorization: `Bearer ${who.member.key}` },
      });
    assert.equal((await content(bob)).status, 200);
    assert.equal((await content(carol)).status, 404);
    const foreign = await create(await asker(hall), { task_params: { text: { file_id } } });
    assert.deepEqual([foreign.status, foreign.body.code], [422, "invalid_file_ref"]);
  },
};
