/** The lock over what is kept of a session: exclusive, also where its holders are killed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { killAfterTest } from "../../server/test/support/cleanup.ts";
import { Failure } from "../src/failure.ts";
import { withSessionLock } from "../src/linkedclaw/session/lock.ts";
import { temporaryDirectory } from "./support.ts";

const CHILD = fileURLToPath(new URL("./lock-child.ts", import.meta.url));
const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const ROUNDS = IS_LONG ? 400 : 40;

function start(t: TestContext, directory: string, rounds: number) {
  const child = spawn(process.execPath, [CHILD, directory, String(rounds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  killAfterTest(t, child);
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  return { child, ended: once(child, "close").then(() => said) };
}

test("nobody is in while somebody is, also where those who are in are killed", async (t) => {
  const directory = temporaryDirectory(t);
  const staying = Array.from({ length: 3 }, () => start(t, directory, ROUNDS));
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      const { child, ended } = start(t, directory, 1_000_000);
      await delay(150 + Math.random() * 100);
      child.kill("SIGKILL");
      assert.doesNotMatch(await ended, /not alone/);
    }
  })();
  const said = await Promise.all(staying.map(({ ended }) => ended));
  isOver = true;
  await killing;
  assert.deepEqual(said, ["done\n", "done\n", "done\n"]);
  await withSessionLock(directory, "ses_1", async () => undefined);
  const names = readdirSync(join(directory, ".locks"));
  assert.equal(names.length, 64);
  assert.ok(
    names.every((name) => /^token-\d\d$/.test(name)),
    "every token is back",
  );
});

test("who waits too long is told so, and a lock that is held for minutes is lost", async (t) => {
  const directory = temporaryDirectory(t);
  const tokens = join(directory, ".locks");
  const held = () => readdirSync(tokens).find((name) => /^token-\d\d\./.test(name)) ?? "";
  await withSessionLock(directory, "ses_1", async (lock) => {
    const late = withSessionLock(directory, "ses_1", async () => undefined, 60);
    await assert.rejects(
      late,
      (error) => error instanceof Failure && error.code === "session_busy",
    );
    assert.equal(await lock.isHeld(), true);
    // As if this process had been stopped for an hour.
    const [token = "", since = "", ...who] = held().split(".");
    const longAgo = [token, Number(since) - 3_600_000, ...who].join(".");
    renameSync(join(tokens, held()), join(tokens, longAgo));
    await withSessionLock(directory, "ses_1", async () => undefined, 60);
    assert.equal(await lock.isHeld(), false);
  });
  assert.equal(held(), "");
});

test("sessions do not wait for each other", async (t) => {
  const directory = temporaryDirectory(t);
  await withSessionLock(directory, "ses_1", () =>
    withSessionLock(directory, "ses_2", async () => undefined, 60),
  );
});
