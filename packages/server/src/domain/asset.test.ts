import assert from "node:assert/strict";
import { test } from "node:test";
import { assetTypeOf, checkUploadPace, isShownInline, safeFilename } from "./asset.ts";
import type { AssetContent } from "./asset-content.ts";
import { Fault } from "./fault.ts";

function content(text: string, more: Partial<AssetContent> = {}): AssetContent {
  const isJson = (() => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  })();
  const head = Buffer.from(text, "latin1");
  return { head, isText: true, isJson, zipEntryNames: undefined, ...more };
}

const PNG = content("\x89PNG\r\n\x1a\n", { isText: false });
const PROSE = content("Hello");
const NOISE = content("\x01\x02\x03", { isText: false });

// biome-ignore format: read as a table
const CASES: readonly (readonly [content: AssetContent, name: string | undefined, mime: string | undefined, type: string | null])[] = [
  [PNG,            "a.png",   undefined,                  "image/png"],
  [PNG,            "a.txt",   "text/plain",               "image/png"],
  [PNG,            undefined, undefined,                  "image/png"],
  [PROSE,          "a.txt",   undefined,                  "text/plain"],
  [PROSE,          "A.TXT",   undefined,                  "text/plain"],
  [PROSE,          "a.csv",   undefined,                  "text/csv"],
  [PROSE,          "a.md",    undefined,                  "text/markdown"],
  [PROSE,          "a.html",  undefined,                  "text/html"],
  [PROSE,          "a",       "text/markdown",            "text/markdown"],
  [PROSE,          undefined, "Text/CSV; charset=utf-8",  "text/csv"],
  [PROSE,          "a.txt",   "text/csv",                 "text/csv"],
  [PROSE,          "a.txt",   "image/png",                "text/plain"],
  [PROSE,          "a.txt",   "application/octet-stream", "text/plain"],
  [PROSE,          "a.png",   "image/png",                null],
  [PROSE,          "a.exe",   undefined,                  null],
  [PROSE,          "a",       undefined,                  null],
  [PROSE,          "txt",     undefined,                  null],
  [PROSE,          undefined, undefined,                  null],
  [PROSE,          "a.json",  undefined,                  null],
  [content("[1]"), "a.json",  undefined,                  "application/json"],
  [content("[1]"), "a.txt",   undefined,                  "text/plain"],
  [NOISE,          "a.txt",   undefined,                  null],
  [NOISE,          "a.png",   "image/png",                null],
  [content("MZ"),  "a.txt",   undefined,                  null],
  [PROSE,          "a.txt",   "__proto__",                "text/plain"],
];

test("content decides what a binary file is, name or declaration what a text is", () => {
  for (const [file, name, mime, type] of CASES) {
    const said = `${name} ${mime}`;
    if (type) {
      assert.equal(assetTypeOf(file, name, mime), type, said);
    } else {
      const isRefused = (error: unknown) =>
        error instanceof Fault && error.code === "unsupported_media_type";
      assert.throws(() => assetTypeOf(file, name, mime), isRefused, said);
    }
  }
});

// biome-ignore format: read as a table
const NAMES: readonly (readonly [given: string | undefined, name: string, why: string])[] = [
  ["report.txt",                 "report.txt",              "a harmless name stays"],
  ["Bericht März.TXT",           "Bericht März.TXT",        "so does one with other letters"],
  ["报告.txt",                    "报告.txt",                 "and other scripts"],
  ["../../etc/passwd",           "passwd.txt",              "folders are dropped"],
  ["..\\..\\windows\\system.ini", "system.ini.txt",         "the other way round too"],
  ["/etc/cron.d/",               "file.txt",                "nothing is left"],
  ["..",                         "file.txt",                "nothing is left"],
  [".txt",                       "txt.txt",                 "not hidden"],
  ["",                           "file.txt",                "no name"],
  [undefined,                    "file.txt",                "no name"],
  ["a\0b.txt",                   "ab.txt",                  "NUL ends names in C"],
  ["a\r\nX-Evil: 1.txt",         "aX-Evil_ 1.txt",          "line ends end headers"],
  ["exe\u202etxt.",              "exetxt.txt",              "an override makes names read backwards"],
  ["in\u200bvisible.txt",        "invisible.txt",           "what cannot be seen goes"],
  ['a"b<c>:|?*.txt',             "a_b_c_____.txt",          "Windows cannot have these"],
  ["picture.exe",                "picture.exe.txt",         "the last extension says what it is"],
  ["e\u0301.txt",                "é.txt",                   "one spelling of a letter"],
  ["\ud800.txt",                 "\ufffd.txt",              "half a letter"],
];

test("names are kept, and kept harmless", () => {
  for (const [given, name, why] of NAMES)
    assert.equal(safeFilename(given, "text/plain"), name, why);
  assert.equal(safeFilename("photo.JPEG", "image/jpeg"), "photo.JPEG");
  assert.equal(safeFilename("photo.png", "image/jpeg"), "photo.png.jpg");
});

test("a name of ten thousand letters is cut, and keeps its extension", () => {
  for (const letter of ["a", "é", "🦊"]) {
    const name = safeFilename(`${letter.repeat(10_000)}.txt`, "text/plain");
    assert.ok(name.endsWith(`${letter}.txt`));
    assert.ok(Buffer.byteLength(name) <= 200);
  }
  assert.ok(safeFilename(`a.${"x".repeat(10_000)}`, "text/plain").length <= 200);
});

test("only pictures are shown in place", () => {
  assert.equal(isShownInline("image/png"), true);
  assert.equal(isShownInline("text/html"), false);
  assert.equal(isShownInline("application/pdf"), false);
});

// biome-ignore format: read as a table
const PACES = [
  // bytes  elapsed  isFine  why
  [ 240,    30_000,  true,   "as much as is asked for" ],
  [ 239,    30_000,  false,  "a byte less" ],
  [ 0,      30_000,  false,  "nothing at all" ],
  [ 10_000, 599_999, true,   "fast, and still in time" ],
  [ 10_000, 600_000, false,  "fast, and too long for all that" ],
] as const;

for (const [windowBytes, elapsedMs, isFine, why] of PACES) {
  test(`an upload's pace: ${why}`, () => {
    const pace = { windowMs: 30_000, windowBytesMin: 240, msMax: 600_000 };
    const check = () => checkUploadPace(pace, { windowBytes, elapsedMs });
    if (isFine) check();
    else assert.throws(check, { code: "upload_too_slow" });
  });
}
