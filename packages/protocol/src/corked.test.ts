import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { corkedTurns } from "./corked.ts";

test("what is written in one turn leaves at its end, together and in order", async () => {
  const calls: string[][] = [];
  const socket = new Writable({
    decodeStrings: false,
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  const cork = corkedTurns(socket);
  for (const text of ["a", "b"]) {
    cork();
    socket.write(text);
  }
  await Promise.resolve();
  cork();
  socket.write("c");
  assert.deepEqual(calls, [], "the turn has not ended");
  await nextTurn();
  assert.deepEqual(calls, [["a", "b", "c"]]);
  cork();
  socket.write("d");
  await nextTurn();
  assert.deepEqual(calls, [["a", "b", "c"], ["d"]]);
});

test("a socket that is ended or torn down in the same turn is no trouble", async () => {
  const heard: string[] = [];
  const socket = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      heard.push(String(chunk));
      done();
    },
  });
  const cork = corkedTurns(socket);
  cork();
  socket.end("last words");
  await nextTurn();
  assert.deepEqual(heard, ["last words"]);
  assert.ok(socket.writableFinished);

  const torn = new Writable({ write: () => assert.fail("it is gone") });
  corkedTurns(torn)();
  torn.write("lost");
  torn.destroy();
  await nextTurn();
  assert.ok(torn.destroyed);
});
