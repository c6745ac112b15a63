/** docs/configuration.md lists every setting as config.ts has it, and nothing else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SETTINGS } from "../../src/config.ts";
import { RATE_LIMITS } from "../../src/config-rates.ts";

const PAGE = readFileSync(new URL("../../../../docs/configuration.md", import.meta.url), "utf8");
const source = (name: string) =>
  readFileSync(new URL(`../../src/${name}`, import.meta.url), "utf8");
const SOURCE = source("config.ts");

test("the page lists each setting with what it is unless set", () => {
  const rows = SETTINGS.map(
    ({ name, fallback, meaning }) =>
      `| \`${name}\` | ${fallback.replace(/</g, "&lt;")} | ${meaning} |`,
  );
  assert.deepEqual(rowsUnder("## Settings"), rows);
});

test("the page lists each group of the rate limits", () => {
  const rows = rowsUnder("## Rate limits").map((row) => row.split(" | ").slice(0, 2).join(" | "));
  const expected = Object.entries(RATE_LIMITS).map(([group, count]) => `| \`${group}\` | ${count}`);
  assert.deepEqual(rows, expected);
});

test("each setting is read, and none is there twice", () => {
  const names = SETTINGS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const readers = SOURCE.slice(SOURCE.indexOf("export function readConfig"));
  const code = readers + source("config-money.ts");
  const unread = names.filter((name) => {
    // Vendors' settings are read by a name put together from their first word.
    const ending = name.replace(/^[A-Z]+(?=_(?:CLIENT_ID|CLIENT_SECRET|URL|KEY|MODEL)$)/, "");
    return !code.includes(`"${name}"`) && !code.includes(`}${ending}\``);
  });
  assert.deepEqual(unread, []);
});

/** The rows of the first table under a heading, without its head. */
function rowsUnder(heading: string): string[] {
  const [, part = ""] = PAGE.split(`${heading}\n`);
  const section = part.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1);
}
