import assert from "node:assert/strict";
import { test } from "node:test";
import { LruMap } from "./lru-map.ts";

test("what was not asked for the longest is forgotten first", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  map.set("c", 3);
  assert.equal(map.get("b"), undefined);
  assert.deepEqual([map.get("a"), map.get("c"), map.size], [1, 3, 2]);
});

test("setting again replaces and makes recent", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  assert.deepEqual([map.get("a"), map.get("b")], [3, undefined]);
});

test("entries can be forgotten by what they hold", () => {
  const map = new LruMap<string, number>(10);
  for (let number = 0; number < 6; number++) map.set(`k${number}`, number);
  map.deleteWhere((value) => value % 2 === 0);
  assert.deepEqual([map.size, map.get("k2"), map.get("k3")], [3, undefined, 3]);
});
