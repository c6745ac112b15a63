import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { LIMITS, LINK_CLOSINGS } from "@guildhall/protocol";
import { openTestDatabase } from "../support/database.ts";
import { type Hall, type HallOptions, Peer, startHall, until } from "./support.ts";

/** Nothing here depends on the database's host. */
async function withHall(
  t: TestContext,
  options: HallOptions,
  work: (hall: Hall) => Promise<void>,
): Promise<void> {
  const hall = await startHall(await openTestDatabase(t, "any"), options);
  try {
    await work(hall);
  } finally {
    await hall.stop();
  }
}

test("what is not a frame is complained about, and the connection goes on", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    await peer.next("offer");
    // biome-ignore format: read as a table
    const cases = [
      ["{",                                                   "bad_json"],
      [{ type: "dance" },                                     "unknown_type"],
      [{ type: "accept", run: "x", attempt: 1 },              "bad_frame"],
      [{ type: "identify", protocol: 1, key: "k", agent: agent.agentId }, "bad_frame"],
      [{ type: "message", session: runId, number: 0, final: true, payload: {} }, "bad_frame"],
    ] as const;
    for (const [frame, code] of cases) {
      peer.send(frame);
      assert.equal((await peer.next("notice")).code, code);
    }
    const stranger = "f".repeat(24);
    peer.send({ type: "accept", run: stranger, attempt: 1 });
    assert.equal((await peer.next("cancel")).run, stranger);
    peer.send({ type: "chunk", run: stranger, attempt: 1, seq: 0, data: 1 });
    assert.equal((await peer.next("cancel")).run, stranger);
    peer.send({ type: "message", session: stranger, number: 1, final: false, payload: {} });
    const { session, number, outcome } = await peer.next("taken");
    assert.deepEqual([session, number, outcome], [stranger, 1, "late"]);
    const of = { session: stranger };
    for (const frame of [
      { type: "take", ...of, attempt: 1 },
      { type: "decline", ...of, attempt: 1, code: "provider_busy" },
      { type: "quote", ...of, amountMicros: "1", ceilingMicros: "2" },
      { type: "bill", ...of, totalMicros: "1" },
    ]) {
      peer.send(frame);
      const notice = await peer.next("notice");
      assert.deepEqual([notice.code, notice.session], ["late", stranger], frame.type);
    }
    assert.deepEqual(hall.runs.events, []);

    peer.send(`{"type":"result","run":"${runId}","attempt":1,"output":"\\u0000"}`);
    assert.equal((await peer.next("settled")).outcome, "ok");
    const [[, , code, message] = []] = hall.runs.named("failed");
    assert.equal(code, "provider_bad_output");
    assert.match(String(message), /NUL/);
  }));

test("an accepted run that is refused afterwards has failed; a refused one is told as refused", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const [one, two] = [hall.offer(agent.agentId), hall.offer(agent.agentId)];
    peer.send({ type: "refuse", run: one.runId, attempt: 1, code: "provider_busy" });
    await peer.next("settled");
    peer.send({ type: "accept", run: two.runId, attempt: 1 });
    peer.send({ type: "refuse", run: two.runId, attempt: 1, code: "provider_busy", message: "no" });
    await peer.next("settled");
    assert.deepEqual(hall.runs.events, [
      ["refused", one.runId, 1, "provider_busy"],
      ["accepted", two.runId, 1],
      ["failed", two.runId, "provider_failed", "provider_busy: no"],
    ]);
  }));

test("an answer that the engine could not take at first is taken a moment later", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    hall.runs.failuresLeft = 1;
    peer.send({ type: "result", run: runId, attempt: 1, output: 1 });
    peer.send({ type: "result", run: runId, attempt: 1, output: 2 });
    assert.equal((await peer.next("settled")).outcome, "ok");
    assert.deepEqual(hall.runs.events, [["succeeded", runId, 1]]);
  }));

