/** What somebody sees who sits at a terminal while a task runs: a real one, as Python's pty makes it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { killAfterTest } from "../../../server/test/support/cleanup.ts";
import { COMPILED, startCloud, temporaryDirectory } from "../support.ts";
import { desk, KEY, SCRIPTS } from "./scripts.ts";

const PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
/** What is written just before a terminal closes may be lost to its reader: it stays open a moment. */
const LINGER = ["sh", "-c", '"$@"; code=$?; sleep 0.2; exit $code', "sh"];
const skip =
  spawnSync("python3", ["-c", "import pty"]).status === 0 ? false : "there is no python3";
const CLEAR_LINE = "\r\u001b[2K";

/** A task that is queued at first, runs for some looks, and says how far it is. */
function slowTask(t: TestContext) {
  let looks = 0;
  return startCloud(t, ({ method }) => {
    if (method === "POST") return { status: 202, body: { task_id: "task_1", status: "queued" } };
    const isOver = looks++ >= 6;
    const status = isOver ? "succeeded" : "running";
    return { body: { task_id: "task_1", status, metadata: { progress: looks / 10 } } };
  });
}

const SUBMIT = [
  ...["tasks-submit", "--watch", "--interval-seconds", "0.3"],
  ...["--body-json", '{"kind":"video","input":{"prompt":"A plane."}}'],
];

test("at a terminal one line says how a task stands, is drawn anew, and leaves nothing behind", {
  skip,
}, async (t) => {
  const cloud = await slowTask(t);
  const command = [...LINGER, process.execPath, join(SCRIPTS, "platform_request.mjs"), ...SUBMIT];
  const child = spawn("python3", ["-c", PTY, ...command], {
    env: {
      ...{ PATH: process.env.PATH, HOME: temporaryDirectory(t), TERM: "xterm" },
      ...{ NODE_COMPILE_CACHE: COMPILED, OPENMARLIN_SERVER_URL: cloud.url },
      OPENMARLIN_PLATFORM_API_KEY: KEY,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  killAfterTest(t, child);
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (shown += more));
  const [code] = await once(child, "close");
  assert.equal(code, 0, shown);
  assert.match(shown, /^Task task_1 is accepted: queued\./);
  const drawn = shown.split(CLEAR_LINE);
  assert.ok(drawn.length > 4, JSON.stringify(shown));
  assert.ok(
    drawn.some((line) => /task task_1 · running · ▰{6}▱{14} 30 %/.test(line)),
    JSON.stringify(shown),
  );
  assert.ok(
    drawn.some((line) => line.includes("1 s")),
    JSON.stringify(shown),
  );
  assert.match(
    drawn.at(-1) ?? "",
    /^Command: tasks-submit\r?\nTask ID: task_1\r?\nStatus: succeeded/,
  );
});

test("where stderr is no terminal, nothing moves", async (t) => {
  const cloud = await slowTask(t);
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const { stderr } = await one.platform(...SUBMIT);
  assert.equal(stderr, "Task task_1 is accepted: queued. Waiting for its end.\n");
});
