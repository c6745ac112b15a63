/**
 * What CI runs before the tests and what a developer runs before a commit: lint and format, types,
 * import rules, generated files, in the order of how fast they fail.
 */
import { spawnSync } from "node:child_process";

const STEPS = [
  ["lint and format", "biome", ["ci", "."]],
  ["types", "tsc", ["--project", "tsconfig.json"]],
  ["import rules", process.execPath, ["scripts/boundaries.mjs"]],
  ["scripts of the skills", process.execPath, ["scripts/bundle-skills.mjs", "--check"]],
  ["schema.sql", process.execPath, ["scripts/dump-schema.mjs", "--check"]],
];

for (const [name, program, args] of STEPS) {
  const startedAt = performance.now();
  const { status } = spawnSync(program, args, {
    stdio: "inherit",
    env: { ...process.env, PATH: `node_modules/.bin:${process.env.PATH}` },
  });
  if (status !== 0) {
    console.error(`check: ${name} failed`);
    process.exit(1);
  }
  console.error(`check: ${name} ok (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}
