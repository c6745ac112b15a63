import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createTurns } from "../src/video/turns.ts";

const WANTED = new AbortController().signal;

/** Work that is written down when it begins, and ends when it is let go on. */
function workshop() {
  const turns = createTurns();
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<string>>();
  return {
    begun,
    ask(name: string, signal = WANTED) {
      const gate = Promise.withResolvers<string>();
      gates.set(name, gate);
      const owner = name.slice(0, 1);
      return turns.take(owner, signal, () => {
        begun.push(name);
        return gate.promise;
      });
    },
    async end(name: string, error?: Error) {
      if (error) gates.get(name)?.reject(error);
      else gates.get(name)?.resolve(`${name} done`);
      await nextTurn();
    },
  };
}

test("one is made at a time, and whoever asks for many waits no less than others", async () => {
  const { begun, ask, end } = workshop();
  const asked = ["a1", "a2", "a3", "b1", "b2", "c1"].map((name) => ask(name));
  const order = ["a1", "a2", "b1", "c1", "a3", "b2"];
  for (const [index, name] of order.entries()) {
    assert.deepEqual(begun, order.slice(0, index + 1));
    await end(name);
  }
  assert.deepEqual(
    await Promise.all(asked),
    ["a1", "a2", "a3", "b1", "b2", "c1"].map((name) => `${name} done`),
  );
  const later = ask("a4");
  assert.equal(begun.at(-1), "a4", "nobody is served: it begins at once");
  await end("a4");
  assert.equal(await later, "a4 done");
});

test("what fails, or is not wanted any more, keeps nobody waiting", async () => {
  const { begun, ask, end } = workshop();
  const abort = new AbortController();
  const failing = ask("a1");
  const unwanted = ask("a2", abort.signal);
  const next = ask("a3");
  abort.abort(new Error("cancelled"));
  await assert.rejects(unwanted, /cancelled/);
  await assert.rejects(ask("b1", abort.signal), /cancelled/);
  await Promise.all([assert.rejects(failing, /broken/), end("a1", new Error("broken"))]);
  assert.deepEqual(begun, ["a1", "a3"]);
  await end("a3");
  assert.equal(await next, "a3 done");
});
