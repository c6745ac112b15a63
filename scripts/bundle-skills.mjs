/**
 * Writes the scripts of the skills that are made from sources: `npm run skills`. With `--check` it writes
 * nothing, and fails where what is committed is not what the sources give.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  bundleSkillScripts,
  SERVER_OF_CHECKOUT,
  SKILL_SCRIPTS,
} from "../packages/cli/src/distribution/skill-scripts.ts";

const directory = fileURLToPath(new URL(`../${SKILL_SCRIPTS}`, import.meta.url));
const scripts = await bundleSkillScripts(SERVER_OF_CHECKOUT);

if (process.argv.includes("--check")) {
  const there = readdirSync(directory);
  const stale = [...new Set([...there, ...scripts.keys()])].filter(
    (name) =>
      !there.includes(name) || readFileSync(join(directory, name), "utf8") !== scripts.get(name),
  );
  if (stale.length > 0) {
    console.error(`skills: ${stale.join(", ")} of ${SKILL_SCRIPTS} are stale; run: npm run skills`);
    process.exit(1);
  }
} else {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of scripts) writeFileSync(join(directory, name), text);
}
