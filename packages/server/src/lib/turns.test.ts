import assert from "node:assert/strict";
import { test } from "node:test";
import { createTurns } from "./turns.ts";

test("what has the same name waits its turn, also behind what fails; what has another does not", async () => {
  const turns = createTurns();
  const seen: string[] = [];
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const first = turns.add("a", async () => {
    await held;
    seen.push("first");
    throw new Error("failed");
  });
  const second = turns.add("a", async () => seen.push("second"));
  await turns.add("b", async () => seen.push("other"));
  assert.deepEqual(seen, ["other"]);
  letGo();
  await assert.rejects(first, /failed/);
  await second;
  assert.deepEqual(seen, ["other", "first", "second"]);
  assert.equal(await turns.add("a", async () => 7), 7);
});
