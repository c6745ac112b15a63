/** Rows 22 and 28: a task for many. What time alone does is shown with a held clock, elsewhere. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answerOf, errorOf } from "../support.ts";
import { shows } from "./checklist.ts";
import { FUNDS, type Person, price, type Stage, scenarios } from "./stage.ts";

const WAIT = fileURLToPath(
  new URL("../../../../skills/linkedclaw-requester/scripts/gig-task-wait.sh", import.meta.url),
);
const LINKEDCLAW = fileURLToPath(new URL("../../bin/linkedclaw.mjs", import.meta.url));

/** Somebody with an agent in whose name tasks are asked for. */
async function asker(stage: Stage): Promise<Person> {
  const ann = await stage.person();
  const { body } = await ann.member.ask("POST", "/agents", {
    ...{ slug: `asks-${ann.email.split("@")[0]}`, agent_name: "Asks", description: "Asks." },
    ...{ capabilities: ["ask"], capabilities_meta: { ask: { description: "Asks." } } },
  });
  await ann.told("config", "set", "agentId", String(body.agent_id));
  return ann;
}

async function create(ann: Person, capability: string, rest: object = {}) {
  const task = {
    ...{ capability, instruction: "Label it.", target_providers: 2, credits_per_provider: 10 },
    ...{ task_params: { text: "x" }, ...rest },
  };
  return ann.run(["gig-task", "create", "-"], { input: JSON.stringify(task) });
}

/** Agents that answer what they are asked. */
function workers(stage: Stage, capability: string, count: number) {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      stage.offer({
        ...{ capability, meta: price("per_task", 5) },
        handlers: { task: () => ({ output: { label: `number ${index}` } }) },
      }),
    ),
  );
}

const counts = (task: Record<string, unknown>) =>
  ["accepted_count", "completed_count", "approved_count", "rejected_count"].map(
    (name) => task[name],
  );

