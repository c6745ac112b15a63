import assert from "node:assert/strict";
import { test } from "node:test";
import type { Broadcast } from "./broadcast.ts";
import type { Step } from "./command.ts";
import {
  decideSlot,
  executeBy,
  isSlotOver,
  reviewBy,
  SLOT_TRANSITIONS,
  type Slot,
  type SlotEvent,
  type SlotState,
  takingSteps,
} from "./slot.ts";

const REQUESTER = "b".repeat(24);
const PROVIDER = "c".repeat(24);
const BROADCAST: Broadcast = {
  id: "a".repeat(24),
  workspaceId: REQUESTER,
  mandateId: "d".repeat(24),
  capability: "echo",
  chainId: "a".repeat(24),
  parentId: undefined,
  keyId: undefined,
  resultSchema: undefined,
  verifier: "requester",
  partition: "homogeneous",
  slotKeys: undefined,
  payment: "tiered",
  target: 3,
  slotMicros: 500n,
  unitMicros: 100n,
  stakeMicros: 70n,
  feeBasisPoints: 0,
  budgetIds: [],
  requestDigest: "",
  executeSeconds: 300,
  reviewSeconds: 259_200,
  deadlineAt: new Date(3_600_000),
  createdAt: new Date(0),
  state: "open",
  version: 1,
};
const SLOT: Slot = {
  id: "e".repeat(24),
  broadcastId: BROADCAST.id,
  workspaceId: REQUESTER,
  agentId: "f".repeat(24),
  providerWorkspaceId: PROVIDER,
  keyId: undefined,
  seat: 2,
  round: 1,
  slotKey: undefined,
  byLink: false,
  stakeBudgetIds: [],
  executeBy: new Date(300_000),
  createdAt: new Date(0),
  state: "accepted",
  version: 1,
  deadlineAt: new Date(300_000),
};
const REVIEW_BY = new Date(9_000_000);

// biome-ignore format: read as a table
const ENDS = {
  // where a slot ends: what its agent is paid at score 60, what becomes of the stake, whether the seat is free again
  approved:  { paid: [300n], forfeited: [],    isReopened: false },
  rejected:  { paid: [],     forfeited: [70n], isReopened: true },
  failed:    { paid: [],     forfeited: [70n], isReopened: true },
  expired:   { paid: [],     forfeited: [70n], isReopened: true },
  cancelled: { paid: [],     forfeited: [],    isReopened: true },
} as const;

for (const state of Object.keys(SLOT_TRANSITIONS) as SlotState[]) {
  for (const event of Object.keys(SLOT_TRANSITIONS[state]) as SlotEvent[]) {
    const next = SLOT_TRANSITIONS[state][event];
    test(`a slot that is ${state}, on "${event}" ${next ? `is ${next}` : "refuses"}`, () => {
      const decision = { score: 60, reviewBy: REVIEW_BY, isReopened: true };
      const decide = () => decideSlot(BROADCAST, { ...SLOT, state }, event, decision);
      if (next === null) {
        assert.throws(decide, { code: "conflict" });
        return;
      }
      const { work, steps } = decide();
      assert.equal(work.state, next);
      assert.equal(work.expectedVersion, SLOT.version);
      if (!isSlotOver(next)) {
        assert.deepEqual([work.deadlineAt, steps], [REVIEW_BY, []]);
        return;
      }
      assert.equal(work.deadlineAt, undefined);
      checkEnd(steps, ENDS[next as keyof typeof ENDS]);
    });
  }
}

function checkEnd(steps: readonly Step[], end: (typeof ENDS)[keyof typeof ENDS]): void {
  const captures = (account: string): bigint[] =>
    steps.flatMap((step) =>
      step.kind === "capture-hold" && step.toAccountId === account ? [step.amountMicros] : [],
    );
  assert.deepEqual(captures(PROVIDER), end.paid);
  assert.deepEqual(captures(REQUESTER), end.forfeited);
  // Money moves when, and only when, the slot ends; and then both holds are always closed.
  const closed = steps.flatMap((step) => (step.kind === "close-hold" ? [step.hold.id] : []));
  assert.deepEqual(closed, ["hold", "stake"]);
  const opened = steps.flatMap((step) => (step.kind === "open-hold" ? [step] : []));
  assert.deepEqual(
    opened.map(({ hold, amountMicros }) => [hold.workId, hold.id, amountMicros]),
    end.isReopened ? [[BROADCAST.id, "seat-2.2", 500n]] : [],
  );
}

test("a seat that is not given again goes back to the requester", () => {
  const { steps } = decideSlot(BROADCAST, SLOT, "expire", { isReopened: false });
  assert.deepEqual(
    steps.filter(({ kind }) => kind === "open-hold"),
    [],
  );
});

test("to take a seat moves its money from the broadcast to the slot, and holds the stake", () => {
  const steps = takingSteps(BROADCAST, SLOT).map((step) =>
    "hold" in step ? [step.kind, step.hold.workId, step.hold.id, step.hold.accountId] : [step.kind],
  );
  assert.deepEqual(steps, [
    ["close-hold", BROADCAST.id, "seat-2.1", REQUESTER],
    ["open-hold", SLOT.id, "hold", REQUESTER],
    ["open-hold", SLOT.id, "stake", PROVIDER],
  ]);
  const free = takingSteps({ ...BROADCAST, stakeMicros: 0n }, SLOT);
  assert.equal(free.length, 2, "without a stake there is none to hold");
});

test("the time for the work ends with the broadcast at the latest; the review has its own", () => {
  assert.deepEqual(executeBy(BROADCAST, new Date(0)), new Date(300_000));
  assert.deepEqual(executeBy(BROADCAST, new Date(3_590_000)), BROADCAST.deadlineAt);
  assert.deepEqual(reviewBy(BROADCAST, new Date(1_000)), new Date(1_000 + 72 * 3_600_000));
});
