/**
 * Checks the import rules, and that the checker really read the code.
 *
 * dependency-cruiser reads TypeScript through the `typescript` package. Where it cannot use the
 * installed one (7.x, at the time of writing) it skips every .ts file and reports success.
 */
import { execFileSync } from "node:child_process";

const tracked = execFileSync("git", ["ls-files", "packages/*/src/*.ts", "packages/*/src/**/*.ts"], {
  encoding: "utf8",
});
const expected = new Set(tracked.split("\n").filter(Boolean));
const cruised = JSON.parse(run("json", { allowFailure: true }));
const read = new Set(cruised.modules.map((module) => module.source));
const unread = [...expected].filter((file) => !read.has(file));

if (expected.size === 0 || unread.length > 0) {
  console.error(
    `boundaries: the checker read ${read.size} files but missed ${unread.length} of ${expected.size}:`,
  );
  console.error(unread.slice(0, 10).join("\n"));
  process.exit(1);
}
console.log(run("err-long"));

function run(outputType, { allowFailure = false } = {}) {
  try {
    return execFileSync("npx", ["depcruise", "packages", "--output-type", outputType], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 1 << 28,
    });
  } catch (error) {
    if (allowFailure) return error.stdout;
    console.error(error.stdout);
    process.exit(1);
  }
}
