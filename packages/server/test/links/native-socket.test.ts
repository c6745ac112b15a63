import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { LIMITS, LINK_CLOSINGS } from "@guildhall/protocol";
import { revokeKey } from "../../src/store/key.ts";
import { openTestDatabase } from "../support/database.ts";
import { onEachHall, Peer, startHall, until } from "./support.ts";

const UNKNOWN_ID = "0".repeat(24);

onEachHall(
  "a provider identifies, is offered a run, and is told that its result counts",
  async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const status = await hall.links.statusOf([agent.agentId, UNKNOWN_ID]);
    assert.equal(status.get(agent.agentId)?.isOnline, true);
    assert.equal(status.has(UNKNOWN_ID), false);

    const { runId, chainId, requesterWorkspaceId } = hall.offer(agent.agentId);
    const offer = await peer.next("offer");
    assert.deepEqual(offer, {
      type: "offer",
      run: runId,
      attempt: 1,
      capability: "translate",
      input: { text: "hello" },
      manifest: { intention: "test" },
      requester: requesterWorkspaceId,
      chain: chainId,
      maxMicros: "250",
      deadline: "2026-01-01T00:01:00.000Z",
      remainingMs: 60_000,
      timeoutSeconds: 60,
      chunks: { next: 0, until: LIMITS.chunkCreditsDefault },
    });
    peer.send({ type: "accept", run: runId, attempt: 1 });
    peer.send({ type: "accept", run: runId, attempt: 1 });
    peer.send({ type: "result", run: runId, attempt: 1, output: { text: "hallo" } });
    assert.deepEqual(await peer.next("settled"), {
      type: "settled",
      run: runId,
      attempt: 1,
      outcome: "ok",
    });
    assert.deepEqual(hall.runs.events, [
      ["accepted", runId, 1],
      ["succeeded", runId, { text: "hallo" }],
    ]);

    peer.send({ type: "result", run: runId, attempt: 1, output: {} });
    assert.equal((await peer.next("settled")).outcome, "late");
  },
);

onEachHall(
  "who may not connect is told why, closed with that code, and changes nothing",
  async (hall) => {
    const agent = await hall.agent();
    const other = await hall.agent();
    const expired = await hall.agent();
    await hall.database.query("update keys set expires_at = created_at where id = $1", [
      expired.keyId,
    ]);
    const suspended = await hall.agent();
    await hall.database.query("update agents set suspended_at = created_at where id = $1", [
      suspended.agentId,
    ]);
    const identify = { type: "identify", protocol: 1, key: agent.key, agent: agent.agentId };
    // biome-ignore format: read as a table
    const cases = [
    [{ ...identify, key: "gld_nonsense" },                         "unauthenticated"],
    [{ ...identify, key: expired.key, agent: expired.agentId },    "unauthenticated"],
    [{ ...identify, agent: other.agentId },                        "forbidden"],
    [{ ...identify, agent: UNKNOWN_ID },                           "not_found"],
    [{ ...identify, key: suspended.key, agent: suspended.agentId }, "suspended"],
    [{ ...identify, protocol: 2 },                                 "version_mismatch"],
    [{ ...identify, agent: "agt" },                                "protocol_error"],
    [{ type: "heartbeat" },                                        "protocol_error"],
    ["not json",                                                   "protocol_error"],
  ] as const;
    for (const [frame, closing] of cases) {
      const peer = await Peer.open(`${hall.url}/provider`);
      peer.send(frame);
      assert.equal((await peer.next("rejected")).code, closing);
      const { code, reason } = await peer.closed;
      assert.deepEqual([code, reason], [LINK_CLOSINGS[closing].code, closing]);
    }
    const binary = await Peer.open(`${hall.url}/provider`);
    binary.socket.send(Buffer.from(JSON.stringify(identify)));
    assert.equal((await binary.closed).code, LINK_CLOSINGS.protocol_error.code);
    assert.equal(hall.hub.size, 0);
    assert.deepEqual(await hall.database.query("select * from provider_links"), []);
  },
);

onEachHall(
  "a newer connection of an agent takes over, and the older one is not heard any more",
  async (hall) => {
    const agent = await hall.agent();
    const older = await Peer.identified(hall, agent);
    const { runId } = hall.offer(agent.agentId);
    await older.next("offer");
    const newer = await Peer.identified(hall, agent);
    assert.equal((await older.closed).code, LINK_CLOSINGS.replaced.code);
    assert.equal((await newer.next("offer")).run, runId, "what was not answered is offered again");
    newer.send({ type: "result", run: runId, attempt: 1, output: 1 });
    assert.equal((await newer.next("settled")).outcome, "ok");
    assert.equal(hall.hub.size, 1);
    assert.deepEqual(hall.runs.named("gone"), []);
    assert.equal((await hall.links.whereIs(agent.agentId))?.epoch, 2);
  },
);

