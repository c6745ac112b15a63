import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "@guildhall/protocol";
import type { RunOutput } from "../src/index.ts";
import { startScripted, until } from "./support.ts";

test("chunks wait for room, and a run's answer for its chunks", async (t) => {
  const written: number[] = [];
  const { line } = await startScripted(t, async (_input, context): Promise<RunOutput> => {
    for (let index = 0; index < 5; index++) {
      written.push(index);
      await context.chunk({ index });
    }
    return { output: "all" };
  });
  const server = await line();
  await server.welcome();
  const { run } = server.offer({ chunks: { next: 0, until: 2 } });
  assert.deepEqual((await server.next("chunk")).data, { index: 0 });
  assert.deepEqual((await server.next("chunk")).data, { index: 1 });
  await sleep(20);
  assert.deepEqual(written, [0, 1], "nothing is written ahead of the room there is");
  server.send({ type: "credit", run, attempt: 1, until: 3 });
  await server.next("chunk");
  server.send({ type: "credit", run, attempt: 1, until: 10 });
  await server.next("result");
  const seqs = server.frames.flatMap((frame) => (frame.type === "chunk" ? [frame.seq] : []));
  assert.deepEqual(seqs, [0, 1, 2, 3, 4]);
});

test("after a reconnection chunks are sent again from where the server wants them", async (t) => {
  const { line } = await startScripted(t, async (_input, context): Promise<RunOutput> => {
    for (let index = 0; index < 6; index++) await context.chunk(index);
    return { output: "all" };
  });
  const first = await line();
  await first.welcome(1);
  first.offer({ chunks: { next: 0, until: 4 } });
  await until(() => first.frames.filter(({ type }) => type === "chunk").length === 4);
  first.socket.terminate();
  const second = await line();
  await second.welcome(2);
  second.offer({ chunks: { next: 2, until: 34 } });
  await second.next("result");
  const data = second.frames.flatMap((frame) =>
    frame.type === "chunk" ? [[frame.seq, frame.data]] : [],
  );
  assert.deepEqual(data, [
    [2, 2],
    [3, 3],
    [4, 4],
    [5, 5],
  ]);
});

test("a program that was restarted writes its stream anew, and sends what is still wanted", async (t) => {
  const { line } = await startScripted(t, async (_input, context): Promise<RunOutput> => {
    for (let index = 0; index < 203; index++) await context.chunk(index);
    return { output: "all" };
  });
  const server = await line();
  await server.welcome();
  server.offer({ chunks: { next: 200, until: 232 } });
  await server.next("result");
  const seqs = server.frames.flatMap((frame) => (frame.type === "chunk" ? [frame.seq] : []));
  assert.deepEqual(seqs, [200, 201, 202]);
});

test("a chunk that cannot be sent, or that nobody wants any more, is refused to its writer", async (t) => {
  const problems: string[] = [];
  const { line } = await startScripted(t, async (_input, context): Promise<RunOutput> => {
    for (const data of [undefined, "\0", "x".repeat(LIMITS.chunkBytesMax)]) {
      await context.chunk(data).catch((error: Error) => problems.push(error.message));
    }
    await context.chunk("fits and waits").catch((error: Error) => problems.push(error.message));
    return { output: 1 };
  });
  const server = await line();
  await server.welcome();
  const { run } = server.offer({ chunks: { next: 0, until: 1 } });
  assert.equal((await server.next("chunk")).data, "fits and waits");
  server.send({ type: "cancel", run, attempt: 1, reason: "enough" });
  await until(() => problems.length === 4);
  assert.match(problems.join(" | "), /is not JSON.*NUL.*larger.*enough/);
});

test("a writer that does not wait is stopped before it fills the memory", async (t) => {
  const { line } = await startScripted(
    t,
    async (_input, context): Promise<RunOutput> => {
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => context.chunk(index)));
      return { output: 1 };
    },
    { onError: () => undefined },
  );
  const server = await line();
  await server.welcome();
  server.offer();
  assert.match((await server.next("error")).message, /without awaiting/);
});
