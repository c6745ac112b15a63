/** What somebody sees who sits at a terminal: a real one, as Python's pty makes it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { killAfterTest } from "../../server/test/support/cleanup.ts";
import { KEY, openSessionCloud, type SessionCloud } from "./session-cloud.ts";
import { COMPILED } from "./support.ts";

const LINKEDCLAW = fileURLToPath(new URL("../bin/linkedclaw.mjs", import.meta.url));
/** Runs what it is given at a terminal of its own, and passes on what is shown there. */
const PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
/** What is written just before a terminal closes may be lost to its reader: it stays open a moment. */
const LINGER = ["sh", "-c", '"$@"; code=$?; sleep 0.2; exit $code', "sh"];
const HAS_PTY = spawnSync("python3", ["-c", "import pty"]).status === 0;
const ESCAPE = String.fromCharCode(27);
const CLEAR_LINE = `\r${ESCAPE}[2K`;

async function atTerminal(
  t: TestContext,
  cloud: SessionCloud,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const command = [...LINGER, process.execPath, LINKEDCLAW, ...args];
  const child = spawn("python3", ["-c", PTY, ...command], {
    env: {
      ...{ PATH: process.env.PATH, HOME: cloud.home, TERM: "xterm", NODE_COMPILE_CACHE: COMPILED },
      ...{ LINKEDCLAW_CONFIG_DIR: cloud.config, LINKEDCLAW_CLOUD_URL: cloud.url },
      ...{ LINKEDCLAW_API_KEY: KEY, ...env },
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  killAfterTest(t, child);
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (shown += more));
  const [code] = await once(child, "close");
  return { code: code as number | null, shown };
}

const skip = HAS_PTY ? false : "there is no python3 to make a terminal with";

test("at a terminal a wait moves and says how long it takes, and leaves nothing behind", {
  skip,
}, async (t) => {
  const cloud = await openSessionCloud(t);
  const session = cloud.session();
  const { code, shown } = await atTerminal(t, cloud, [
    ...["recv", session.session_id, "--wait", "2", "--human"],
  ]);
  assert.equal(code, 0, shown);
  assert.match(shown, /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
  assert.match(shown, /waiting for the reply/);
  for (const seconds of ["0 s", "1 s"]) assert.ok(shown.includes(seconds), shown);
  const [, after = ""] = shown.split(CLEAR_LINE).slice(-2);
  assert.doesNotMatch(after, /waiting/, "the line is cleared");
  assert.match(after, /No reply yet/, JSON.stringify(shown));
  assert.ok(after.includes(`${ESCAPE}[`), "in colour");
});

test("colours and movement are a terminal's alone, and colours can be declined", {
  skip,
}, async (t) => {
  const cloud = await openSessionCloud(t);
  const session = cloud.session();
  const args = ["recv", session.session_id, "--wait", "1", "--human"];
  const piped = await cloud.linkedclaw(args);
  assert.equal(piped.code, 0);
  assert.equal(piped.stderr, "");
  assert.ok(!piped.stdout.includes(ESCAPE));
  const plain = await atTerminal(t, cloud, args, { NO_COLOR: "1" });
  assert.doesNotMatch(plain.shown.replaceAll(CLEAR_LINE, ""), new RegExp(`${ESCAPE}\\[`));
  assert.match(plain.shown, /No reply yet/);
});
