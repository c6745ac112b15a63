import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BROADCAST_TRANSITIONS,
  type Broadcast,
  type BroadcastEvent,
  type BroadcastState,
  decideBroadcast,
  isBroadcastOver,
  openingSteps,
  seatHold,
  seatOf,
  slotKeysOf,
} from "./broadcast.ts";
import type { PaymentType } from "./broadcast-payment.ts";

const BROADCAST: Broadcast = {
  id: "a".repeat(24),
  workspaceId: "b".repeat(24),
  mandateId: "c".repeat(24),
  capability: "echo",
  chainId: "a".repeat(24),
  parentId: undefined,
  keyId: undefined,
  resultSchema: undefined,
  verifier: "requester",
  partition: "homogeneous",
  slotKeys: undefined,
  payment: "fixed",
  target: 3,
  slotMicros: 500n,
  unitMicros: 100n,
  stakeMicros: 0n,
  feeBasisPoints: 0,
  budgetIds: ["d".repeat(24)],
  requestDigest: "",
  executeSeconds: 300,
  reviewSeconds: 259_200,
  deadlineAt: new Date(3_600_000),
  createdAt: new Date(0),
  state: "open",
  version: 1,
};
const FREE = [
  { seat: 1, round: 1 },
  { seat: 3, round: 2 },
];
const APPROVED = [
  { slotId: "e", providerWorkspaceId: "winner", score: 90, submittedAt: new Date(1) },
  { slotId: "f", providerWorkspaceId: "second", score: 80, submittedAt: new Date(0) },
];

for (const state of Object.keys(BROADCAST_TRANSITIONS) as BroadcastState[]) {
  for (const event of Object.keys(BROADCAST_TRANSITIONS[state]) as BroadcastEvent[]) {
    const next = BROADCAST_TRANSITIONS[state][event];
    for (const payment of ["fixed", "tiered", "winner_take_all"] as const) {
      const name = `${payment}: a broadcast that is ${state}, on "${event}"`;
      test(`${name} ${next ? `is ${next}` : "refuses"}`, () => check(state, event, next, payment));
    }
  }
}

function check(
  state: BroadcastState,
  event: BroadcastEvent,
  next: BroadcastState | null,
  payment: PaymentType,
): void {
  const broadcast = { ...BROADCAST, state, payment };
  const decide = () => decideBroadcast(broadcast, event, { freeSeats: FREE, approved: APPROVED });
  if (next === null) {
    assert.throws(decide, { code: "conflict" });
    return;
  }
  const { work, steps } = decide();
  assert.equal(work.state, next);
  assert.equal(work.expectedVersion, broadcast.version);
  assert.equal(work.deadlineAt === undefined, isBroadcastOver(next));
  // Every free seat goes back, whatever ends it.
  const closed = steps.flatMap((step) => (step.kind === "close-hold" ? [step.hold.id] : []));
  const isPot = payment === "winner_take_all";
  const seats = ["seat-1.1", "seat-3.2"];
  assert.deepEqual(closed, isPot && isBroadcastOver(next) ? [...seats, "pot"] : seats);
  // The pot is touched only by a cancellation, which takes back the free shares, and by the end.
  const reduced = steps.flatMap((step) => (step.kind === "reduce-hold" ? [step.amountMicros] : []));
  assert.deepEqual(reduced, isPot && event === "cancel" ? [1_000n] : []);
  const paid = steps.flatMap((step) => (step.kind === "capture-hold" ? [step] : []));
  if (!isPot || !isBroadcastOver(next)) {
    assert.deepEqual(paid, []);
    return;
  }
  assert.deepEqual(
    paid.map(({ amountMicros, toAccountId }) => [amountMicros, toAccountId]),
    [[next === "cancelled" ? 1_000n : 1_500n, "winner"]],
  );
}

test("all that a broadcast can cost is held seat by seat, or in one pot", () => {
  for (const payment of ["fixed", "tiered", "winner_take_all"] as const) {
    const steps = openingSteps({ ...BROADCAST, payment });
    const amounts = steps.map((step) => (step.kind === "open-hold" ? step.amountMicros : -1n));
    const expected = payment === "winner_take_all" ? [0n, 0n, 0n, 1_500n] : [500n, 500n, 500n];
    assert.deepEqual(amounts, expected);
  }
});

test("a command that opens the largest broadcast, or closes it, has room for its steps", () => {
  const broadcast = { ...BROADCAST, target: 60, payment: "winner_take_all" } as const;
  assert.ok(openingSteps(broadcast).length <= 64);
  const freeSeats = Array.from({ length: 60 }, (_, index) => ({ seat: index + 1, round: 1 }));
  for (const event of ["complete", "cancel", "expire"] as const) {
    const { steps } = decideBroadcast(broadcast, event, { freeSeats, approved: APPROVED });
    assert.ok(steps.length <= 64, event);
  }
});

test("a seat is known by its hold's name, and nothing else is a seat", () => {
  const seat = { seat: 12, round: 3 };
  assert.deepEqual(seatOf(seatHold(BROADCAST, seat).id), seat);
  for (const id of ["pot", "hold", "stake", "seat-", "seat-1", "seat-1.", "seat-1.1 "]) {
    assert.equal(seatOf(id), undefined);
  }
});

// biome-ignore format: read as a table
const KEYS = [
  // partition       params                          keys
  ["homogeneous",    { slots: ["a", "b", "c"] },     undefined],
  ["heterogeneous",  {},                             undefined],
  ["slotted",        {},                             ["1", "2", "3"]],
  ["slotted",        { slots: ["a", "b", "c"] },     ["a", "b", "c"]],
  ["slotted",        { slots: ["a", "b"] },          "refused"],
  ["slotted",        { slots: ["a", "b", "b"] },     "refused"],
  ["slotted",        { slots: ["a", "b", 3] },       "refused"],
  ["slotted",        { slots: ["a", "b", ""] },      "refused"],
  ["slotted",        { slots: "abc" },               "refused"],
] as const;

for (const [partition, params, keys] of KEYS) {
  test(`${partition} with ${JSON.stringify(params)} has the keys ${JSON.stringify(keys)}`, () => {
    const name = () => slotKeysOf(partition, params, 3);
    if (keys === "refused") assert.throws(name, { code: "invalid_request" });
    else assert.deepEqual(name(), keys);
  });
}
