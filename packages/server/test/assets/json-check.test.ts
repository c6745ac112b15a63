import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonCheck } from "../../src/lib/json-check.ts";

function isJson(text: string, pieceBytes = Number.POSITIVE_INFINITY): boolean {
  const bytes = Buffer.from(text);
  const check = new JsonCheck();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    check.write(bytes.subarray(at, at + pieceBytes));
  }
  return check.end();
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// biome-ignore format: read as a table
const TEXTS = [
  "", " ", "null", "true", "false", "nul", "nulll", "True", "undefined",
  "0", "-0", "-", "01", "1.", "1.5", ".5", "1e5", "1E+05", "1e", "1e+", "1.5e-10", "+1", "1 2", "0x1", "NaN", "-1.0",
  '""', '"a', '"\\n"', '"\\x"', '"\\u00e9"', '"\\u00g9"', '"\\u00"', '"\n"', '"é🦊"', "'a'", '"\\"', '"\\\\"',
  "[]", "[1]", "[1,]", "[,1]", "[1 2]", "[[[]]]", "[", "]", "[}", "[1,2,3]", " [ 1 , 2 ] ",
  "{}", '{"a":1}', '{"a":1,}', '{,}', '{"a"}', '{"a":}', '{a:1}', '{"a":1 "b":2}', '{"a":{"b":[{}]}}', '{"a":1]', "{1:2}",
  "[] []", "{}{}", "[1]x", "// no\n1", "\ufeff{}", "\t\r\n1\n",
];

test("agrees with JSON.parse, in whatever pieces the text arrives", () => {
  for (const text of TEXTS) {
    for (const pieceBytes of [1, 2, 1000]) {
      assert.equal(isJson(text, pieceBytes), parses(text), JSON.stringify(text));
    }
  }
});

test("takes everything that JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.integer({ min: 1, max: 7 }), (text, pieceBytes) =>
      isJson(text, pieceBytes),
    ),
  );
});

test("agrees with JSON.parse on text that was damaged at random", () => {
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom(...'[]{}",:\\0123.eE+-untf \n\u0001'))
    .map(([text, at, char]) => {
      const index = at % (text.length + 1);
      return text.slice(0, index) + char + text.slice(index + (at % 2));
    });
  fc.assert(
    fc.property(damaged, (text) => isJson(text) === parses(text)),
    { numRuns: 3000 },
  );
});

test("refuses what is nested without end, at once", () => {
  const check = new JsonCheck();
  assert.equal(check.write(Buffer.from("[".repeat(100_000))), false);
  assert.equal(isJson(`${"[".repeat(512)}${"]".repeat(512)}`), true);
});