onEachHall(
  "who reconnects within 30 seconds stays online and is sent its run again, once",
  async (hall) => {
    const agent = await hall.agent();
    const first = await Peer.identified(hall, agent);
    const offer = hall.offer(agent.agentId);
    await first.next("offer");
    first.socket.terminate();
    await until(() => hall.hub.size === 0);
    assert.equal(hall.hub.offer(offer), false, "the connection is not here");
    await hall.pass(25_000);
    assert.equal((await hall.links.statusOf([agent.agentId])).get(agent.agentId)?.isOnline, true);

    const second = await Peer.identified(hall, agent);
    assert.equal((await second.next("offer")).run, offer.runId);
    hall.hub.offer(offer);
    const gone = { run: UNKNOWN_ID, attempt: 1 };
    second.send({ type: "resume", runs: [{ run: offer.runId, attempt: 1 }, gone] });
    const cancelled = await second.next("cancel");
    assert.equal(cancelled.run, UNKNOWN_ID, "what is over is taken back");
    assert.equal(second.frames.filter(({ type }) => type === "offer").length, 1);
    await hall.pass(29_000);
    assert.deepEqual(hall.runs.named("gone"), []);
  },
);

onEachHall(
  "work in hand that another process drives for another moment is not taken back, and is offered then",
  async (hall) => {
    const agent = await hall.agent();
    const first = await Peer.identified(hall, agent);
    const offer = hall.offer(agent.agentId);
    await first.next("offer");
    first.socket.terminate();
    await until(() => hall.hub.size === 0);
    hall.runs.live.delete(offer.runId);
    const second = await Peer.identified(hall, agent);
    hall.runs.live.set(offer.runId, offer);
    const gone = { run: UNKNOWN_ID, attempt: 1 };
    second.send({ type: "resume", runs: [{ run: offer.runId, attempt: 1 }, gone] });
    second.send({ type: "chunk", run: offer.runId, attempt: 1, seq: 0, data: 1 });
    await second.next("cancel");
    hall.hub.offer(offer);
    assert.equal((await second.next("offer")).run, offer.runId);
    const cancelled = second.frames.filter(({ type }) => type === "cancel").map(({ run }) => run);
    assert.deepEqual(cancelled, [UNKNOWN_ID]);
  },
);

onEachHall("what a provider was told is over is not offered to it again", async (hall) => {
  const agent = await hall.agent();
  const peer = await Peer.identified(hall, agent);
  const offers = [hall.offer(agent.agentId), hall.offer(agent.agentId)] as const;
  for (const _ of offers) await peer.next("offer");
  const [done, cancelled] = offers;
  peer.send({ type: "result", run: done.runId, attempt: 1, output: {} });
  await peer.next("settled");
  hall.hub.cancel(agent.agentId, cancelled.runId, 1, "test");
  await peer.next("cancel");
  // Whoever offers them had read them before they ended.
  for (const offer of offers) hall.hub.offer(offer);
  const last = hall.offer(agent.agentId);
  assert.equal((await peer.next("offer")).run, last.runId);
});

const kept = Promise.withResolvers<"ok">();

onEachHall(
  "a turn that was answered is not told again by whoever looked before that",
  async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const sessionId = UNKNOWN_ID;
    const ids = { sessionId, requesterWorkspaceId: UNKNOWN_ID, chainId: UNKNOWN_ID };
    const terms = { shape: "free", amountMicros: 0n, ceilingMicros: 0n } as const;
    const noTier = { tierIndex: undefined, tierName: undefined };
    const session = {
      ...{ ...ids, capability: "chat", messagesMax: 5, previousId: undefined },
      terms: { ...terms, ...noTier },
    };
    const say = (seq: number): void => {
      hall.hub.tell(agent.agentId, { kind: "said", sessionId, seq, payload: {} });
    };
    hall.hub.tell(agent.agentId, { kind: "opened", session, lastNumber: 0 });
    say(1);
    await peer.next("turn");
    const reply = { type: "message", session: sessionId, turn: 1, final: true, payload: {} };
    peer.send({ ...reply, number: 1 });
    peer.send({ type: "heartbeat" });
    await peer.next("heartbeat");
    // The reply is on its way into the log, where the turn is open still.
    assert.ok(hall.hub.heldSessions().every(({ knows }) => knows(1)));
    say(1);
    kept.resolve("ok");
    await peer.next("taken");
    say(1);
    say(2);
    assert.equal((await peer.next("turn")).seq, 2);
  },
  { sessionEvents: { said: () => kept.promise } },
);

