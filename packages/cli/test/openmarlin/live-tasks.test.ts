/** The scripts' tasks on a whole server of ours, done by the house that comes along: real videos. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { assertBooks, openAccount, PLAY_CREDITS } from "../../../server/test/openmarlin/money.ts";
import { inAHall, inEachHall } from "../hall.ts";
import { desk } from "./scripts.ts";

const film = (extra: object = {}) =>
  JSON.stringify({
    kind: "video",
    input: {
      prompt: 'Say "Hello" to everybody',
      duration_ms: 1_000,
      aspect_ratio: "4:1",
      ...extra,
    },
    metadata: { for: "a test" },
  });

/** A fresh server's house needs a moment until it is there. */
async function untilOpen(submit: () => Promise<{ code: number | null; stderr: string }>) {
  for (;;) {
    const { code, stderr } = await submit();
    if (code === 0) return;
    assert.match(stderr, /HTTP 503 task_executor_not_found: /);
    await delay(200);
  }
}

inEachHall(
  "a task is submitted and watched, and what it made can be played",
  async (t, hall) => {
    const email = "ada@example.org";
    await hall.server.member(email);
    const made = await hall.server.admin("POST", "/keys", { email, kind: "claw_wsk", label: "d" });
    const { platform, billing, file } = desk(t, {
      OPENMARLIN_SERVER_URL: hall.server.url,
      OPENMARLIN_PLATFORM_API_KEY: String(made.key),
    });
    await untilOpen(() => platform("tasks-submit", "--body-json", film()));
    const args = ["--body-json", film(), "--watch", "--interval-seconds", "0.1", "--json"];
    const watched = await platform("tasks-submit", ...args);
    assert.equal(watched.code, 0, watched.stderr);
    assert.match(watched.stderr, /^The same request was sent .* is used again/);
    const task = watched.json.response;
    assert.deepEqual(
      [task.status, task.error, task.provider_id, task.metadata.for, task.metadata.progress],
      ["succeeded", null, "house", "a test", 1],
    );
    assert.deepEqual(
      [task.output.duration_ms, task.output.width, task.output.height, task.output.media_type],
      [1_000, 1920, 480, "video/mp4"],
    );
    assert.equal(task.metadata.artifact_url, task.output.artifact_url);
    const response = await fetch(task.output.artifact_url);
    const video = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get("content-type"), "video/mp4");
    assert.equal(video.length, task.output.bytes);
    assert.deepEqual(boxesOf(video), ["ftyp", "moov", "free", "mdat"], "it plays while it comes");
    assert.ok(video.includes("avc1"), "in H.264");

    const status = await platform("tasks-status", "--task-id", task.task_id);
    assert.match(status.stdout, /^Command: tasks-status\nTask ID: task_\w+\nStatus: succeeded\n/);
    assert.match(file("task-state.json"), /"status": "succeeded"/);
    assert.match(
      (await billing("activity")).stdout,
      /capability=video status=settled provider=house request=\S+ units=1 final_debit=10 credits/,
    );
    const { json } = await billing("balance", "--json");
    assert.equal(json.balance.amount, PLAY_CREDITS - 10, "it was done once");

    const stripe = ["--body-json", film({ aspect_ratio: "9:1" }), "--interval-seconds", "0.1"];
    const refused = await platform("tasks-submit", ...stripe, "--watch");
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, /input\.aspect_ratio: must be from 1:4 to 4:1/);
    const after = await billing("balance", "--json");
    assert.equal(after.json.balance.amount, PLAY_CREDITS - 10, "what is refused costs nothing");
  },
  { GUILDHALL_HOUSE: "on" },
);

inAHall(
  "kill -9 in the middle of a video: the next house makes it, and it is paid once",
  async (_t, hall) => {
    const ada = await openAccount(hall.server, "ada@example.org");
    const body = JSON.parse(film({ duration_ms: 4_000 }));
    const look = async () => (await ada.ask("GET", `/v1/tasks/${id}`)).body;
    let id = "";
    while (id === "") {
      const { status, body: told } = await ada.ask("POST", "/v1/tasks", body);
      assert.ok(status === 202 || status === 503, JSON.stringify(told));
      id = told.task_id ?? "";
      await delay(100);
    }
    while (!((await look()).metadata.progress > 0)) await delay(50);
    await hall.server.kill("SIGKILL");
    await hall.server.restart();
    const found = await look();
    assert.equal(found.status, "running", JSON.stringify(found));
    let task = found;
    while (task.status === "running") {
      await delay(100);
      task = await look();
    }
    assert.deepEqual([task.status, task.error], ["succeeded", null]);
    const video = Buffer.from(await (await fetch(task.output.artifact_url)).arrayBuffer());
    assert.equal(video.length, task.output.bytes);
    assert.equal(await ada.balance(), PLAY_CREDITS - 10);
    await assertBooks(hall.server);
  },
  { GUILDHALL_HOUSE: "on" },
);

/** The kinds of the parts that an mp4 consists of (ISO/IEC 14496-12): a length and four letters each. */
function boxesOf(bytes: Buffer): string[] {
  const kinds: string[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    kinds.push(bytes.toString("latin1", at + 4, at + 8));
  }
  return kinds;
}
