/**
 * House rules that neither the compiler nor a linter can see.
 *
 * Goal: a reviewer never has to say these things. Method: read every source file once, as
 * text, and name each offence by file and line. A rule that needs an exception lists it here,
 * with its reason, where the next reader will look.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));
const FILE_LINES_MAX = 400;
/** Each is a file, or, once it outgrows one, a folder with a file a noun. */
const SURFACE_ROOMS = ["decode", "encode", "errors", "routes"];

/** Folders under surfaces/ that are not JSON over HTTP, and so have rooms of their own. */
const OTHER_SHAPES = new Map([
  ["shared", "serves every wire"],
  ["oauth", "its bodies and errors are fixed by RFC 6749 and RFC 8628"],
  ["sign-in", "pages for people"],
  ["provider-socket", "frames, not requests"],
  ["dashboard", "static files"],
]);

interface Rule {
  says: string;
  pattern: RegExp;
  where: RegExp;
  except?: RegExp;
}

// biome-ignore format: read as a table
const RULES: readonly Rule[] = [
  { says: "domain/ never waits",            pattern: /\b(?:async|await|Promise)\b/,                            where: /^domain\// },
  { says: "time comes from lib/clock",      pattern: /\bDate\.now\(|new Date\(\)/,                             where: /./, except: /^lib\/clock\.ts$/ },
  { says: "chance comes from lib/random",   pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,        where: /./, except: /^lib\/random\.ts$/ },
  { says: "SQL lives in store/",            pattern: /`\s*(?:select|insert into|update|delete from|with)\s/i,  where: /./, except: /^store\// },
  { says: "only core/ opens a transaction", pattern: /\btransaction\(/,                                       where: /^(?:surfaces|outbound)\// },
  { says: "finish it or file it",           pattern: /\b(?:FIXME|XXX|HACK)\b/,                                 where: /./ },
];

test("house rules", () => {
  const offences = sourceFiles().flatMap(({ path, lines }) =>
    RULES.filter((rule) => rule.where.test(path) && !rule.except?.test(path)).flatMap((rule) =>
      lines.flatMap((line, index) =>
        rule.pattern.test(line) && !isComment(line) ? [`${path}:${index + 1}: ${rule.says}`] : [],
      ),
    ),
  );
  assert.deepEqual(offences, []);
});

test("no file outgrows one sitting", () => {
  const long = sourceFiles().filter(({ lines }) => lines.length > FILE_LINES_MAX);
  assert.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines.length} lines`),
    [],
  );
});

test("every surface has the same rooms", () => {
  const surfaces = readdirSync(join(SRC, "surfaces"), { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !OTHER_SHAPES.has(entry.name),
  );
  assert.ok(surfaces.length > 0, "the walk found no surface; is SRC right?");
  for (const { name } of surfaces) {
    const rooms = readdirSync(join(SRC, "surfaces", name)).map((file) => file.replace(/\.ts$/, ""));
    assert.deepEqual(
      SURFACE_ROOMS.filter((room) => !rooms.includes(room)),
      [],
      `surfaces/${name} lacks`,
    );
  }
});

function sourceFiles(): { path: string; lines: string[] }[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(SRC, file), lines: readFileSync(file, "utf8").split("\n") }));
}

function isComment(line: string): boolean {
  return /^\s*(?:\/\/|\/?\*)/.test(line);
}
