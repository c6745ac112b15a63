import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Fault } from "../../domain/fault.ts";
import { check } from "./check.ts";

const SCHEMA = z.strictObject({
  name: z.string().min(1).max(3),
  count: z.number().int().min(2).max(5),
  share: z.number().gt(0).lt(1),
  kind: z.enum(["x", "y"]),
  only: z.literal("k"),
  list: z.array(z.string()).max(1),
  either: z.union([z.string(), z.number()]),
  is: z.boolean(),
  own: z.string().regex(/^a+$/, "must be made of a's"),
});
const FINE = {
  ...{ name: "abc", count: 2, share: 0.5, kind: "x", only: "k", list: [], either: 1 },
  ...{ is: true, own: "a" },
};

// biome-ignore format: read as a table
const WRONG: readonly (readonly [change: object, message: string])[] = [
  [{ name: undefined },    "name: is missing"],
  [{ kind: undefined },    "kind: is missing"],
  [{ either: undefined },  "either: is missing"],
  [{ name: 1 },            "name: must be text"],
  [{ name: null },         "name: must be text"],
  [{ name: "" },           "name: must have at least 1 character"],
  [{ name: "abcd" },       "name: must have at most 3 characters"],
  [{ count: "2" },         "count: must be a number"],
  [{ count: 2.5 },         "count: must be a whole number"],
  [{ count: 1 },           "count: must be at least 2"],
  [{ count: 6 },           "count: must be at most 5"],
  [{ share: 0 },           "share: must be more than 0"],
  [{ share: 1 },           "share: must be less than 1"],
  [{ kind: "z" },          'kind: must be one of "x", "y"'],
  [{ only: "z" },          'only: must be "k"'],
  [{ list: {} },           "list: must be a list"],
  [{ list: [1] },          "list.0: must be text"],
  [{ list: ["", ""] },     "list: must have at most 1 item"],
  [{ either: null },       "either: is none of what it may be"],
  [{ is: "true" },         "is: must be true or false"],
  [{ own: "b" },           "own: must be made of a's"],
  [{ more: 1, most: 2 },   'body: has "more", "most", which is not known here'],
];

test("what is wrong with a field is said in words", () => {
  assert.deepEqual(check(SCHEMA, FINE), FINE);
  for (const [change, message] of WRONG) {
    assert.throws(
      () => check(SCHEMA, { ...FINE, ...change }),
      (error) => {
        assert.ok(error instanceof Fault);
        assert.deepEqual([error.code, error.message], ["invalid_request", message]);
        return true;
      },
    );
  }
  assert.throws(() => check(SCHEMA, []), { message: "body: must be an object" });
});
