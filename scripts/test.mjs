/**
 * Runs the tests: `npm test [-- file or folder …]`, `npm run test:long`.
 *
 * Everything that this machine can run is run; what needs a service that is missing is reported as
 * skipped. `REQUIRE_SERVICES=1` turns each such skip into a failure.
 *
 * Most of what tests cost is the start of processes and the copying of databases. So the sources are
 * compiled once for all processes, and temporary files are in memory where the machine has room.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync, mkdirSync, statfsSync, statSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

const LONG = "--long";
/** Half of them wait for something at any time: a clock, a disk, a process that was killed. */
const FILES_AT_ONCE = 4;
/** Where memory is a file system on Linux, and the room there that tests are sure to get along with. */
const MEMORY = "/dev/shm";
const MEMORY_BYTES_MIN = 2 * 1024 ** 3;
/** What a server, its database's thread and a test load. */
const COMPILED_FIRST = ["app.ts", "store/embedded/engine.ts", "store/embedded/host.ts"];

const args = process.argv.slice(2);
const named = args.filter((arg) => arg !== LONG && !arg.startsWith("--"));
const flags = args.filter((arg) => arg !== LONG && arg.startsWith("--"));
const files =
  named.length > 0
    ? named.flatMap((name) => (isFolder(name) ? globSync(`${name}/**/*.test.ts`).sort() : [name]))
    : globSync(["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts"]).sort();

if (files.length === 0) {
  console.error("test: found no test file; is the working directory the repository?");
  process.exit(1);
}

const temporary = temporaryDirectory();
const env = {
  ...process.env,
  TMPDIR: temporary,
  NODE_COMPILE_CACHE: join(temporary, "guildhall-compiled"),
  ...(args.includes(LONG) && { GUILDHALL_TEST_LONG: "1" }),
};
if (named.length === 0) compile();
const child = spawn(
  process.execPath,
  [
    // The embedded database's code is optimized as it is used, which takes as long as its start does
    // and pays where a server runs for hours. Here only what is used a lot is.
    "--wasm-tiering-budget=500000000",
    "--test",
    `--test-concurrency=${FILES_AT_ONCE}`,
    // Of a whole file as well: what hangs ends, and what a busy machine makes slow does not.
    "--test-timeout=900000",
    ...flags,
    ...files,
  ],
  { stdio: "inherit", env },
);
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});

/** One that stays, for it has templates of databases in it; each test puts away what is its own. */
function temporaryDirectory() {
  let directory = process.env.TMPDIR;
  if (!directory && roomIn(MEMORY) >= MEMORY_BYTES_MIN) {
    directory = join(MEMORY, `guildhall-tests-${userInfo().uid}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  return directory ?? tmpdir();
}

function isFolder(name) {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function roomIn(directory) {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** A process writes down what it compiled when it ends by itself, and most that tests start are killed. */
function compile() {
  const imports = COMPILED_FIRST.map((file) => {
    const url = new URL(`../packages/server/src/${file}`, import.meta.url);
    return `await import(${JSON.stringify(url.href)});`;
  });
  spawnSync(process.execPath, ["--input-type=module", "--eval", imports.join("\n")], {
    stdio: ["ignore", "inherit", "inherit"],
    env,
  });
}
