/**
 * Runs a command of ours on a Node that can: the one that is running, else the pinned one.
 *
 * Goal: `npx linkedclaw …` works with whatever Node from 20 a machine has. The sources run by type
 * stripping, silently only from 24.3, so an older Node hands over to the one that npm installed as
 * the `node` package, or as a last resort to itself with the warning about it switched off.
 *
 * This file may therefore use nothing that is not in Node 20 itself.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
/** Type stripping without a warning, and type stripping at all. */
const SILENT = [24, 3];
const ABLE = [22, 18];
/** Set for the Node that was handed over to, so that handing over cannot go in circles. */
const HANDED_OVER = "GUILDHALL_CLI_HANDED_OVER";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command `name`; `bin` is the file that the caller was started as. */
export async function launch(name, bin) {
  if (isAtLeast(SILENT) || process.env[HANDED_OVER]) {
    delete process.env[HANDED_OVER];
    await keepCompiled();
    const { main } = await import("../src/main.ts");
    await main(name);
    return;
  }
  const node = pinnedNode() ?? (isAtLeast(ABLE) ? process.execPath : undefined);
  if (node) return handOver(node, fileURLToPath(bin));
  const message = `Node ${process.versions.node} is too old and no newer one is installed here.`;
  const hint = "Run npm install in the repository, or use Node 22.18 or newer.";
  console.error(JSON.stringify({ error: { code: "node_too_old", message, hint } }));
  process.exitCode = 1;
}

/**
 * Keeps what was compiled, so that the next command starts in half the time. In the user's own cache:
 * a directory that all users share would let one of them decide what another one runs.
 */
async function keepCompiled() {
  const { enableCompileCache } = await import("node:module");
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  enableCompileCache?.(join(cache, "guildhall"));
}

function isAtLeast([major, minor]) {
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** npm hoists the `node` package, so it is in some `node_modules` on the way up. */
function pinnedNode() {
  const program = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = HERE; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", "node", "bin", program);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) return undefined;
  }
}

function handOver(node, bin) {
  const flags = ["--disable-warning=ExperimentalWarning"];
  const child = spawn(node, [...flags, bin, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [HANDED_OVER]: "1" },
  });
  // A terminal signals the whole group, a supervisor only us. Twice is harmless: the child drains once.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(JSON.stringify({ error: { code: "node_failed", message: error.message } }));
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}
