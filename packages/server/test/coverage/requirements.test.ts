/** Each thing that a wire's clients may rely on is shown by some test (test/surfaces/<wire>/requirements.ts). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { REQUIREMENTS } from "../surfaces/linkedclaw/requirements.ts";

const TESTS = fileURLToPath(new URL("../", import.meta.url));

test("every requirement of LinkedClaw's wire is cited by a test", () => {
  const cited = citations();
  assert.deepEqual(
    REQUIREMENTS.filter(({ id }) => !cited.has(id)).map(({ id }) => id),
    [],
  );
});

test("each requirement has an id of its own, a section and a behaviour", () => {
  const ids = REQUIREMENTS.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { section, behaviour } of REQUIREMENTS) {
    assert.match(section, /^\d+(?:\.\d+)?$/);
    assert.ok(behaviour.length > 20);
  }
});

/** The ids in all calls of `verifies(…)` in test files. */
function citations(): ReadonlySet<string> {
  const files = readdirSync(TESTS, { recursive: true, encoding: "utf8" });
  const tests = files.filter((name) => name.endsWith(".test.ts"));
  const calls = tests.flatMap((name) => [
    ...readFileSync(join(TESTS, name), "utf8").matchAll(/\bverifies\(([^)]*)\)/g),
  ]);
  return new Set(
    calls.flatMap(([, ids = ""]) => [...ids.matchAll(/"([^"]+)"/g)].map(([, id = ""]) => id)),
  );
}
