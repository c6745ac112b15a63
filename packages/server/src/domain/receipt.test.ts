import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunEnding, receiptOf } from "./receipt.ts";
import type { Run } from "./run.ts";

test("a receipt ends no earlier than it was opened, whoever's clock told when that was", () => {
  const openedAt = new Date("2026-01-01T00:00:01Z");
  const run = { priceMicros: 5n, createdAt: openedAt } as Run;
  for (const [finishedAt, told] of [
    ["2026-01-01T00:00:00.980Z", "2026-01-01T00:00:01.000Z"],
    ["2026-01-01T00:00:02.000Z", "2026-01-01T00:00:02.000Z"],
  ] as const) {
    const ending = { finishedAt: new Date(finishedAt) } as RunEnding;
    assert.equal(receiptOf(run, ending, []).finished_at, told);
  }
});
