import assert from "node:assert/strict";
import { test } from "node:test";
import { createOneATurn } from "./one-a-turn.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("things are taken in order, one a turn, also those that come while one is taken", async () => {
  const taken: string[] = [];
  const queue = createOneATurn<string>((item) => {
    taken.push(item);
    if (item === "last") queue.add("after the last");
  });
  for (const item of ["first", "last"]) queue.add(item);
  assert.deepEqual([taken, queue.waiting], [[], 2], "not before the next turn");
  await turn();
  assert.deepEqual([taken, queue.waiting], [["first"], 1]);
  await turn();
  assert.deepEqual([taken, queue.waiting], [["first", "last"], 1]);
  await turn();
  assert.deepEqual([taken, queue.waiting], [["first", "last", "after the last"], 0]);
});