test("chunks arrive in order, and a provider that is ahead waits for room", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    const gate = Promise.withResolvers<void>();
    hall.runs.chunkGate = gate.promise;
    const chunk = (seq: number) =>
      peer.send({ type: "chunk", run: runId, attempt: 1, seq, data: `c${seq}` });
    for (let seq = 0; seq < LIMITS.chunkCreditsDefault; seq++) chunk(seq);
    chunk(0);
    peer.send({ type: "heartbeat" });
    await peer.next("heartbeat");
    assert.equal(peer.frames.filter(({ type }) => type === "credit").length, 0);

    gate.resolve();
    const { until: room } = await peer.next("credit");
    assert.equal(room, 1.5 * LIMITS.chunkCreditsDefault);
    chunk(LIMITS.chunkCreditsDefault);
    peer.send({ type: "result", run: runId, attempt: 1, output: "all" });
    await peer.next("settled");
    const seqs = hall.runs.named("chunk").map(([, , seq]) => seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: LIMITS.chunkCreditsDefault + 1 }, (_, i) => i),
    );
    assert.equal(hall.runs.events.at(-1)?.[0], "succeeded", "the answer comes after its chunks");
  }));

for (const [what, seqs] of [
  ["leaves a chunk out", [0, 2]],
  ["sends chunks beyond its room", Array.from({ length: 33 }, (_, seq) => seq)],
] as const) {
  test(`a provider that ${what} is cut off`, (t) =>
    withHall(t, {}, async (hall) => {
      const agent = await hall.agent();
      const peer = await Peer.identified(hall, agent);
      const { runId } = hall.offer(agent.agentId);
      hall.runs.chunkGate = new Promise(() => undefined);
      for (const seq of seqs) peer.send({ type: "chunk", run: runId, attempt: 1, seq, data: 1 });
      assert.equal((await peer.closed).code, LINK_CLOSINGS.protocol_error.code);
    }));
}

test("a chunk that is too large, or that nobody wants, ends its run and not the connection", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const [large, unwanted] = [hall.offer(agent.agentId), hall.offer(agent.agentId)];
    const data = "x".repeat(LIMITS.chunkBytesMax);
    peer.send({ type: "chunk", run: large.runId, attempt: 1, seq: 0, data: `${data}${data}` });
    assert.equal((await peer.next("settled")).run, large.runId);
    assert.equal(hall.runs.named("failed")[0]?.[2], "provider_bad_output");
    hall.runs.live.delete(unwanted.runId);
    peer.send({ type: "chunk", run: unwanted.runId, attempt: 1, seq: 0, data: 1 });
    assert.equal((await peer.next("cancel")).run, unwanted.runId);
    assert.ok(hall.hub.holds(agent.agentId));
  }));

test("after a reconnection a stream goes on where the server stopped taking it", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const offer = hall.offer(agent.agentId, { chunksTaken: 5 });
    const peer = await Peer.identified(hall, agent);
    assert.deepEqual((await peer.next("offer")).chunks, { next: 5, until: 37 });
    for (const seq of [3, 4, 5]) {
      peer.send({ type: "chunk", run: offer.runId, attempt: 1, seq, data: seq });
    }
    peer.send({ type: "result", run: offer.runId, attempt: 1, output: 1 });
    await peer.next("settled");
    assert.deepEqual(hall.runs.named("chunk"), [["chunk", offer.runId, 5, 5]]);
  }));

test("a flood of frames that nobody asked for ends the connection; work in bulk does not", (t) =>
  withHall(t, { limits: { framesBurst: 50, framesPerSecond: 1 } }, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    for (let index = 0; index < 200; index++) {
      const { runId } = hall.offer(agent.agentId);
      peer.send({ type: "accept", run: runId, attempt: 1 });
      peer.send({ type: "chunk", run: runId, attempt: 1, seq: 0, data: 1 });
      peer.send({ type: "result", run: runId, attempt: 1, output: 1 });
    }
    await until(() => hall.runs.named("succeeded").length === 200);
    for (let index = 0; index < 51; index++) peer.send({ type: "heartbeat" });
    assert.equal((await peer.closed).code, LINK_CLOSINGS.rate_limited.code);
    const beats = peer.frames.filter(({ type }) => type === "heartbeat").length;
    assert.ok(beats <= 50, `${beats} answered`);
  }));

