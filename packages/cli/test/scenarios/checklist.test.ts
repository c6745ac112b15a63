/** Each row of the checklist is shown by some test. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CHECKLIST } from "./checklist.ts";

const TESTS = fileURLToPath(new URL("../", import.meta.url));

test("every row of the checklist is cited by a test", () => {
  const files = readdirSync(TESTS, { recursive: true, encoding: "utf8" });
  const cited = files
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [
      ...readFileSync(join(TESTS, name), "utf8").matchAll(/\bshows\(([\d, ]+)\)/g),
    ])
    .flatMap(([, rows = ""]) => rows.split(",").map((row) => row.trim()));
  assert.deepEqual(
    Object.keys(CHECKLIST).filter((row) => !cited.includes(row)),
    [],
  );
});
