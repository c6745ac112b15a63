/** What a house that was killed leaves behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { noteProgram, removeLeftovers } from "../src/video/folder.ts";

/** A program that works in a folder, for as long as it is let. */
function startProgram(t: TestContext, folder: string) {
  const program = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1e6)", folder], {
    stdio: "ignore",
  });
  t.after(() => program.kill("SIGKILL"));
  return {
    pid: program.pid as number,
    program,
    ended: once(program, "exit", { signal: AbortSignal.timeout(10_000) }),
  };
}

/** The number of a process that is no more. */
async function pidOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid as number;
}

const folderOf = (pid: number) => mkdtemp(join(tmpdir(), `guildhall-video-${pid}-`));

test("what a killed house had begun ends with the next one; nothing else does", async (t) => {
  const dead = await pidOfTheDead();
  const [left, mistaken, alive] = [await folderOf(dead), await folderOf(dead), await folderOf(1)];
  t.after(() => rm(alive, { recursive: true }));
  const orphan = startProgram(t, left);
  const stranger = startProgram(t, "elsewhere");
  noteProgram(left, orphan.pid);
  // Its number is somebody else's by now.
  noteProgram(mistaken, stranger.pid);
  noteProgram(alive, stranger.pid);
  await removeLeftovers();
  assert.equal((await orphan.ended)[1], "SIGKILL");
  assert.equal(stranger.program.exitCode ?? stranger.program.signalCode, null);
  await assert.rejects(access(left));
  await assert.rejects(access(mistaken));
  await access(alive);
});
