import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideRun,
  isTerminal,
  RUN_TRANSITIONS,
  type Run,
  type RunEvent,
  type RunState,
} from "./run.ts";

const RUN: Run = {
  id: "a".repeat(24),
  workspaceId: "b".repeat(24),
  agentId: "c".repeat(24),
  providerWorkspaceId: "d".repeat(24),
  capability: "echo",
  chainId: "e".repeat(24),
  parentId: undefined,
  keyId: undefined,
  manifestId: undefined,
  priceMicros: 4_500n,
  hold: {
    id: "a".repeat(24),
    workId: "a".repeat(24),
    accountId: "b".repeat(24),
    feeBasisPoints: 0,
    budgetIds: [],
    deadlineAt: undefined,
  },
  call: undefined,
  timeoutSeconds: 60,
  inputDigest: "",
  outputSchema: undefined,
  referredBy: undefined,
  createdAt: new Date(0),
  state: "running",
  version: 2,
  attempt: 1,
  processId: "p",
  deadlineAt: new Date(60_000),
};

for (const state of Object.keys(RUN_TRANSITIONS) as RunState[]) {
  for (const event of Object.keys(RUN_TRANSITIONS[state]) as RunEvent[]) {
    const next = RUN_TRANSITIONS[state][event];
    test(`a ${state} run on "${event}" ${next ? `is ${next}` : "refuses"}`, () => {
      const run = { ...RUN, state };
      if (next === null) {
        assert.throws(() => decideRun(run, event, "p"), { code: "conflict" });
        return;
      }
      const { work, steps } = decideRun(run, event, "p");
      assert.equal(work.state, next);
      assert.equal(work.expectedVersion, run.version);
      // Money moves when, and only when, the run ends; and then the hold is always closed.
      assert.equal(steps.at(-1)?.kind, isTerminal(next) ? "close-hold" : undefined);
      const paid = steps.flatMap((step) =>
        step.kind === "capture-hold" ? [step.amountMicros] : [],
      );
      assert.deepEqual(paid, next === "succeeded" ? [run.priceMicros] : []);
    });
  }
}

test("free work is paid with nothing, but its hold is closed all the same", () => {
  const { steps } = decideRun({ ...RUN, priceMicros: 0n }, "succeed", "p");
  assert.deepEqual(
    steps.map(({ kind }) => kind),
    ["close-hold"],
  );
});
