/** JSON that is spelled as Python spells it; what Python itself says of it is asked in state.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { floatText, Numeral, parseJson } from "../../src/openmarlin/json.ts";
import { canonicalJson, lineOfJson, prettyJson } from "../../src/openmarlin/json-text.ts";

// biome-ignore format: read as a table
const NUMBERS = [
  ["5000",                    "5000"],
  ["5000.0",                  "5000.0"],
  ["-0",                      "0"],
  ["-0.0",                    "-0.0"],
  ["1.50",                    "1.5"],
  ["1E5",                     "100000.0"],
  ["1e16",                    "1e+16"],
  ["123456789012345.6",       "123456789012345.6"],
  ["0.0001",                  "0.0001"],
  ["0.00001",                 "1e-05"],
  ["1.5e-7",                  "1.5e-07"],
  ["1e300",                   "1e+300"],
  ["12345678901234567890123", "12345678901234567890123"],
] as const;

for (const [written, kept] of NUMBERS) {
  test(`${written} is kept as ${kept}`, () => {
    assert.equal(canonicalJson(parseJson(written)), kept);
    assert.equal(canonicalJson(parseJson(kept)), kept, "and stays so");
  });
}

// biome-ignore format: read as a table
const WRONG = [
  ["",                     /ends too early/],
  ["{",                    /ends too early/],
  ['{"a":1',               /ends too early/],
  ["[1,]",                 /unexpected at line 1, column 4/],
  ["{\n  'a': 1}",         /line 2, column 3/],
  ['{"a" 1}',              /column 6/],
  ["01",                   /column 2/],
  ["1.",                   /column 2/],
  ["NaN",                  /column 1/],
  ["1e999",                /too large/],
  ["1".repeat(5000),       /too many digits/],
  ['"a\nb"',               /does not allow/],
  ['"\\x"',                /does not allow/],
  ['"a',                   /within a text/],
  ['"a\\"',                /within a text/],
  ["[".repeat(100_000),    /nested deeper/],
  ["{} {}",                /column 4/],
  ["tru",                  /column 1/],
] as const;

for (const [text, why] of WRONG) {
  test(`${JSON.stringify(text.slice(0, 12))} is no JSON`, () => {
    assert.throws(() => parseJson(text), { name: "SyntaxError", message: why });
  });
}

test("what is read says what JSON says, whatever it is", () => {
  const plain = (text: string) => JSON.parse(text) as unknown;
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      assert.deepEqual(plain(prettyJson(parseJson(text))), plain(text));
      assert.equal(
        canonicalJson(parseJson(lineOfJson(parseJson(text)))),
        canonicalJson(parseJson(text)),
      );
    }),
  );
});

test("names are sorted by code points, and a name may be anything", () => {
  const text = '{"\u{1f600}":1,"\uffee":2,"__proto__":3,"b":4,"a":5,"ab":6}';
  assert.equal(
    canonicalJson(parseJson(text)),
    '{"__proto__":3,"a":5,"ab":6,"b":4,"\\uffee":2,"\\ud83d\\ude00":1}',
  );
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("texts are ASCII, with halves and controls spelled out", () => {
  assert.equal(
    lineOfJson("é\u2028\u007f\n\ud800\u0001/"),
    '"\\u00e9\\u2028\\u007f\\n\\ud800\\u0001/"',
  );
});

test("files have two spaces a level, and nothing in what is empty", () => {
  assert.equal(
    prettyJson({ b: [], a: {}, c: [1, { d: null }], e: undefined }),
    `{
  "a": {},
  "b": [],
  "c": [
    1,
    {
      "d": null
    }
  ]
}`,
  );
});

test("of a large document no stack is filled", () => {
  const long = `"${"\\\\".repeat(2_000_000)}"`;
  assert.equal((parseJson(long) as string).length, 2_000_000);
  assert.equal(new Numeral("10.0").value, 10);
  assert.equal(floatText(0.1 + 0.2), "0.30000000000000004");
});
