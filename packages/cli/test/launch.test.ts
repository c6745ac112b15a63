/** The launchers: whatever Node starts them, a command runs on one that can. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { killAfterTest } from "../../server/test/support/cleanup.ts";
import { shell, startCloud, temporaryDirectory } from "./support.ts";

const BIN = fileURLToPath(new URL("../bin/linkedclaw.mjs", import.meta.url));

/** A Node of this machine that cannot run the sources itself, if there is one. */
function olderNode(): string | undefined {
  return ["/usr/bin/node", "/usr/local/bin/node"].filter(existsSync).find((path) => {
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
    return major >= 20 && (major < 24 || (major === 24 && minor < 3));
  });
}

test("an older Node hands over to the one that npm installed", async (t) => {
  const node = olderNode();
  if (node === undefined) return t.skip("no older Node on this machine");
  const home = temporaryDirectory(t);
  const run = (...args: string[]) =>
    spawnSync(node, [BIN, ...args], {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", HOME: home },
      input: "",
    });
  const version = run("--version");
  assert.deepEqual([version.status, version.stderr], [0, ""]);
  assert.match(version.stdout, /^linkedclaw \d+\.\d+\.\d+\n$/);
  const mistake = run("nonsense");
  assert.deepEqual([mistake.status, mistake.stdout], [2, ""]);
  assert.equal(mistake.stderr.trim().split("\n").length, 1);
});

test("a signal reaches the Node that was handed over to", async (t) => {
  const node = olderNode();
  if (node === undefined) return t.skip("no older Node on this machine");
  const cloud = await startCloud(t, () => new Promise(() => undefined));
  const { home } = shell(t);
  const child = spawn(node, [BIN, "credits"], {
    stdio: "ignore",
    env: { HOME: home, LINKEDCLAW_API_KEY: "lc_x", LINKEDCLAW_CLOUD_URL: cloud.url },
  });
  killAfterTest(t, child);
  while (cloud.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGTERM");
  await once(child, "exit");
  assert.notEqual(child.exitCode, 0);
});

test("a command runs by a link to it, as npm makes one", async (t) => {
  const link = join(temporaryDirectory(t), "linkedclaw");
  symlinkSync(BIN, link);
  const { status, stdout } = spawnSync(process.execPath, [link, "--version"], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.match(stdout, /^linkedclaw /);
});
