import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { sha256 } from "../digest.ts";
import { createJsonSchemaValidator, SchemaTrouble, type SchemaTroubleReason } from "./validator.ts";

function validatorFor(t: TestContext) {
  let now = new Date("2026-01-01T00:00:00Z");
  const clock = { now: () => now };
  const validator = createJsonSchemaValidator({ clock });
  t.after(() => validator.close());
  let loads = 0;
  const problemsOf = (schema: unknown, value: unknown, owner = "owner") => {
    const text = typeof schema === "string" ? schema : JSON.stringify(schema);
    const load = async () => {
      loads++;
      return text;
    };
    return validator.problemsOf(owner, sha256(text).toString("hex"), load, value);
  };
  return {
    validator,
    problemsOf,
    loads: () => loads,
    advance: (ms: number) => {
      now = new Date(now.getTime() + ms);
    },
  };
}

function troubleOf(reason: SchemaTroubleReason) {
  return (error: unknown) => error instanceof SchemaTrouble && error.reason === reason;
}

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    mail: { type: "string", format: "email" },
    kind: { enum: ["person", "robot"] },
  },
  required: ["name"],
  additionalProperties: false,
};

// biome-ignore format: read as a table
const CASES: readonly (readonly [value: unknown, problems: string[]])[] = [
  [{ name: "Åsa" },                       []],
  [{ name: "Åsa", mail: "a@b.example" },  []],
  [{},                                    ["the value must have required property 'name'"]],
  [{ name: "" },                          ["/name must NOT have fewer than 1 characters"]],
  [{ name: 5 },                           ["/name must be string"]],
  [{ name: "a", mail: "x" },              ['/mail must match format "email"']],
  [{ name: "a", age: 5 },                 ['the value must NOT have additional properties: "age"']],
  [{ name: "a", kind: "cat" },            ['/kind must be equal to one of the allowed values: ["person","robot"]']],
  ["a",                                   ["the value must be object"]],
  [null,                                  ["the value must be object"]],
];

test("says what is wrong with a value, in words, and nothing when it fits", async (t) => {
  const { problemsOf } = validatorFor(t);
  for (const [value, problems] of CASES)
    assert.deepEqual(await problemsOf(PERSON, value), problems);
});

test("reads a schema once, however often it is used", async (t) => {
  const { problemsOf, loads } = validatorFor(t);
  await problemsOf(PERSON, {});
  await Promise.all(Array.from({ length: 50 }, () => problemsOf(PERSON, { name: "a" })));
  assert.equal(loads(), 1);
});

test("takes a schema for what it says it is: draft 2020-12, or draft-07", async (t) => {
  const { problemsOf } = validatorFor(t);
  const pair = { type: "array", prefixItems: [{ type: "string" }] };
  assert.equal((await problemsOf(pair, [5])).length, 1);
  const named = { ...pair, $schema: "https://json-schema.org/draft/2020-12/schema" };
  assert.equal((await problemsOf(named, [5])).length, 1);
  const older = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "array",
    items: [{ $ref: "#/definitions/word" }],
    definitions: { word: { type: "string" } },
  };
  assert.equal((await problemsOf(older, [5])).length, 1);
  assert.equal((await problemsOf(older, ["a"])).length, 0);
});

test("keywords and formats that are not known say nothing", async (t) => {
  const { problemsOf } = validatorFor(t);
  const schema = { type: "string", format: "lorem", "x-order": 3, example: "a" };
  assert.deepEqual(await problemsOf(schema, "anything"), []);
});

test("a schema that cannot be used is refused, and says why", async (t) => {
  const { validator, problemsOf } = validatorFor(t);
  const schemas = [
    "",
    "{",
    "[]",
    "true",
    '"object"',
    '{"type": "strng"}',
    '{"properties": []}',
    '{"type": "string", "pattern": "("}',
    '{"$ref": "https://example.org/other.json"}',
    '{"$ref": "file:///etc/passwd"}',
    '{"$ref": "#/$defs/missing"}',
    '{"$schema": "http://json-schema.org/draft-04/schema#"}',
    '{"$schema": 5}',
  ];
  for (const [index, schema] of schemas.entries()) {
    await assert.rejects(problemsOf(schema, {}), troubleOf("unusable"), schema);
    await assert.rejects(
      validator.requireUsable("owner", String(index), schema),
      troubleOf("unusable"),
    );
  }
  await validator.requireUsable("owner", "good", JSON.stringify(PERSON));
});

