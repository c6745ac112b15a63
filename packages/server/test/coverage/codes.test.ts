/** Every word with which LinkedClaw's wire refuses something is met by some test, of the server or of the command. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { LINKEDCLAW_ERRORS, NOT_FOUND_CODES } from "../../src/surfaces/linkedclaw/errors.ts";

const TESTS = ["../", "../../../cli/test/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Nothing that a caller can bring about: a server that has too much to do, and one with a bug. */
const NOT_TO_BE_HAD = ["overloaded", "internal"];

test("every code of LinkedClaw's wire is met by a test", () => {
  const text = TESTS.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => readFileSync(join(root, name), "utf8")),
  ).join("\n");
  const codes = new Set([
    ...Object.values(LINKEDCLAW_ERRORS).map(({ code }) => code),
    ...Object.values(NOT_FOUND_CODES),
  ]);
  const missing = [...codes].filter((code) => !text.includes(`"${code}"`));
  assert.deepEqual(
    missing.filter((code) => !NOT_TO_BE_HAD.includes(code)),
    [],
  );
});
