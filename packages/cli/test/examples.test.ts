/** The examples: what their pages say to do is done, by a newcomer in a checkout. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { profileOf } from "../../../examples/provider-sdk/profile.ts";
import { runPage } from "./blocks.ts";
import { type Hall, inAHall } from "./hall.ts";
import { temporaryDirectory } from "./support.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Not the one that somebody may be using. */
const CONTRAST_PORT = String(20_000 + (process.pid % 20_000));

// biome-ignore format: read as a table
const EXAMPLES = [
  ["provider-cmd",  { diff: "--- before\n+++ after\n@@ -1,2 +1,2 @@\n one\n-two\n+2", changed_lines: 2 }],
  ["provider-http", { ratio: 4.48, aa: false, aaa: false }],
  ["provider-acp",  "hold: money of an account that is promised to a work.\n"],
  ["provider-sdk",  { rows: 2, columns: [{ name: "city", empty: 0, distinct: 2 }, { name: "people", empty: 1, distinct: 1, numbers: { min: 2_100_000, max: 2_100_000, mean: 2_100_000 } }] }],
] as const;

inAHall("each example does what its page says", async (t, hall) => {
  const outputs = await Promise.all(EXAMPLES.map(([name]) => follow(t, hall, name)));
  EXAMPLES.forEach(([name, expected], index) => {
    const printed = outputs[index]?.at(-1)?.stdout ?? "";
    assert.deepEqual(typeof expected === "string" ? printed : JSON.parse(printed), expected, name);
  });
});

test("the profile of a file is that of its fields, however they are quoted", () => {
  const csv = '\uFEFFname,"said, then"\r\n"Ann ""A.""",1\r\nBob,-2.5\r\n"two\nlines",\r\n';
  assert.deepEqual(profileOf(csv), {
    rows: 3,
    columns: [
      { name: "name", empty: 0, distinct: 3 },
      { name: "said, then", empty: 1, distinct: 2, numbers: { min: -2.5, max: 1, mean: -0.75 } },
    ],
  });
  assert.deepEqual(profileOf("only,a head"), {
    rows: 0,
    columns: [
      { name: "only", empty: 0, distinct: 0 },
      { name: "a head", empty: 0, distinct: 0 },
    ],
  });
  for (const broken of ['a\n"b', 'a\nb"c', "a\n1,2"]) {
    assert.throws(() => profileOf(broken), RangeError, broken);
  }
});

/** Follows one page, as somebody who has just logged in. */
async function follow(t: TestContext, hall: Hall, name: string) {
  const home = temporaryDirectory(t);
  const checkout = join(home, "guildhall");
  mkdirSync(checkout);
  // A copy: what runs here may leave files beside it.
  cpSync(join(ROOT, "examples"), join(checkout, "examples"), { recursive: true });
  for (const part of ["node_modules", "docs"]) symlinkSync(join(ROOT, part), join(checkout, part));
  const { key } = await hall.server.member(`${name}@example.org`);
  const env = { GUILDHALL_DATA_DIR: hall.server.dataDirectory, CONTRAST_PORT };
  return runPage(t, {
    file: join(checkout, "examples", name, "README.md"),
    home,
    cwd: checkout,
    env: { ...env, LOGIN_KEY: key },
    before: 'printf %s "$LOGIN_KEY" | linkedclaw login --paste > /dev/null; unset LOGIN_KEY',
  });
}