test("a schema can neither see nor disturb another that has the same $id", async (t) => {
  const { problemsOf } = validatorFor(t);
  const $id = "https://example.org/thing";
  assert.deepEqual(await problemsOf({ $id, type: "string" }, "a"), []);
  assert.equal((await problemsOf({ $id, type: "number" }, "a")).length, 1);
  await assert.rejects(problemsOf({ $ref: $id }, "a"), troubleOf("unusable"));
});

test("a value that would take for ever is given up, and its schema shunned for a while", async (t) => {
  const { problemsOf, advance } = validatorFor(t);
  const slow = { type: "string", pattern: "^(a+)+$" };
  assert.deepEqual(await problemsOf(slow, "aaa"), []);
  const attack = problemsOf(slow, `${"a".repeat(50)}!`);
  const others = [problemsOf(PERSON, {}), problemsOf(PERSON, { name: "a" })];
  await assert.rejects(attack, troubleOf("too_costly"));
  assert.deepEqual(
    (await Promise.all(others)).map(({ length }) => length),
    [1, 0],
  );

  await assert.rejects(problemsOf(slow, "aaa"), troubleOf("too_costly"));
  advance(600_001);
  assert.deepEqual(await problemsOf(slow, "aaa"), []);
});

test("recursion that multiplies with depth is given up", async (t) => {
  const { problemsOf } = validatorFor(t);
  const deeper = { type: "object", properties: { a: { $ref: "#" } } };
  const branch = (key: string) => ({ allOf: [deeper, { required: [key] }] });
  const schema = { anyOf: [branch("y"), branch("z"), { type: ["number", "object"] }] };
  let value: unknown = "not a number";
  for (let depth = 0; depth < 60; depth++) value = { a: value };
  await assert.rejects(problemsOf(schema, value), troubleOf("too_costly"));
});

test("a value that is too deep to check is a problem, not a crash", async (t) => {
  const { problemsOf } = validatorFor(t);
  let value: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) value = [value];
  const schema = { anyOf: [{ type: "number" }, { type: "array", items: { $ref: "#" } }] };
  assert.match((await problemsOf(schema, value))[0] ?? "", /too (?:complex|deep)/);
  assert.deepEqual(await problemsOf(PERSON, { name: "a" }), []);
});

test("more than can wait is refused at once", async (t) => {
  const { problemsOf } = validatorFor(t);
  const all = await Promise.allSettled(
    Array.from({ length: 1_500 }, (_, index) => problemsOf(PERSON, {}, `owner ${index % 5}`)),
  );
  const refused = all.filter((one) => one.status === "rejected");
  assert.ok(refused.length > 0 && refused.every((one) => troubleOf("busy")(one.reason)));
  assert.equal(all.length - refused.length, 1_000);
});

test("one owner's values do not take all the room", async (t) => {
  const { problemsOf } = validatorFor(t);
  const crowd = Promise.allSettled(
    Array.from({ length: 300 }, () => problemsOf(PERSON, {}, "crowd")),
  );
  assert.equal((await problemsOf(PERSON, {}, "other")).length, 1);
  const refused = (await crowd).filter((one) => one.status === "rejected");
  assert.ok(refused.every((one) => troubleOf("busy")(one.reason)));
  assert.equal(refused.length, 50);
});

test("many slow schemas of one owner do not keep another's waiting, and are not tried for long", async (t) => {
  const { problemsOf } = validatorFor(t);
  const slow = (title: number) => ({ title: String(title), pattern: "^(a+)+$" });
  const value = `${"a".repeat(60)}!`;
  const attacks = Array.from({ length: 24 }, (_, title) => problemsOf(slow(title), value, "bad"));
  const outcomes = Promise.allSettled(attacks);
  let answered = 0;
  for (const attack of attacks) attack.catch(() => answered++);
  // It waits for the one that is with the thread, and for none of the others.
  assert.deepEqual(await problemsOf({ type: "string" }, "a", "good"), []);
  assert.ok(answered <= 2, `${answered} were before it`);
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === "rejected" && troubleOf("too_costly")(outcome.reason));
  }
  const again = problemsOf(slow(99), "harmless", "bad");
  await assert.rejects(again, troubleOf("too_costly"), "its owner's others wait as well");
  assert.deepEqual(await problemsOf({ type: "string" }, 5, "good"), ["the value must be string"]);
});