/** Waits until so many results are in. */
// biome-ignore lint/suspicious/noExplicitAny: a task is whatever JSON the test looks into.
async function handedIn(ann: Person, taskId: string, count: number): Promise<any> {
  const givesUpAt = performance.now() + 30_000;
  for (;;) {
    const { body } = await ann.member.ask("GET", `/gig-tasks/${taskId}`);
    const isIn = ({ status }: { status: string }) => status === "pending_verification";
    if (body.results.filter(isIn).length >= count) return body;
    assert.ok(performance.now() < givesUpAt, JSON.stringify(body));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

scenarios("broadcasts", {
  async "22: each result is counted, judged in either way, and paid once it is approved"(stage) {
    shows(22);
    const capability = "label.pair.v1";
    const offered = await workers(stage, capability, 2);
    const ann = await asker(stage);
    const unknown = errorOf(await create(ann, capability, { reward_credits: 5 }));
    assert.equal(unknown.http_status, 422);
    assert.match(unknown.message, /reward_credits/);
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);

    // biome-ignore lint/suspicious/noExplicitAny: the same.
    const task = answerOf(await create(ann, capability)) as any;
    assert.match(task.idempotency_key, /./);
    assert.deepEqual(await ann.credits(), [FUNDS - 20, 20]);
    const { results } = await handedIn(ann, task.task_id, 2);
    const [first, second] = results.map(({ result_id }: { result_id: string }) => result_id);
    const verify = ["gig-task", "verify", task.task_id, first];
    await ann.refused([...verify, "--verdict", "perhaps"], 2);
    await ann.refused([...verify, "--verdict", "approved", "--quality-score", "101"], 2);
    const one = await ann.told(...verify, "--verdict", "approved", "--quality-score", "80");
    assert.deepEqual([one.status, ...counts(one)], ["open", 2, 1, 1, 0]);
    const review = ["gig-task", "review", task.task_id, second];
    await ann.refused([...review, "--verdict", "approve", "--quality-score", "6"], 2);
    const two = await ann.told(...review, "--verdict", "approve", "--quality-score", "4");
    assert.deepEqual([two.status, ...counts(two)], ["completed", 2, 2, 2, 0]);
    const scores = two.results.map(({ quality_score }: { quality_score: number }) => quality_score);
    assert.deepEqual(scores, [80, 80], "four stars are eighty");
    assert.deepEqual(await ann.credits(), [FUNDS - 20, 0]);
    for (const { member } of offered) {
      assert.equal((await member.ask("GET", "/credits")).body.available, FUNDS + 10);
    }
    const [listed] = await ann.told("gig-task", "list", "--status", "completed");
    assert.equal(listed.task_id, task.task_id);
  },

  async "22: what is rejected is not paid, and cancelling gives the rest back"(stage) {
    shows(22);
    const capability = "label.one.v1";
    const [worker] = await workers(stage, capability, 1);
    const ann = await asker(stage);
    // biome-ignore lint/suspicious/noExplicitAny: the same.
    const task = answerOf(await create(ann, capability, { target_providers: 3 })) as any;
    const { results } = await handedIn(ann, task.task_id, 1);
    const verify = ["gig-task", "verify", task.task_id, results[0].result_id];
    const rejected = await ann.told(...verify, "--verdict", "rejected", "--notes", '{"why":"no"}');
    assert.deepEqual(counts(rejected).slice(1), [1, 0, 1]);
    const cancelled = await ann.told("gig-task", "cancel", task.task_id);
    assert.equal(cancelled.status, "cancelled");
    assert.equal((await ann.refused(["gig-task", "cancel", task.task_id])).http_status, 409);
    assert.deepEqual(await ann.credits(), [FUNDS, 0]);
    assert.equal((await worker?.member.ask("GET", "/credits"))?.body.available, FUNDS);
  },

  async "22: a provider finds, takes and answers one by hand, and the same key is the same task"(
    stage,
  ) {
    shows(22);
    const capability = "label.hand.v1";
    const ann = await asker(stage);
    const bob = await asker(stage);
    const text = (input: object) => JSON.stringify(input);
    const key = ["--idempotency-key", "once"];
    const input = text({
      ...{ capability, instruction: "Label it.", target_providers: 1, credits_per_provider: 10 },
      verifier_method: "output_schema",
      result_schema: { type: "object", required: ["label"] },
    });
    const args = ["gig-task", "create", "-", ...key];
    // biome-ignore lint/suspicious/noExplicitAny: the same.
    const task = answerOf(await ann.run(args, { input })) as any;
    // biome-ignore lint/suspicious/noExplicitAny: the same.
    const again = answerOf(await ann.run(args, { input })) as any;
    assert.equal(again.task_id, task.task_id);
    assert.deepEqual(await ann.credits(), [FUNDS - 10, 10]);

    const { body } = await bob.member.ask("GET", "/agents?owner=me");
    const agentId = body[0].agent_id as string;
    await bob.member.ask("PATCH", `/agents/${agentId}`, {
      ...{ capabilities: [capability], capabilities_meta: { [capability]: { description: "L." } } },
    });
    const [found] = await bob.told("gig-task", "available", "--capability", capability);
    assert.equal(found.task_id, task.task_id);
    assert.match((await bob.told("gig-task", "accept", task.task_id)).result_id, /^res_/);
    const submit = ["gig-task", "submit", task.task_id, "--body"];
    assert.equal((await bob.refused([...submit, "{}"])).code, "result_schema_mismatch");
    await bob.told(...submit, '{"label":"cat"}');
    const done = await ann.told("gig-task", "get", task.task_id);
    assert.deepEqual([done.status, done.approved_count], ["completed", 1], "what fits is approved");
    assert.deepEqual(await bob.credits(), [FUNDS + 10, 0]);
  },

  async "28: the script that waits ends with what it waited for, with time, or with a usage"(
    stage,
  ) {
    shows(28);
    const capability = "label.wait.v1";
    await workers(stage, capability, 1);
    const ann = await asker(stage);
    // biome-ignore lint/suspicious/noExplicitAny: the same.
    const task = answerOf(await create(ann, capability, { target_providers: 1 })) as any;
    const bin = join(ann.home, "linkedclaw");
    writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${LINKEDCLAW}" "$@"\n`);
    chmodSync(bin, 0o755);
    const wait = async (...args: string[]) => {
      const child = spawn("/bin/sh", [WAIT, ...args], {
        env: { PATH: `${ann.home}:${process.env.PATH}`, LINKEDCLAW_CONFIG_DIR: ann.config },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (more: string) => (stdout += more));
      const [code] = await once(child, "close");
      return { code: code as number, stdout };
    };
    const reached = await wait(
      task.task_id,
      "--until",
      "accepted_count=1",
      "--total-seconds",
      "30",
      "--poll-seconds",
      "1",
    );
    assert.equal(reached.code, 0, reached.stdout);
    assert.equal(JSON.parse(reached.stdout).task_id, task.task_id);
    const late = await wait(task.task_id, "--total-seconds", "1", "--poll-seconds", "1");
    assert.equal(late.code, 1);
    assert.equal(JSON.parse(late.stdout).approved_count, 0);
    assert.equal((await wait(task.task_id, "--until", "nothing=1")).code, 2);
    await ann.told("gig-task", "cancel", task.task_id);
  },
});