onEachHall("a connection is an agent's newest until another one is opened", async (hall) => {
  const { agentId, ...agent } = await hall.agent();
  const peer = await Peer.identified(hall, { agentId, ...agent });
  assert.equal(await hall.links.isNewest({ agentId, epoch: 1 }), true);
  peer.socket.terminate();
  await until(() => hall.hub.size === 0);
  assert.equal(await hall.links.isNewest({ agentId, epoch: 1 }), true);
  await Peer.identified(hall, { agentId, ...agent });
  assert.equal(await hall.links.isNewest({ agentId, epoch: 1 }), false);
  assert.equal(await hall.links.isNewest({ agentId, epoch: 2 }), true);
  assert.equal(await hall.links.isNewest({ agentId: UNKNOWN_ID, epoch: 1 }), false);
});

onEachHall(
  "who is not heard of for 30 seconds is offline, and its runs are told so once",
  async (hall) => {
    const agent = await hall.agent();
    const silent = await Peer.identified(hall, agent);
    const lively = await hall.agent();
    const beating = await Peer.identified(hall, lively);
    await hall.pass(20_000);
    beating.send({ type: "heartbeat" });
    await beating.next("heartbeat");
    await hall.pass(LIMITS.heartbeatMissMs - 20_000 + 1);
    assert.equal((await silent.closed).code, LINK_CLOSINGS.missed_heartbeats.code);
    assert.deepEqual(hall.runs.named("gone"), [["gone", agent.agentId, 1, "missed"]]);
    const status = await hall.links.statusOf([agent.agentId, lively.agentId]);
    assert.equal(status.get(agent.agentId)?.isOnline, false);
    assert.equal(status.get(lively.agentId)?.isOnline, true);

    beating.socket.terminate();
    await until(() => hall.hub.size === 0);
    await hall.pass(LIMITS.heartbeatMissMs + 5_001);
    await hall.pass(1_000);
    assert.deepEqual(hall.runs.named("gone").at(-1), ["gone", lively.agentId, 1, "missed"]);
    assert.equal(hall.runs.named("gone").length, 2);
  },
);

onEachHall("who says goodbye is offline at once, after its last answer was taken", async (hall) => {
  const agent = await hall.agent();
  const peer = await Peer.identified(hall, agent);
  const { runId } = hall.offer(agent.agentId);
  await peer.next("offer");
  peer.send({ type: "result", run: runId, attempt: 1, output: 1 });
  peer.send({ type: "goodbye", reason: "done" });
  assert.equal((await peer.closed).code, 1000);
  await until(() => hall.runs.named("gone").length > 0);
  assert.deepEqual(hall.runs.events, [
    ["succeeded", runId, 1],
    ["gone", agent.agentId, 1, "shutdown"],
  ]);
  assert.equal(await hall.links.whereIs(agent.agentId), undefined);
});

onEachHall(
  "a key that is revoked and an agent that is suspended lose their connections",
  async (hall) => {
    const revoked = await hall.agent();
    const suspended = await hall.agent();
    const fine = await hall.agent();
    const [one, two] = [
      await Peer.identified(hall, revoked),
      await Peer.identified(hall, suspended),
    ];
    await Peer.identified(hall, fine);
    await revokeKey(hall.database, revoked.keyId, hall.clock.now());
    await hall.database.query("update workspaces set suspended_at = created_at where id = $1", [
      suspended.workspaceId,
    ]);
    await hall.pass(5_000);
    assert.equal((await one.closed).code, LINK_CLOSINGS.unauthenticated.code);
    assert.equal((await two.closed).code, LINK_CLOSINGS.suspended.code);
    assert.ok(hall.hub.holds(fine.agentId));
  },
);

onEachHall(
  "a server that stops asks its providers to come back, and lets go of its lease",
  async (hall) => {
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    await hall.hub.stop();
    assert.equal((await peer.next("rejected")).code, "restart");
    assert.equal((await peer.closed).code, LINK_CLOSINGS.restart.code);
    await hall.process.stop();
    assert.equal(hall.process.isLive(), false);
    assert.equal(await hall.links.whereIs(agent.agentId), undefined);
    assert.deepEqual(hall.runs.named("gone"), [], "it may come back to another process");
  },
);

test("who opens a socket and says nothing is closed", async (t) => {
  const hall = await startHall(await openTestDatabase(t, "any"), { identifyMs: 50 });
  const peer = await Peer.open(`${hall.url}/provider`);
  assert.equal((await peer.closed).code, LINK_CLOSINGS.identify_timeout.code);
  await hall.stop();
});

test("only the addresses of providers' sockets are there", async (t) => {
  const hall = await startHall(await openTestDatabase(t, "any"));
  for (const path of ["/", "/wsx", "/ws?EIO=4&transport=websocket", "/provider/more"]) {
    const peer = new Peer(hall.url + path);
    const [error] = (await once(peer.socket, "error")) as [Error];
    assert.match(error.message, /404/);
  }
  for (const path of ["/provider/", "/ws", "/ws/", "/ws?x=1"]) {
    (await Peer.open(hall.url + path)).socket.terminate();
  }
  await hall.stop();
});
