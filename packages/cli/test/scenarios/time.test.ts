/**
 * Rows 4, 19 and 22, and what the janitor says (contract R2): what time alone does, as people see it by
 * our commands. Short times are settings; of a day, the rows are changed as the day would have.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../../server/src/store/database.ts";
import { answerOf, errorOf, until } from "../support.ts";
import { shows } from "./checklist.ts";
import { ECHO, FUNDS, type Person, price, type Stage, scenarios } from "./stage.ts";

const HOUR_MS = 3_600_000;

async function hired(stage: Stage, messages: number) {
  const { agentId, capability } = await stage.offer({
    ...{ meta: price("per_message", 5), handlers: ECHO },
  });
  const ann = await stage.person();
  const hire = ["hire", agentId, "--capability", capability, "--max-messages", `${messages}`];
  const { session_id: id } = await ann.told(...hire);
  await ann.told("send", id, "hello");
  await ann.told("recv", id, "--wait", "30");
  return { ann, id: id as string };
}

// biome-ignore lint/suspicious/noExplicitAny: an answer is whatever JSON the test looks into.
async function eventually(ann: Person, path: string, isDone: (body: any) => boolean) {
  const givesUpAt = performance.now() + 60_000;
  for (;;) {
    const { body } = await ann.member.ask("GET", path);
    if (isDone(body)) return body;
    assert.ok(performance.now() < givesUpAt, JSON.stringify(body));
    await sleep(100);
  }
}

/** Half a day and an hour, for a session in which nobody says anything. */
async function sleepsThrough(database: Database, id: string): Promise<void> {
  const own = [id.slice("ses_".length)];
  await database.query(
    `update session_logs set last_at = last_at - interval '13 hours',
                             warned_at = warned_at - interval '13 hours' where session_id = $1`,
    own,
  );
  await database.query(
    "update work set deadline_at = deadline_at - interval '13 hours' where id = $1",
    own,
  );
}

scenarios(
  "times",
  {
    async "22: a result that nobody judges is approved by time"(stage) {
      shows(22);
      const capability = "label.time.v1";
      const worker = await stage.offer({
        capability,
        handlers: { task: () => ({ output: { label: "cat" } }) },
      });
      const ann = await stage.person();
      const listing = {
        ...{ slug: "asks-in-time", agent_name: "Asks", description: "Asks." },
        ...{ capabilities: ["ask"], capabilities_meta: { ask: { description: "Asks." } } },
      };
      const registered = await ann.run(["provider", "register", "-"], {
        input: JSON.stringify(listing),
      });
      const { agent_id } = answerOf(registered) as { agent_id: string };
      const input = JSON.stringify({
        ...{ capability, instruction: "Label it.", target_providers: 1, credits_per_provider: 10 },
      });
      const create = ["gig-task", "create", "-", "--principal-agent-id", agent_id];
      const { task_id } = answerOf(await ann.run(create, { input })) as { task_id: string };
      const waited = await ann.told(
        ...["gig-task", "wait", task_id, "--until", "approved_count=1", "--total-seconds", "60"],
        ...["--poll-seconds", "1"],
      );
      assert.equal(waited.reached, true);
      const task = await ann.told("gig-task", "get", task_id);
      assert.deepEqual([task.status, task.results[0].status], ["completed", "approved"]);
      assert.deepEqual(await ann.credits(), [FUNDS - 10, 0]);
      const { body } = await worker.member.ask("GET", "/credits");
      assert.equal(body.available, FUNDS + 10);
    },

    async "4, 19: a code lives for ten minutes, a used-up leg for a day, an idle one is warned about"(
      stage,
    ) {
      shows(4, 19);
      const { server } = stage.hall;
      const [used, later, idle] = await Promise.all([
        hired(stage, 1),
        hired(stage, 1),
        hired(stage, 3),
      ]);
      for (const { ann, id } of [used, later]) {
        const { status, termination_reason } = await ann.told("cancel", id);
        assert.deepEqual([status, termination_reason], ["cancelled", "max_messages"]);
      }
      const login = stage.hall.stranger().start("linkedclaw", ["login", "--device"]);
      await until(() => /[A-Z]+-[A-Z]+-\d\d/.test(login.stderr()), "a code was shown");
      // It sleeps through what the server sleeps through.
      login.child.kill("SIGSTOP");
      await server.asleep(async (database) => {
        await database.query("update handoffs set expires_at = expires_at - interval '10 minutes'");
        await database.query(
          "update session_endings set at = at - interval '24 hours' where session_id = $1",
          [later.id.slice("ses_".length)],
        );
        await sleepsThrough(database, idle.id);
      });
      login.child.kill("SIGCONT");
      const tooLate = await later.ann.refused(["extend", later.id, "--tier"]);
      assert.deepEqual(
        [tooLate.code, tooLate.http_status, tooLate.window_s],
        ["resume_window_exceeded", 409, 86_400],
      );
      assert.deepEqual(await later.ann.credits(), [FUNDS - 5, 0]);

      await eventually(used.ann, "/agents?capability=chat.v1", (cards) => cards.length >= 3);
      const next = await used.ann.told("extend", used.id, "--tier");
      assert.equal(next.session.parent_session_id, used.id);
      assert.deepEqual(await used.ann.credits(), [FUNDS - 10, 5]);
      await used.ann.told("cancel", next.session.session_id);
      assert.equal(errorOf(await login.finished).code, "expired_token");

      await isWarnedOf(idle.ann, idle.id);
      await server.asleep((database) => sleepsThrough(database, idle.id));
      await eventually(idle.ann, `/sessions/${idle.id}`, ({ status }) => status === "ended");
      const [ended] = await idle.ann.told("sessions", "list", "--status", "ended");
      assert.deepEqual([ended.session_id, ended.termination_reason], [idle.id, "abandoned"]);
      assert.deepEqual(await idle.ann.credits(), [FUNDS - 5, 0], "one of three was answered");
      const over = await idle.ann.refused(["extend", idle.id, "--tier"]);
      assert.equal(over.code, "session_abandoned_not_resumable");
    },
  },
  { GUILDHALL_BROADCAST_REVIEW_SECONDS: "2" },
);

/** In the list, in its log, and in what a person reads. */
async function isWarnedOf(ann: Person, id: string): Promise<void> {
  await eventually(ann, `/sessions/${id}`, ({ idle_warned_at }) => idle_warned_at !== null);
  const [session] = await ann.told("sessions", "list", "--status", "active");
  assert.equal(session.session_id, id);
  const spanMs = Date.parse(session.idle_settles_at) - Date.parse(session.idle_warned_at);
  assert.ok(Math.abs(spanMs - 12 * HOUR_MS) < 60_000, "half of the time is left");
  const shown = await ann.run(["sessions", "list", "--human"]);
  assert.match(shown.stdout, new RegExp(`! ${id}: Nobody uses it`));
  const log = await ann.told("sessions", "events", id);
  assert.equal(log.filter(({ type }: { type: string }) => type === "session.idle").length, 1);
  assert.deepEqual(await ann.credits(), [FUNDS - 15, 15], "it is held");
}
