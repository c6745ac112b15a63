/**
 * Runs the tests: `npm test [-- file …]`, `npm run test:long`.
 *
 * Everything that this machine can run is run; what needs a service that is missing is reported as
 * skipped. `REQUIRE_SERVICES=1` turns each such skip into a failure. Files run two at a time, which
 * is what two cores carry without making timeouts lie.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

const LONG = "--long";
const args = process.argv.slice(2);
const named = args.filter((arg) => arg !== LONG && !arg.startsWith("--"));
const flags = args.filter((arg) => arg !== LONG && arg.startsWith("--"));
const files =
  named.length > 0
    ? named
    : globSync(["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts"]).sort();

if (files.length === 0) {
  console.error("test: found no test file; is the working directory the repository?");
  process.exit(1);
}

const child = spawn(
  process.execPath,
  [
    "--test",
    "--test-concurrency=2",
    "--test-timeout=300000",
    "--test-force-exit",
    ...flags,
    ...files,
  ],
  {
    stdio: "inherit",
    env: { ...process.env, ...(args.includes(LONG) ? { GUILDHALL_TEST_LONG: "1" } : {}) },
  },
);
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
