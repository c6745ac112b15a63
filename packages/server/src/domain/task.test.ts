import assert from "node:assert/strict";
import { test } from "node:test";
import { isTerminal, RUN_TRANSITIONS, type RunState } from "./run.ts";
import { TASK_STATES, taskStateOf } from "./task.ts";

const STATES = Object.keys(RUN_TRANSITIONS) as RunState[];

test("a task is over exactly when its run is", () => {
  for (const state of STATES) {
    for (const hasBegun of [false, true]) {
      const isOver = ["succeeded", "failed"].includes(taskStateOf(state, hasBegun));
      assert.equal(isOver, isTerminal(state), `${state} ${hasBegun}`);
    }
  }
});

test("a task never goes back: what has begun is not queued any more", () => {
  const order = ["queued", "running", "succeeded", "failed"];
  for (const [waiting, begun] of Object.values(TASK_STATES)) {
    assert.ok(order.indexOf(begun) >= order.indexOf(waiting));
    assert.notEqual(begun, "queued");
  }
});
