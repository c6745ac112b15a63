/** Tasks that an interface of OpenAI's shape does: handed over once, looked at, fetched; also across a kill. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";
import { MP4 } from "./filmer.ts";
import { type Account, assertBooks, openAccount, PLAY_CREDITS } from "./money.ts";
import { assertRefused } from "./support.ts";
import { startVideoServer, VIDEO_KEY, type VideoServer } from "./video-server.ts";

const MODEL = "openai/sora-2";
const EXECUTOR = { GUILDHALL_TASK_EXECUTOR: `sora/${MODEL}` };
/** Fifty cents. */
const PRICE_CREDITS = 50;
/** A PNG of one pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const submit = (account: Account, input: object = {}, more: object = {}) =>
  account.ask("POST", "/v1/tasks", {
    ...{ kind: "video", input: { prompt: "A plane", ...input } },
    ...more,
  });

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
type Task = any;

async function until(account: Account, id: string, isThere: (task: Task) => boolean) {
  for (;;) {
    const { body } = await account.ask("GET", `/v1/tasks/${id}`);
    if (isThere(body)) return body;
    await delay(50);
  }
}

const isOver = ({ status }: Task) => status === "succeeded" || status === "failed";

async function setUp(hall: Guildhall, video: VideoServer): Promise<Account> {
  await hall.admin("POST", "/members", { email: "owner@example.org" });
  const added = await hall.admin("POST", "/upstreams", {
    ...{ email: "owner@example.org", provider_id: "sora", kind: "openai-videos", url: video.url },
    ...{ key: VIDEO_KEY, models: [{ model: MODEL }] },
  });
  assert.ok(!JSON.stringify(added).includes(VIDEO_KEY));
  return openAccount(hall, "ada@example.org");
}

const price = (hall: Guildhall) =>
  hall.admin("POST", "/prices", {
    ...{ model: MODEL, input_usd: "0", output_usd: "0", request_usd: "0.50" },
  });

for (const host of DATABASE_HOSTS) {
  test(`an interface does tasks (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const video = await startVideoServer(t);
    const hall = await startGuildhall(t, host, EXECUTOR);
    const ada = await setUp(hall, video);
    let spent = 0;
    const assertSpent = async (credits: number) => {
      spent += credits;
      assert.equal(await ada.balance(), PLAY_CREDITS - spent);
      await assertBooks(hall);
    };

    await t.test("what it cannot make, or has no price, is refused; nobody is asked", async () => {
      assertRefused(await submit(ada), 503, "task_executor_not_found");
      await price(hall);
      for (const input of [
        { duration_ms: 12_001 },
        { aspect_ratio: "1:1" },
        { media_urls: ["https://a.example/1.png", "https://a.example/2.png"] },
        { media_ids: ["fil_0123456789abcdef01234567"] },
      ]) {
        assertRefused(await submit(ada, input), 400, "invalid_request");
      }
      assert.equal(video.made.length, 0);
      const tested = await hall.admin("POST", "/upstreams/sora/test", {});
      assert.deepEqual([tested.ok, video.made.length], [true, 0], JSON.stringify(tested));
      // It is no model that answers.
      const asked = await ada.ask("POST", "/v1/executions", { instruction: "hi", model: MODEL });
      assert.ok(asked.status >= 400, JSON.stringify(asked.body));
      assert.deepEqual((await ada.ask("GET", "/v1/models")).body.data, []);
      await assertSpent(0);
    });

    await t.test("while it or its owner is suspended, nothing is taken or held", async () => {
      const { upstreams } = await hall.admin("GET", "/upstreams");
      const owner = { email: "owner@example.org" };
      for (const [path, body] of [
        [`/agents/${(upstreams as unknown as { agent_id: string }[])[0]?.agent_id}`, {}],
        ["/members", owner],
      ] as const) {
        await hall.admin("POST", `${path}/suspend`, body);
        assertRefused(await submit(ada), 503, "task_executor_not_found");
        await hall.admin("POST", `${path}/resume`, body);
      }
      assert.equal(video.made.length, 0);
      await assertSpent(0);
    });

    await t.test("a video is handed over once, looked at, fetched, and paid", async () => {
      const form = new FormData();
      form.append("file", new File([new Uint8Array(PNG)], "a.png"));
      const headers = { authorization: `Bearer ${ada.key}` };
      const uploaded = await fetch(`${hall.url}/api/v1/files`, {
        method: "POST",
        headers,
        body: form,
      });
      const { file_id } = (await uploaded.json()) as { file_id: string };
      const input = { media_ids: [file_id], duration_ms: 5_000, aspect_ratio: "9:16" };
      // Busy at first: it surely did nothing, so it is asked again.
      video.answers.push([429, { error: { message: "Rate limit reached" } }]);
      const { status, body } = await submit(ada, input, { metadata: { note: 1 } });
      assert.deepEqual([status, body.status, body.provider_id], [202, "queued", "sora"]);
      await assertSpent(PRICE_CREDITS);
      Object.assign(video, { status: "in_progress", progress: 40 });
      const running = await until(ada, body.task_id, ({ status }) => status === "running");
      assert.deepEqual(running.metadata, { note: 1, progress: 0.4 });
      assert.equal(video.made.length, 2);
      for (const { form: sent, headers: with_ } of video.made) {
        const picture = sent.get("input_reference") as File;
        assert.deepEqual(
          [sent.get("model"), sent.get("prompt"), sent.get("seconds"), sent.get("size")],
          ["sora-2", "A plane", "8", "720x1280"],
        );
        assert.ok(PNG.equals(Buffer.from(await picture.arrayBuffer())));
        assert.equal(with_["idempotency-key"], body.task_id.slice(5));
      }
      video.status = "completed";
      const done = await until(ada, body.task_id, isOver);
      assert.deepEqual([done.status, done.error], ["succeeded", null]);
      const { output } = done;
      assert.deepEqual(
        [output.duration_ms, output.width, output.height, output.media_type],
        [8_000, 720, 1280, "video/mp4"],
      );
      assert.ok(MP4.equals(Buffer.from(await (await fetch(output.artifact_url)).arrayBuffer())));
      const [use] = await ada.list("/v1/usage-events");
      assert.deepEqual(
        [use.capability, use.status, use.provider_id, use.settlement.amount],
        ["video", "settled", "sora", PRICE_CREDITS],
      );
      await assertSpent(0);
    });

    await t.test("what fails there, or brings something else, costs nothing", async () => {
      video.status = "failed";
      const failed = await until(ada, (await submit(ada)).body.task_id, isOver);
      assert.deepEqual(
        [failed.status, failed.error],
        ["failed", "provider_failed: Nobody may be shown"],
      );
      video.answers.push([400, { error: { message: "The prompt is not allowed" } }]);
      const refused = await until(ada, (await submit(ada)).body.task_id, isOver);
      assert.equal(refused.error, "provider_failed: The prompt is not allowed");
      video.answers.push([401, { error: { message: `Incorrect API key ${VIDEO_KEY}` } }]);
      const locked = await until(ada, (await submit(ada)).body.task_id, isOver);
      assert.match(locked.error, /not set up properly/);
      Object.assign(video, { status: "completed", content: Buffer.from("<html>Sorry</html>") });
      const other = await until(ada, (await submit(ada)).body.task_id, isOver);
      assert.match(other.error, /kind of file is not accepted/);
      video.answers.push([200, { id: "video_x", status: "sleeping" }]);
      const odd = await until(ada, (await submit(ada)).body.task_id, isOver);
      assert.match(odd.error, /^provider_bad_output: /);
      assert.ok(!hall.output().includes(VIDEO_KEY));
      await assertSpent(0);
    });

    await t.test("one workspace's many do not keep another's waiting", async () => {
      const many = 20;
      const bob = await openAccount(hall, "bob@example.org");
      video.answers.push(...Array.from({ length: many }, () => "nothing" as const));
      const before = video.made.length;
      const prompts = () => video.made.slice(before).map(({ form }) => String(form.get("prompt")));
      for (let index = 0; index < many; index++) {
        assert.equal((await submit(ada, { prompt: "mine" })).status, 202);
      }
      while (prompts().length < 4) await delay(20);
      assert.equal((await submit(bob, { prompt: "theirs" })).status, 202);
      for (let wait = 0; wait < 250 && !prompts().includes("theirs"); wait++) await delay(20);
      assert.ok(prompts().includes("theirs"), `${prompts().length} were handed over`);
      assert.equal(prompts().filter((prompt) => prompt === "mine").length, 4);
    });
  });
}

for (const host of DATABASE_HOSTS) {
  test(`an interface does tasks across a kill (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const video = await startVideoServer(t);
    const hall = await startGuildhall(t, host, EXECUTOR);
    const ada = await setUp(hall, video);
    await price(hall);
    let spent = 0;
    const assertSpent = async (credits: number) => {
      spent += credits;
      assert.equal(await ada.balance(), PLAY_CREDITS - spent);
      await assertBooks(hall);
    };

    await t.test(
      "kill -9: what was taken is looked at further, and never asked for twice",
      async () => {
        Object.assign(video, { status: "in_progress", progress: 10, content: MP4 });
        const { task_id } = (await submit(ada)).body;
        await until(ada, task_id, ({ status }) => status === "running");
        const made = video.made.length;
        await hall.kill("SIGKILL");
        video.status = "completed";
        await hall.restart();
        const done = await until(ada, task_id, isOver);
        assert.deepEqual([done.status, done.error], ["succeeded", null]);
        assert.equal(video.made.length, made);
        await assertSpent(PRICE_CREDITS);
      },
    );

    await t.test("kill -9 while it is handed over: nobody knows, so it fails, unpaid", async () => {
      video.answers.push("nothing");
      const made = video.made.length;
      const { task_id } = (await submit(ada)).body;
      while (video.made.length === made) await delay(20);
      await hall.kill("SIGKILL");
      await hall.restart();
      const failed = await until(ada, task_id, isOver);
      assert.match(failed.error, /^provider_failed: The server went away while/);
      assert.equal(video.made.length, made + 1);
      await assertSpent(0);
    });
  });
}
