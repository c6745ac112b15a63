import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecentCopy } from "./recent-copy.ts";

test("whoever asks after a change waits for a reading that began after it", async () => {
  const world = openWorld();
  const early = world.copy.get();
  world.copy.forget();
  const late = world.copy.get();
  world.answer("before");
  assert.equal(await early, "before");
  world.answer("after");
  assert.equal(await late, "after");
  assert.equal(world.readings, 2);
});

test("changes that come faster than it is read do not keep anybody waiting for ever", async () => {
  const world = openWorld();
  const asked = world.copy.get();
  for (let change = 0; change < 10; change++) world.copy.forget();
  world.answer("what there was");
  assert.equal(await asked, "what there was");
});

test("it is read again once it is old, and handed out meanwhile unless it is too old", async () => {
  const world = openWorld();
  const first = world.copy.get();
  world.answer("first");
  assert.equal(await first, "first");
  assert.equal(await world.copy.get(), "first");
  assert.equal(world.readings, 1);
  world.advance(15);
  assert.equal(await world.copy.get(), "first");
  assert.equal(world.readings, 2);
  world.answer(new Error("away"));
  await new Promise(setImmediate);
  assert.deepEqual(world.failures, ["away"]);
  world.advance(10);
  const second = world.copy.get();
  world.answer("second");
  assert.equal(await second, "second");
});

test("a reading that fails is told to those who wait for it, and the next one is begun anew", async () => {
  const world = openWorld();
  const asked = [world.copy.get(), world.copy.get()];
  world.answer(new Error("away"));
  for (const failing of asked) await assert.rejects(failing, /away/);
  const again = world.copy.get();
  world.answer("there");
  assert.equal(await again, "there");
});

/** What is read is answered by hand, in the order in which it was asked for. */
function openWorld() {
  const waiting: PromiseWithResolvers<string>[] = [];
  const failures: string[] = [];
  let nowMs = 0;
  let readings = 0;
  const copy = createRecentCopy({
    clock: { now: () => new Date(nowMs) },
    ...{ freshMs: 10, staleMs: 20 },
    read() {
      readings += 1;
      const reading = Promise.withResolvers<string>();
      waiting.push(reading);
      return reading.promise;
    },
    onFailure: (error) => failures.push((error as Error).message),
  });
  return {
    ...{ copy, failures },
    get readings() {
      return readings;
    },
    advance(ms: number) {
      nowMs += ms;
    },
    answer(what: string | Error) {
      // The next reading begins a few turns after the one before.
      const deliver = (): void => {
        const reading = waiting.shift();
        if (!reading) setImmediate(deliver);
        else if (typeof what === "string") reading.resolve(what);
        else reading.reject(what);
      };
      deliver();
    },
  };
}
