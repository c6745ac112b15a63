/** Tasks (contract §7): submitted once, done by a provider that is really connected, paid when they are done. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ProviderError } from "@guildhall/sdk";
import { DATABASE_HOSTS, emptyDirectory, isSkipped } from "../support/database.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { FILMED, film, MP4, openFilmer, TASK_CREDITS } from "./filmer.ts";
import { accountOf, assertBooks, assertSumIsBalance, openAccount, PLAY_CREDITS } from "./money.ts";
import { assertRefused, isPythonMissing, runClient, send } from "./support.ts";
import {
  assertUntouched,
  BAD,
  BODY,
  isOver,
  LEFT,
  look,
  type Scene,
  submit,
  until,
} from "./task-scene.ts";

const SCENARIOS: Readonly<Record<string, (t: TestContext, scene: Scene) => Promise<void>>> = {
  async "a task from its submission to its receipt"(_t, { hall, filmer, newcomer }) {
    const ada = await newcomer();
    const go = Promise.withResolvers<void>();
    filmer.work = async (input, context) => {
      await context.chunk({ nothing: "that says how far" });
      await context.chunk({ progress: 0.25 });
      await go.promise;
      return film(input, context);
    };
    const seen = filmer.asked.length;
    const input = { prompt: " Morning ", duration_ms: 5_000, aspect_ratio: "9:16" };
    const metadata = { case: 7, progress: "mine", note: "\u2028é" };
    const { status, body } = await submit(ada, { kind: "video", input, metadata });
    assert.equal(status, 202, JSON.stringify(body));
    assert.match(body.task_id, /^task_[0-9a-f]{24}$/);
    assert.deepEqual(
      [body.status, body.kind, body.provider_id, body.error, body.output, body.completed_at],
      ["queued", "video", "filmer", null, null, null],
    );
    assert.equal(body.workspace_id, `ws_${ada.workspaceId.replace(/^\w+_/, "")}`);
    assert.equal(await ada.balance(), LEFT, "its price is held");
    const running = await until(ada, body.task_id, (task) => task.status === "running");
    assert.deepEqual(running.metadata, { ...metadata, progress: 0.25 });
    assert.ok(running.started_at >= running.created_at && running.updated_at >= running.started_at);
    assert.deepEqual(filmer.asked[seen]?.input, { ...input, prompt: "Morning" });
    assert.deepEqual(
      (await ada.list("/v1/usage-events")).map((use) => [
        use.capability,
        use.status,
        use.settlement,
      ]),
      [["video", "pending", null]],
    );
    await assertSumIsBalance(ada);
    go.resolve();

    const done = await until(ada, body.task_id, isOver);
    assert.deepEqual([done.status, done.error], ["succeeded", null]);
    assert.ok(done.completed_at >= done.started_at);
    for (const instant of [done.created_at, done.updated_at, done.started_at, done.completed_at]) {
      assert.match(instant, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    const { output } = done;
    assert.deepEqual(
      [output.media_type, output.duration_ms, output.width, output.height],
      ["video/mp4", 5_000, 1280, 720],
    );
    assert.equal(done.metadata.artifact_url, output.artifact_url);
    assert.deepEqual([done.metadata.case, done.metadata.progress], [7, 1]);
    const artifact = await fetch(output.artifact_url);
    assert.deepEqual(
      [
        artifact.status,
        artifact.headers.get("content-type"),
        artifact.headers.get("content-length"),
      ],
      [200, "video/mp4", String(MP4.length)],
    );
    assert.ok(MP4.equals(Buffer.from(await artifact.arrayBuffer())));
    assert.equal((await fetch(output.artifact_url.replace(/.$/, "_"))).status, 404);

    assert.equal(await ada.balance(), LEFT);
    const [use] = await ada.list("/v1/usage-events");
    assert.deepEqual(
      [use.capability, use.status, use.provider_id, use.settlement.convertedFinalDebit.amount],
      ["video", "settled", "filmer", TASK_CREDITS],
    );
    const [entry] = await ada.list("/v1/ledger");
    assert.deepEqual(
      [entry.type, entry.status, entry.amount.amount, entry.reference_id],
      ["usage_debit", "posted", -TASK_CREDITS, use.request_id],
    );
    await assertSumIsBalance(ada);
    // What was made can be used for the next one: it is hers.
    filmer.work = film;
    const next = await submit(ada, {
      ...BODY,
      input: { prompt: "x", media_ids: [output.media_id, output.media_id.slice(4)] },
    });
    assert.equal(next.status, 202, JSON.stringify(next.body));
    await until(ada, next.body.task_id, isOver);
    const [first] = filmer.asked.at(-1)?.input.media ?? [];
    assert.equal(first.file_id, output.media_id);
    assert.ok(MP4.equals(Buffer.from(await (await fetch(first.url)).arrayBuffer())));
    await assertBooks(hall);
  },

  async "it is only theirs who asked for it"(_t, { filmer, newcomer }) {
    filmer.work = film;
    const [ada, bob] = [await newcomer(), await newcomer()];
    const { body } = await submit(ada);
    await until(ada, body.task_id, isOver);
    assertRefused(await look(bob, body.task_id), 404, "task_not_found");
    for (const id of [
      "task_0123456789abcdef01234567",
      "nonsense",
      body.task_id.slice(5),
      "task_",
    ]) {
      assertRefused(await look(ada, id), 404, "task_not_found");
    }
    // Whoever does it knows it as a run, and other runs are no tasks.
    const run = await filmer.member.ask("GET", `/invoke/inv_${body.task_id.slice(5)}`);
    assert.equal(run.status, 200);
    const foreign = await submit(bob, {
      ...BODY,
      input: { prompt: "x", media_ids: [(await look(ada, body.task_id)).body.output.media_id] },
    });
    assertRefused(foreign, 400, "invalid_request");
    await assertUntouched(bob, foreign);
  },

  async "the same key is the same task, in whatever state it is, and is paid once"(_t, scene) {
    const { hall, filmer, newcomer } = scene;
    const ada = await newcomer();
    const go = Promise.withResolvers<void>();
    filmer.work = async (input, context) => {
      await go.promise;
      return film(input, context);
    };
    const before = filmer.asked.length;
    const keyed = { ...BODY, metadata: { a: 1, b: [2] }, idempotency_key: " openclaw-task-1 " };
    const replies = await Promise.all(Array.from({ length: 20 }, () => submit(ada, keyed)));
    const ids = new Set(replies.map(({ body }) => body.task_id));
    assert.equal(ids.size, 1, JSON.stringify(replies.map(({ body }) => body)));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(19).fill(200), 202]);
    const reordered = {
      ...{ idempotency_key: "openclaw-task-1", metadata: { b: [2], a: 1 } },
      ...{ input: { prompt: "Morning in the Alps  " }, kind: "video" },
    };
    assert.equal((await submit(ada, reordered)).body.task_id, replies[0]?.body.task_id);
    for (const other of [
      { ...keyed, metadata: { a: 1, b: [3] } },
      { ...keyed, metadata: undefined },
      { ...keyed, input: { prompt: "Evening" } },
      { ...keyed, input: { ...keyed.input, duration_ms: 5_000 } },
    ]) {
      assertRefused(await submit(ada, other), 409, "idempotency_conflict");
    }
    go.resolve();
    const [id = ""] = ids;
    const done = await until(ada, id, isOver);
    assert.equal(filmer.asked.length, before + 1, "it was done once");
    const late = await submit(ada, keyed);
    assert.deepEqual([late.status, late.body.status], [200, "succeeded"]);
    assert.equal(late.body.completed_at, done.completed_at);
    assert.equal(await ada.balance(), LEFT);
    // A key is a workspace's own, and another wire's keys are others.
    const bob = await newcomer();
    assert.equal((await submit(bob, keyed)).status, 202);
    await assertBooks(hall);
  },

  async "a task that fails costs nothing, and says why"(_t, { hall, filmer, newcomer }) {
    const ada = await newcomer();
    filmer.work = () => {
      throw new ProviderError("provider_failed", "unsupported_media_type: media.0 is no picture.");
    };
    const failed = await until(ada, (await submit(ada)).body.task_id, isOver);
    assert.deepEqual(
      [failed.status, failed.error, failed.output],
      ["failed", "provider_failed: unsupported_media_type: media.0 is no picture.", null],
    );
    assert.ok(failed.completed_at);
    assert.equal(await ada.balance(), PLAY_CREDITS);
    // What it names as made may be anything: addresses are only made of files of one's own.
    filmer.work = () => ({ output: { file: { file_id: `fil_${"0".repeat(24)}` } } });
    const empty = await until(ada, (await submit(ada)).body.task_id, isOver);
    assert.deepEqual([empty.status, empty.output.artifact_url], ["succeeded", undefined]);
    await assertBooks(hall);
  },

  async "limits of a key, a request and a wallet hold for tasks as well"(_t, scene) {
    const { hall, filmer, newcomer } = scene;
    filmer.work = film;
    const { email } = await newcomer();
    const made = await hall.admin("POST", "/keys", {
      ...{ email, kind: "claw_wsk", label: "small", daily_usd: "0.15" },
    });
    const ada = accountOf(hall, {
      ...{ email, key: String(made.key), keyId: String(made.key_id), workspaceId: "" },
    });
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) => submit(ada, { ...BODY, metadata: { index } })),
    );
    assert.equal(answers.filter(({ status }) => status === 202).length, 1);
    for (const answer of answers) {
      if (answer.status !== 202) assertRefused(answer, 403, "spend_limit_reached");
    }
    const bob = await newcomer();
    const headers = { authorization: `Bearer ${bob.key}`, "guildhall-max-usd": "0.09" };
    const capped = await send(hall, "POST", "/v1/tasks", BODY, headers);
    assertRefused(capped, 403, "budget_exceeded");
    await assertUntouched(bob, capped);
    await assertBooks(hall);
  },

  async "files are taken for a run only while it is worked on, and only so many"(_t, scene) {
    const { hall, filmer, newcomer } = scene;
    const [ada, bob] = [await newcomer(), await hall.member("other@example.com")];
    const outcome: { tooMany?: unknown; foreign?: number } = {};
    const upload = (key: string, runId: string) => {
      const form = new FormData();
      form.append("file", new File([new Uint8Array(MP4)], "video.mp4"));
      const headers = { authorization: `Bearer ${key}` };
      const path = `/api/guildhall/v1/runs/${runId}/files`;
      return fetch(hall.url + path, { method: "POST", headers, body: form });
    };
    filmer.work = async (_input, context) => {
      outcome.foreign = (await upload(bob.key, context.runId)).status;
      const make = () => context.upload({ bytes: MP4, filename: "a.mp4" });
      const all = [];
      for (let round = 0; round < 6; round++) {
        all.push(...(await Promise.allSettled([make(), make(), make()])));
      }
      const refused = all.filter((each) => each.status === "rejected");
      assert.equal(all.length - refused.length, 16);
      outcome.tooMany = refused[0]?.reason;
      return { output: {} };
    };
    const { body } = await submit(ada);
    const done = await until(ada, body.task_id, isOver);
    assert.equal(done.status, "succeeded", done.error);
    assert.equal(outcome.foreign, 404);
    assert.match(String(outcome.tooMany), /conflict: A run may have at most 16 files/);
    const late = await upload(filmer.member.key, body.task_id.slice(5));
    assert.equal(late.status, 404);
  },

  async "the published client submits, waits and looks"(t, { hall, filmer, newcomer }) {
    if (isPythonMissing(t)) return;
    filmer.work = film;
    const { key } = await newcomer();
    const home = await emptyDirectory(t);
    const run = (...args: string[]) => runClient(hall, [...args, "--api-key", key], home);
    const body = ["--body-json", JSON.stringify(BODY)];
    const watched = await run("tasks-submit", ...body, "--watch", "--interval-seconds", "0.1");
    assert.equal(watched.code, 0, watched.said);
    const task = watched.printed.response;
    assert.equal(task.status, "succeeded");
    assert.match(watched.printed.response_headers["content-type"], /^application\/json/);
    const again = await run("tasks-submit", ...body);
    assert.equal(again.printed.response.task_id, task.task_id, "by its stored key");
    const status = await run("tasks-status", "--task-id", task.task_id);
    assert.equal(status.printed.response.output.width, 1280);
    const follow = await run("tasks-watch", "--task-id", task.task_id);
    assert.equal(follow.printed.response.status, "succeeded");
    const other = await run("tasks-submit", ...body, "--allow-duplicate-submit");
    assert.notEqual(other.printed.response.task_id, task.task_id);
    const unknown = await run("tasks-status", "--task-id", "task_nobody");
    assert.deepEqual([unknown.code, unknown.printed.message], [1, "HTTP 404 task_not_found"]);
  },
};

for (const host of DATABASE_HOSTS) {
  test(`tasks (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, FILMED);
    let count = 0;
    const newcomer = () => openAccount(hall, `newcomer-${count++}@example.org`);
    const early = await newcomer();
    assertRefused(await submit(early), 503, "task_executor_not_found");
    const filmer = await openFilmer(t, hall);
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      await t.test(name, (inner) => scenario(inner, { hall, filmer, newcomer }));
    }

    await t.test("what is no task is refused, nobody is asked, and its key is free", async () => {
      const ada = await newcomer();
      const before = filmer.asked.length;
      for (const [body, field] of BAD) {
        const keyed = typeof body === "string" ? body : { idempotency_key: "k", ...body };
        const reply = await ada.ask("POST", "/v1/tasks", keyed);
        assertRefused(reply, 400, "invalid_request");
        if (field !== "") assert.equal(reply.body.details?.field, field, JSON.stringify(body));
      }
      assertRefused(
        await ada.ask("POST", "/v1/tasks", "x".repeat(1_100_000)),
        413,
        "payload_too_large",
      );
      const allowing = { authorization: `Bearer ${ada.key}`, "guildhall-max-usd": "0.0123" };
      const dear = await send(
        hall,
        "POST",
        "/v1/tasks",
        { ...BODY, idempotency_key: "k" },
        allowing,
      );
      assertRefused(dear, 403, "budget_exceeded");
      assert.match(
        dear.body.message,
        /^This costs 0\.\d+ US dollars, and you allow 0\.0123 for it\.$/,
      );
      const { required, limit } = dear.body.details;
      assert.deepEqual(limit, { amount: 1.23, unit: "credits" });
      assert.ok(required.amount > 1.23 && required.unit === "credits", JSON.stringify(required));
      assert.equal(await ada.balance(), PLAY_CREDITS);
      assert.equal(filmer.asked.length, before);
      filmer.work = film;
      const media_urls = ["http://a.example:80/b.png", "https://a.example:8443/c.png"];
      const fine = { ...BODY, input: { prompt: "x", media_urls }, idempotency_key: "k" };
      const { status, body } = await submit(ada, fine);
      assert.equal(status, 202, JSON.stringify(body));
      await until(ada, body.task_id, isOver);
      assert.deepEqual(filmer.asked.at(-1)?.input.media, [
        { url: "https://a.example/b.png" },
        { url: "https://a.example:8443/c.png" },
      ]);
      assertRefused(await ada.ask("DELETE", "/v1/tasks/x"), 405, "method_not_allowed");
    });

    await t.test("nobody there is said before money is looked at, and after the key", async () => {
      const ada = await newcomer();
      filmer.work = film;
      const keyed = { ...BODY, idempotency_key: "before" };
      const { body } = await submit(ada, keyed);
      await until(ada, body.task_id, isOver);
      await filmer.leave();
      const away = await submit(ada, { ...BODY, idempotency_key: "while" });
      assertRefused(away, 503, "task_executor_not_found");
      assertRefused(await submit(ada, { ...BODY, kind: "audio" }), 400, "invalid_request");
      assert.equal((await submit(ada, keyed)).body.task_id, body.task_id);
      assertRefused(await submit(ada, { ...keyed, metadata: {} }), 409, "idempotency_conflict");
      await filmer.reconnect();
      const there = await submit(ada, { ...BODY, idempotency_key: "while" });
      assert.equal(there.status, 202);
      await until(ada, there.body.task_id, isOver);
      await assertBooks(hall);
    });
  });
}

test("a wallet that lacks money is told how much; one without room for files, that", async (t) => {
  const hall = await startGuildhall(t, "embedded", {
    ...{ ...FILMED, GUILDHALL_FILES_BYTES_MAX: "300" },
  });
  const filmer = await openFilmer(t, hall);
  const ada = await openAccount(hall, "ada@example.org");
  const first = await submit(ada);
  assert.equal((await until(ada, first.body.task_id, isOver)).status, "succeeded");
  const full = await until(ada, (await submit(ada)).body.task_id, isOver);
  assert.equal(full.status, "failed");
  assert.match(full.error, /storage_limit_reached: The workspace has no room/);
  assert.equal(await ada.balance(), LEFT);

  await filmer.reprice(2_000_000);
  const poor = await submit(ada, { ...BODY, idempotency_key: "poor" });
  assertRefused(poor, 402, "insufficient_balance");
  assert.deepEqual(
    [poor.body.error_code, poor.body.current_balance, poor.body.required_balance],
    [
      "insufficient_balance",
      { amount: LEFT, unit: "credits" },
      { amount: 20_000, unit: "credits" },
    ],
  );
  assert.match(poor.body.workspace_id, /^ws_/);
  assert.equal(await ada.balance(), LEFT);
  await filmer.reprice(1_000);
  assert.equal((await submit(ada, { ...BODY, idempotency_key: "poor" })).status, 202);
  await assertBooks(hall);
});

test("a server that was told to takes no tasks", async (t) => {
  const hall = await startGuildhall(t, "embedded", { GUILDHALL_TASK_EXECUTOR: "none" });
  const ada = await openAccount(hall, "ada@example.org");
  assertRefused(await submit(ada), 503, "task_executor_not_found");
  await assertUntouched(ada, await submit(ada));
});