test("a frame beyond the limit ends the connection, and what it carried is not read", (t) =>
  withHall(t, {}, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    peer.send({ type: "heartbeat", filler: "x".repeat(LIMITS.frameBytesMax) });
    assert.equal((await peer.closed).code, 1009);
    await until(() => hall.hub.size === 0);
  }));

test("a provider that does not read what it is sent is cut off", (t) =>
  withHall(t, { limits: { sendBufferBytesMax: 4 * 1024 * 1024 } }, async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    peer.socket.pause();
    const input = { text: "x".repeat(1024 * 1024) };
    await until(() => {
      hall.offer(agent.agentId, { input });
      return hall.hub.size === 0;
    });
    peer.socket.terminate();
  }));

test("a provider that was offered more than it may hold is told as busy", (t) =>
  withHall(t, { limits: { offersMax: 2 } }, async (hall) => {
    const agent = await hall.agent();
    await Peer.identified(hall, agent);
    const offers = [1, 2, 3].map(() => hall.offer(agent.agentId));
    await until(() => hall.runs.named("refused").length === 1);
    assert.deepEqual(hall.runs.named("refused"), [
      ["refused", offers[2]?.runId, 1, "provider_busy"],
    ]);
  }));

test("too many sockets of one address or one workspace, or too fast, are turned away", (t) =>
  withHall(
    t,
    { admission: { perAddressMax: 3, perWorkspaceMax: 1, connectsBurst: 6, connectsPerSecond: 1 } },
    async (hall) => {
      const agent = await hall.agent();
      const first = await Peer.identified(hall, agent);
      const second = await Peer.open(`${hall.url}/provider`);
      second.send({ type: "identify", protocol: 1, key: agent.key, agent: agent.agentId });
      assert.equal((await second.next("rejected")).code, "rate_limited");
      await second.closed;
      assert.ok(hall.hub.holds(agent.agentId), "the connection that was there goes on");

      const idle = [
        await Peer.open(`${hall.url}/provider`),
        await Peer.open(`${hall.url}/provider`),
      ];
      const fourth = await Peer.open(`${hall.url}/provider`);
      assert.equal((await fourth.closed).code, LINK_CLOSINGS.rate_limited.code);
      for (const peer of idle) peer.socket.terminate();
      await Promise.all(idle.map(({ closed }) => closed));
      first.socket.terminate();
      await until(() => hall.hub.size === 0);

      assert.equal((await Peer.identified(hall, agent)).frames.length, 1);
      const seventh = await Peer.open(`${hall.url}/provider`);
      assert.match(String((await seventh.next("rejected")).message), /short time/);
      hall.clock.advance(1_000);
      await Peer.identified(hall, await hall.agent());
    },
  ));

test("bytes that are no WebSocket, and peers that vanish, leave nothing behind", (t) =>
  withHall(t, {}, async (hall) => {
    const { port } = new URL(hall.url);
    for (const lines of [
      ["GET /provider HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"],
      ["GET /provider HTTP/1.1", "Host: x", "Upgrade: h2c", "Connection: Upgrade"],
    ]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.match(answer.toString(), /^HTTP\/1\.1 4/);
      socket.destroy();
    }
    const agent = await hall.agent();
    const peer = await Peer.open(`${hall.url}/provider`);
    peer.send({ type: "identify", protocol: 1, key: agent.key, agent: agent.agentId });
    peer.socket.terminate();
    await Peer.identified(hall, await hall.agent());
    await until(() => hall.hub.size === 1);
  }));
