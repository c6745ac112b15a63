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

/** A batcher of two lanes whose batches last until they are let go. */
function heldBack(options: Partial<Parameters<typeof createBatcher<number, number>>[0]> = {}) {
  const running: { readonly items: readonly number[]; lane: number; letGo(): void }[] = [];
  const batcher = createBatcher<number, number>({
    ...ROOMY,
    lanes: 2,
    run: (items, lane) =>
      new Promise((resolve) => {
        running.push({ items, lane, letGo: () => resolve(items.map((item) => item * 2)) });
      }),
    ...options,
  });
  const seen = () => running.map(({ items, lane }) => [lane, ...items]);
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { batcher, running, seen, turns };
}

test("two free lanes share what waits; a third batch waits for one of them", async () => {
  const { batcher, running, seen, turns } = heldBack();
  const answers = Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
  await turns();
  assert.deepEqual(seen(), [
    [0, 1, 2, 3],
    [1, 4, 5],
  ]);
  const late = batcher.add(6);
  await turns();
  assert.equal(batcher.waiting, 1);
  running[1]?.letGo();
  await turns();
  assert.deepEqual(seen()[2], [1, 6]);
  running[0]?.letGo();
  running[2]?.letGo();
  assert.deepEqual(await answers, [2, 4, 6, 8, 10]);
  assert.equal(await late, 12);
});

test("a lane beside a busy one opens only when enough is waiting", async () => {
  const { batcher, running, seen, turns } = heldBack({ besideMin: 3 });
  const answers = [batcher.add(1)];
  await turns();
  answers.push(batcher.add(2), batcher.add(3));
  await turns();
  assert.deepEqual(seen(), [[0, 1]]);
  answers.push(batcher.add(4));
  await turns();
  assert.deepEqual(seen()[1], [1, 2, 3, 4]);
  for (const { letGo } of running) letGo();
  assert.deepEqual(await Promise.all(answers), [2, 4, 6, 8]);
});

test("what shares a key with a batch in flight waits for it, and so does what must not overtake it", async () => {
  const KEYS: Record<number, string[]> = { 1: ["a"], 2: ["a", "b"], 3: ["b"], 4: ["c"] };
  const { batcher, running, seen, turns } = heldBack({ keysOf: (item) => KEYS[item] ?? [] });
  const answers = [batcher.add(1)];
  await turns();
  answers.push(...[2, 3, 4].map((item) => batcher.add(item)));
  await turns();
  assert.deepEqual(seen(), [
    [0, 1],
    [1, 4],
  ]);
  running[1]?.letGo();
  await turns();
  assert.equal(batcher.waiting, 2, "the free lane finds nothing that it may take");
  running[0]?.letGo();
  await turns();
  assert.deepEqual(seen()[2], [0, 2]);
  running[2]?.letGo();
  await turns();
  running[3]?.letGo();
  assert.deepEqual(await Promise.all(answers), [2, 4, 6, 8]);
});

test("close waits for every lane", async () => {
  const { batcher, running, turns } = heldBack();
  const answers = Promise.all([1, 2].map((item) => batcher.add(item)));
  await turns();
  let isClosed = false;
  const closing = batcher.close().then(() => {
    isClosed = true;
  });
  running[0]?.letGo();
  await turns();
  assert.equal(isClosed, false);
  running[1]?.letGo();
  await closing;
  assert.deepEqual(await answers, [2, 4]);
});
