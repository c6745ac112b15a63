/** The scripts of the OpenMarlin skill are what their sources give. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { bundleSkillScripts, SERVER_OF_CHECKOUT } from "../../src/distribution/skill-scripts.ts";
import { SCRIPTS } from "./scripts.ts";

test("the scripts that are given away are what the sources give", async () => {
  const made = await bundleSkillScripts(SERVER_OF_CHECKOUT);
  assert.deepEqual(readdirSync(SCRIPTS).sort(), [...made.keys()].sort());
  for (const [name, text] of made) {
    assert.equal(readFileSync(join(SCRIPTS, name), "utf8"), text, "run: npm run skills");
  }
});

test("they need nothing but Node, and tell nothing of the machine that made them", async () => {
  const made = await bundleSkillScripts("https://hall.example.org");
  assert.equal(made.size, 3);
  const builtin = new Set(builtinModules.map((name) => `node:${name}`));
  for (const [name, text] of made) {
    const imports = [...text.matchAll(/^import .* from "([^"]+)";$/gm)].map(
      ([, from = ""]) => from,
    );
    assert.ok(imports.length > 3, name);
    assert.deepEqual(
      imports.filter((from) => !builtin.has(from)),
      [],
      name,
    );
    // In Node since 20.12 and 22: before, a file that names them does not start.
    assert.doesNotMatch(text, /\bstyleText\b|\bwithResolvers\b/, name);
    assert.doesNotMatch(text, /\brequire\(|(?<!\.)\bimport\(/, name);
    assert.ok(!text.includes(join(SCRIPTS, "..", "..", "..")), name);
    assert.ok(text.includes("https://hall.example.org"), "the server that gave it away");
  }
});
