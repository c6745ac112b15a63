/** A server that is killed while tasks are queued and running: each ends truthfully, and is paid once or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { FILMED, film, openFilmer, TASK_CREDITS } from "./filmer.ts";
import { type Account, assertBooks, openAccount, PLAY_CREDITS } from "./money.ts";

const submit = async (account: Account, key: string) => {
  const body = { kind: "video", input: { prompt: key }, idempotency_key: key };
  const reply = await account.ask("POST", "/v1/tasks", body);
  assert.ok([200, 202].includes(reply.status), JSON.stringify(reply.body));
  return reply.body;
};

const end = async (account: Account, id: string) => {
  for (;;) {
    const { body } = await account.ask("GET", `/v1/tasks/${id}`);
    if (body.status === "succeeded" || body.status === "failed") return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

for (const host of DATABASE_HOSTS) {
  test(`kill -9 in the middle of tasks (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, FILMED);
    const filmer = await openFilmer(t, hall);
    const ada = await openAccount(hall, "ada@example.org");
    const go = Promise.withResolvers<void>();
    filmer.work = async (input, context) => {
      // The second waits in its provider's queue: it has not begun.
      if (filmer.asked.length === 1) await context.chunk({ progress: 0.4 });
      await go.promise;
      return film(input, context);
    };
    const running = await submit(ada, "running");
    await filmer.until(1);
    const queued = await submit(ada, "queued");
    await filmer.until(2);
    while ((await ada.ask("GET", `/v1/tasks/${running.task_id}`)).body.status !== "running") {
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await hall.kill("SIGKILL");
    await hall.restart();

    await t.test("what was acknowledged is there, as it was", async () => {
      const found = await submit(ada, "running");
      assert.deepEqual(
        [found.task_id, found.status, found.metadata.progress],
        [running.task_id, "running", 0.4],
      );
      assert.equal((await submit(ada, "queued")).status, "queued");
      assert.equal(await ada.balance(), PLAY_CREDITS - 2 * TASK_CREDITS);
    });

    await t.test("a provider that comes back goes on where it was", async () => {
      go.resolve();
      const ends = await Promise.all([end(ada, running.task_id), end(ada, queued.task_id)]);
      assert.deepEqual(
        ends.map(({ status, error }) => [status, error]),
        [
          ["succeeded", null],
          ["succeeded", null],
        ],
      );
      assert.equal(filmer.asked.length, 2, "each was done once");
      assert.equal((await fetch(ends[0].output.artifact_url)).status, 200);
      assert.equal(await ada.balance(), PLAY_CREDITS - 2 * TASK_CREDITS);
      await assertBooks(hall);
    });

    await t.test(
      "a provider that never comes back costs nothing, at the deadline at the latest",
      async () => {
        filmer.work = () => new Promise(() => undefined);
        const { task_id } = await submit(ada, "forgotten");
        await filmer.until(3);
        await hall.kill("SIGKILL");
        await filmer.connection.stop({ drainMs: 0 });
        await hall.restart();
        await hall.asleep((database) =>
          database.query("update work set deadline_at = now() where id = $1", [task_id.slice(5)]),
        );
        const failed = await end(ada, task_id);
        assert.deepEqual(
          [failed.status, failed.error],
          ["failed", "deadline_exceeded: The provider did not answer in time."],
        );
        assert.equal(await ada.balance(), PLAY_CREDITS - 2 * TASK_CREDITS);
        await assertBooks(hall);
      },
    );
  });
}
