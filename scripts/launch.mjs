/**
 * The front door of the repository: `npm start`, `npm test`, `npm run check`, `npm run bench`, `npm run skills`.
 *
 * Goal: each of them works on a fresh clone with nothing but git, npm and any Node from 20.
 *
 *   1. Install what is missing. A stamp of the lock file says whether anything changed.
 *   2. Run the command on the pinned Node, which npm installed as the `node` package.
 *
 * This file may therefore use nothing that is not in Node 20 itself.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const STAMP = join(ROOT, "node_modules", ".guildhall-installed");
const ON_WINDOWS = process.platform === "win32";
const PINNED_NODE = join(ROOT, "node_modules", "node", "bin", ON_WINDOWS ? "node.exe" : "node");

const PROGRAMS = {
  start: "packages/server/src/main.ts",
  test: "scripts/test.mjs",
  check: "scripts/check.mjs",
  bench: "scripts/bench.mjs",
  skills: "scripts/bundle-skills.mjs",
};

const [command = "start", ...rest] = process.argv.slice(2);
const program = PROGRAMS[command];
if (!program) {
  console.error(`launch: no such command "${command}"; one of ${Object.keys(PROGRAMS).join(", ")}`);
  process.exit(2);
}
install();
runOnPinnedNode(program, rest);

function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  const isCurrent = existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted;
  if (isCurrent && existsSync(PINNED_NODE)) return;
  console.error("guildhall: installing dependencies …");
  const npm = ON_WINDOWS ? "npm.cmd" : "npm";
  // Not `npm ci`: it fails where a registry lacks the optional build of a tool for another platform.
  // Their output goes to stderr, so that what a command prints on stdout stays its own.
  const { status } = spawnSync(npm, ["install", "--no-save", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
    shell: ON_WINDOWS,
  });
  if (status !== 0) {
    console.error("guildhall: npm could not install the dependencies; its own words are above.");
    process.exit(1);
  }
  // Anew, not over what was there: where node_modules was copied by hard links it is another's as well.
  rmSync(STAMP, { force: true });
  writeFileSync(STAMP, wanted);
}

function runOnPinnedNode(file, args) {
  const child = spawn(PINNED_NODE, [join(ROOT, file), ...args], { cwd: ROOT, stdio: "inherit" });
  // A terminal sends Ctrl-C to the whole group; a supervisor signals only us. Passing it on twice is harmless.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}
