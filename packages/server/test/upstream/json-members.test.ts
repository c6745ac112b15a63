import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonMembers, memberTwice, setMembers, spliced } from "../../src/lib/json-members.ts";
import { textBytesIn } from "../../src/outbound/upstream/text-bytes.ts";

/** JSON as people write it: with spaces anywhere, names escaped, and no name twice. */
const anyObject = fc
  .tuple(
    fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([value, indent]) => JSON.stringify(value, null, indent))
  .map((text) => ({ text, value: JSON.parse(text) as object }));

test("a member that is set is what a reader finds, and all others are as they were", () => {
  fc.assert(
    fc.property(anyObject, fc.string(), fc.boolean(), ({ value, text }, model, isThere) => {
      const before = isThere ? { model: { old: [']}\\"'] }, ...value } : value;
      const bytes = Buffer.from(isThere ? JSON.stringify(before, null, 1) : text);
      const edits = setMembers(jsonMembers(bytes), {
        model: JSON.stringify(model),
        stream: "true",
      });
      assert.deepEqual(JSON.parse(spliced(bytes, edits).toString()), {
        ...before,
        model,
        stream: true,
      });
    }),
  );
});

test("a name that stands there twice is found, however it is written", () => {
  const twice = Buffer.from('{"model":"cheap","n":1,"mo\\u0064el":"dear"}');
  assert.equal(jsonMembers(twice).twice, "model");
  assert.equal(jsonMembers(Buffer.from(' {"a":{"b":1},"b":[{"a":"}"}]} ')).twice, undefined);
});

test("what a model wrote is counted by its names alone, without what only looks like one", () => {
  const names = new Set(["content", "arguments"]);
  // biome-ignore format: read as a table
  const cases = [
    ['{"delta":{"content":"four"}}',                               4],
    ['{"delta": { "content" : "four" }}',                          4],
    ['{"content":null,"role":"assistant"}',                        0],
    ['{"content":["not","text"],"x":"content"}',                   0],
    ['{"content":[{"type":"text"}]}',                              0],
    ['{"a":"\\"content\\":\\"no\\"","content":"yes"}',             3],
    ['{"arguments":"{\\"a\\":1}"}',                                7],
    ['{"content":"\\u00e4\\n"}',                                   3],
    ['{"content":"ä🦊"}',                                          6],
    ['[DONE]',                                                     0],
  ] as const;
  for (const [text, bytes] of cases) {
    assert.equal(textBytesIn(Buffer.from(text), names), bytes, text);
  }
});

test("a name that stands twice in an object is found wherever it is, and no other is", () => {
  fc.assert(
    fc.property(anyObject, ({ text }) => {
      assert.equal(memberTwice(text), undefined);
      assert.equal(memberTwice(`{"a":[1,{"b":${text}, "\\u0062" :0}]}`), "b");
    }),
  );
  assert.equal(memberTwice('{"a":{"b":1},"c":[{"b":1},{"b":"b:"}],"b":"\\"b\\":"}'), undefined);
  assert.equal(memberTwice(`{"a":"${"\\\\".repeat(500_000)}","a":1}`), "a");
});
