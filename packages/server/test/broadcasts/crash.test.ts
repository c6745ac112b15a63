/**
 * The server is killed while tasks are opened, taken, filled, judged and cancelled, again and again. In
 * the end every task is over, nothing is held, everybody has what the verdicts say, and the books verify.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { until } from "../links/support.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Answer, type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import {
  type Asker,
  accept,
  asker,
  create,
  submit,
  taskOf,
  verify,
  type Worker,
  worker,
} from "./support.ts";

/** Eleven points in all, fewer where a restart takes longer; and 120 in test:long. */
const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const ROUNDS = IS_LONG ? { embedded: 40, postgresql: 80 } : { embedded: 2, postgresql: 3 };
/** After how many answers the server is killed: at random, and however fast the machine is. */
const ANSWERS_MIN = 3;
const ANSWERS_MAX = 80;
const FUNDS = 1_000_000;
const ENVIRONMENT = {
  GUILDHALL_BROADCAST_WORK_SECONDS: "2",
  GUILDHALL_BROADCAST_REVIEW_SECONDS: "3",
  GUILDHALL_RATE_LIMITS: "broadcasts=0,slots=0",
};
const PAYMENTS = ["fixed", "tiered", "winner_take_all"] as const;

interface Story {
  readonly askers: readonly Asker[];
  readonly workers: readonly Worker[];
  /** Keys under which tasks were asked for: each opened one task or none. */
  readonly asked: { readonly who: Asker; readonly key: string; readonly task: object }[];
  readonly taskIds: Set<string>;
}

for (const host of DATABASE_HOSTS) {
  const rounds = ROUNDS[host];
  test(`kill -9 in the middle of broadcasts, ${rounds} times (${host})`, {
    timeout: 900_000,
  }, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, ENVIRONMENT);
    const story: Story = {
      askers: [await asker(hall, 1_000_000), await asker(hall, 1_000_000)],
      workers: await Promise.all(Array.from({ length: 5 }, () => worker(hall))),
      asked: [],
      taskIds: new Set(),
    };
    for (let round = 0; round < rounds; round++) await crash(hall, story);
    await conclude(hall, story, rounds);
    t.diagnostic(`${story.asked.length} asked for, ${story.taskIds.size} tasks opened`);
  });
}

async function crash(hall: Guildhall, story: Story): Promise<void> {
  const run: Run = { isOver: false, answers: 0 };
  const load = [
    ...story.askers.map((who) => ask(run, story, who)),
    ...story.askers.map((who) => judge(run, who)),
    ...story.workers.map((who) => answer(run, story, who)),
  ];
  const answers = randomInt(ANSWERS_MIN, ANSWERS_MAX);
  await until(() => run.answers >= answers, 30_000);
  await hall.kill("SIGKILL");
  run.isOver = true;
  await Promise.all(load);
  await hall.restart();
}

interface Run {
  isOver: boolean;
  answers: number;
}

/** Counts what was done, not what was only looked at. */
async function count(run: Run, asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status < 300) run.answers += 1;
  return answer;
}

/** Until the server is gone; what fails with it is looked at when all is over. */
async function whileUp(run: Run, work: () => Promise<unknown>): Promise<void> {
  while (!run.isOver) {
    await work().catch(() => new Promise((resolve) => setTimeout(resolve, 5)));
  }
}

function ask(run: Run, story: Story, who: Asker): Promise<void> {
  return whileUp(run, async () => {
    const task = {
      target_providers: randomInt(1, 4),
      credits_per_provider: randomInt(1, 30),
      payment_type: PAYMENTS[randomInt(3)],
      required_stake: randomInt(2) * 7,
      deadline: new Date(Date.now() + randomInt(2_000, 6_000)).toISOString(),
    };
    const key = `key-${story.asked.length}`;
    story.asked.push({ who, key, task });
    const asked = create(who, task, { "idempotency-key": key });
    const { status, body } = await count(run, asked);
    if (status === 201) story.taskIds.add(body.task_id);
    if (randomInt(6) === 0) await who.member.ask("POST", `/gig-tasks/${body.task_id}/cancel`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

function answer(run: Run, story: Story, who: Worker): Promise<void> {
  return whileUp(run, async () => {
    const ids = [...story.taskIds];
    const taskId = ids[ids.length - 1 - randomInt(Math.min(4, ids.length || 1))];
    if (taskId === undefined) return new Promise((resolve) => setTimeout(resolve, 10));
    const { status } = await count(run, accept(who, taskId));
    if (status === 200 && randomInt(5) > 0) await count(run, submit(who, taskId));
  });
}

function judge(run: Run, who: Asker): Promise<void> {
  return whileUp(run, async () => {
    const { body } = await who.member.ask("GET", "/gig-tasks?status=open&limit=5");
    for (const { task_id } of body.tasks) {
      for (const { result_id, status } of (await taskOf(who, task_id)).results) {
        if (status !== "pending_verification" || randomInt(3) === 0) continue;
        const verdict = randomInt(4) === 0 ? "rejected" : "approved";
        const score = { quality_score: randomInt(101) };
        await count(run, verify(who, task_id, result_id, verdict, score));
      }
    }
  });
}

async function conclude(hall: Guildhall, story: Story, rounds: number): Promise<void> {
  // The same key again tells which tasks were opened by requests that were cut off.
  for (const { who, key, task } of story.asked) {
    const { status, body } = await create(who, task, { "idempotency-key": key });
    assert.ok(status === 201 || status === 422, JSON.stringify(body));
    if (status === 201) story.taskIds.add(body.task_id);
  }
  assert.ok(story.taskIds.size > rounds, `only ${story.taskIds.size} tasks: there was no load`);
  // Deadlines, execution and review are over within ten seconds.
  await until(async () => {
    const { work: live } = await hall.admin("GET", "/status");
    return Object.keys(live ?? {}).every((name) => !/^(?:broadcast|slot)\./.test(name));
  }, 40_000);
  const owed = new Map<string, number>();
  const move = (id: string, credits: number) => owed.set(id, (owed.get(id) ?? 0) + credits);
  for (const who of story.askers) {
    for (const id of story.taskIds) await settle(who, id, move);
  }
  for (const who of [...story.askers, ...story.workers]) {
    const { available, escrowed } = await balanceOf(who.member);
    assert.deepEqual([available, escrowed], [FUNDS + (owed.get(who.agentId) ?? 0), 0]);
  }
  const verdict = await hall.admin("GET", "/ledger/verify?full=1");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
}

/** Who owes whom what, by what the task says of itself. */
async function settle(
  who: Asker,
  taskId: string,
  move: (agentId: string, credits: number) => void,
): Promise<void> {
  const { status, body: task } = await who.member.ask("GET", `/gig-tasks/${taskId}`);
  if (status === 404) return;
  assert.ok(task.status !== "open", `${taskId} is open`);
  assert.ok(task.approved_count <= task.target_providers);
  const stake = task.required_stake;
  for (const result of task.results) {
    move(who.agentId, -result.credits_paid);
    move(result.agent_id, result.credits_paid);
    if (!["rejected", "failed", "expired"].includes(result.status)) continue;
    move(result.agent_id, -stake);
    move(who.agentId, stake);
  }
}
