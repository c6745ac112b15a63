import assert from "node:assert/strict";
import { test } from "node:test";
import { BatcherClosed, createBatcher, QueueFull } from "./batcher.ts";

const ROOMY = { itemsMax: 100, waitingMax: 100 };

/** A batcher of numbers that doubles them, and the batches that it made. */
function doubling(options: Partial<Parameters<typeof createBatcher<number, number>>[0]> = {}) {
  const batches: number[][] = [];
  const batcher = createBatcher<number, number>({
    ...ROOMY,
    async run(items) {
      batches.push([...items]);
      await new Promise((resolve) => setImmediate(resolve));
      return items.map((item) => item * 2);
    },
    ...options,
  });
  return { batcher, batches };
}

test("what arrives together is done together, and each gets its own result", async () => {
  const { batcher, batches } = doubling();
  assert.deepEqual(await Promise.all([1, 2, 3].map((item) => batcher.add(item))), [2, 4, 6]);
  assert.deepEqual(batches, [[1, 2, 3]]);
});

test("one batch is in flight; what arrives meanwhile makes the next", async () => {
  const { batcher, batches } = doubling();
  const first = batcher.add(1);
  while (batches.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const rest = [batcher.add(2), batcher.add(3)];
  assert.equal(batcher.waiting, 2);
  await Promise.all([first, ...rest]);
  assert.deepEqual(batches, [[1], [2, 3]]);
});

test("a batch holds no more items and no more weight than it may", async () => {
  const few = doubling({ itemsMax: 2 });
  await Promise.all([1, 2, 3, 4, 5].map((item) => few.batcher.add(item)));
  assert.deepEqual(few.batches, [[1, 2], [3, 4], [5]]);

  const light = doubling({ weightMax: 6, weigh: (item) => item });
  await Promise.all([1, 2, 3, 9, 1].map((item) => light.batcher.add(item)));
  assert.deepEqual(light.batches, [[1, 2, 3], [9], [1]], "the heavy one travels alone");
});

test("items that share a key do not share a batch, and keep their order", async () => {
  const KEYS: Record<number, string[]> = { 1: ["a"], 2: ["a", "b"], 3: ["b"], 4: ["c"], 5: ["b"] };
  const { batcher, batches } = doubling({ keysOf: (item) => KEYS[item] ?? [] });
  await Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
  // 3 shares nothing with 1, but must not overtake 2.
  assert.deepEqual(batches, [[1, 4], [2], [3], [5]]);
});

test("a full queue refuses at once, and accepts again when there is room", async () => {
  const { batcher } = doubling({ waitingMax: 2 });
  const accepted = [batcher.add(1), batcher.add(2)];
  await assert.rejects(batcher.add(3), QueueFull);
  assert.deepEqual(await Promise.all(accepted), [2, 4]);
  assert.equal(await batcher.add(3), 6);
});

test("a failing batch is split until the culprit stands alone", async () => {
  let runs = 0;
  const batcher = createBatcher<number, number>({
    ...ROOMY,
    run(items) {
      runs++;
      if (items.includes(13)) return Promise.reject(new Error("unlucky"));
      return Promise.resolve(items.map((item) => item * 2));
    },
  });
  const items = Array.from({ length: 64 }, (_, index) => index);
  const settled = await Promise.allSettled(items.map((item) => batcher.add(item)));
  for (const [item, result] of settled.entries()) {
    if (item === 13) assert.equal(result.status, "rejected");
    else assert.deepEqual(result, { status: "fulfilled", value: item * 2 });
  }
  assert.equal(runs, 1 + 2 * 6, "64 items are halved six times");
});

test("an error that is everybody's rejects the batch without splitting it", async () => {
  let runs = 0;
  const batcher = createBatcher<number, number>({
    ...ROOMY,
    run() {
      runs++;
      return Promise.reject(new Error("no database"));
    },
    isEverybodys: () => true,
  });
  const settled = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
  assert.ok(settled.every((result) => result.status === "rejected"));
  assert.equal(runs, 1);
});

test("closing answers what was accepted and refuses the rest", async () => {
  const { batcher } = doubling({ itemsMax: 1 });
  const accepted = [batcher.add(1), batcher.add(2)];
  const closed = batcher.close();
  await assert.rejects(batcher.add(3), BatcherClosed);
  await closed;
  assert.deepEqual(await Promise.all(accepted), [2, 4]);
});

test("a batcher without results", async () => {
  const seen: number[] = [];
  const batcher = createBatcher<number, void>({
    ...ROOMY,
    async run(items) {
      seen.push(...items);
    },
  });
  await Promise.all([batcher.add(1), batcher.add(2)]);
  assert.deepEqual(seen, [1, 2]);
});
