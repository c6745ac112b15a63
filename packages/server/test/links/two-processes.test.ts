import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LIMITS, LINK_CLOSINGS } from "@guildhall/protocol";
import type { Bus } from "../../src/core/ports.ts";
import { LEASE_MS, startProcess } from "../../src/core/process.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { LocalBus } from "../../src/outbound/bus/local.ts";
import type { Database } from "../../src/store/database.ts";
import { HeldClock } from "../support/clock.ts";
import { isSkipped, onEachHost, openTestDatabase } from "../support/database.ts";
import { type Hall, Peer, silentLog, startHall, until } from "./support.ts";

/** Two server processes on one database, with this bus between them. */
async function withTwo(
  t: TestContext,
  bus: Bus | undefined,
  work: (a: Hall, b: Hall, clock: HeldClock) => Promise<void>,
): Promise<void> {
  if (await isSkipped(t, "postgresql")) return;
  const database = await openTestDatabase(t, "postgresql");
  const clock = new HeldClock();
  const options = { clock, ...(bus && { bus }) };
  const [a, b] = [await startHall(database, options), await startHall(database, options)];
  try {
    await work(a, b, clock);
  } finally {
    await a.stop();
    await b.stop();
  }
}

test("a provider at one process is seen by the other, which knows where to send its work", (t) =>
  withTwo(t, undefined, async (a, b) => {
    const agent = await a.agent();
    await Peer.identified(b, agent);
    assert.deepEqual(await a.links.whereIs(agent.agentId), { processId: b.process.id, epoch: 1 });
    assert.equal((await a.links.statusOf([agent.agentId])).get(agent.agentId)?.isOnline, true);
    assert.equal(a.hub.holds(agent.agentId), false);
  }));

test("a provider that moves to the other process leaves the first one at once, by the bus", (t) =>
  withTwo(t, new LocalBus(silentLog), async (a, b) => {
    const agent = await a.agent();
    const old = await Peer.identified(a, agent);
    await Peer.identified(b, agent);
    assert.equal((await old.closed).code, LINK_CLOSINGS.replaced.code);
    assert.deepEqual(await a.links.whereIs(agent.agentId), { processId: b.process.id, epoch: 2 });
  }));

test("where the bus lost that, what the old connection answers is late, and it ends within seconds", (t) =>
  withTwo(t, undefined, async (a, b) => {
    const agent = await a.agent();
    const old = await Peer.identified(a, agent);
    const { runId } = a.offer(agent.agentId);
    await old.next("offer");
    await Peer.identified(b, agent);

    old.send({ type: "result", run: runId, attempt: 1, output: 1 });
    assert.equal((await old.next("settled")).outcome, "late");
    await a.pass(5_000);
    assert.equal((await old.closed).code, LINK_CLOSINGS.replaced.code);
    assert.deepEqual([...a.runs.named("gone"), ...b.runs.named("gone")], []);
    assert.ok(b.hub.holds(agent.agentId));
  }));

test("what a killed process held is offline with its lease, and gone when nobody comes back for it", (t) =>
  withTwo(t, undefined, async (a, b, clock) => {
    const [lost, saved] = [await a.agent(), await a.agent()];
    await Peer.identified(a, lost);
    await Peer.identified(a, saved);
    // From here on process a does nothing any more: only time passes, and b goes on.
    const sinceMs = clock.now().getTime();
    clock.advance(LEASE_MS);
    assert.equal(a.process.isLive(), false);
    assert.equal(await b.links.whereIs(lost.agentId), undefined);
    await b.process.renew();
    const moved = await Peer.identified(b, saved);
    while (clock.now().getTime() - sinceMs <= LIMITS.heartbeatMissMs) {
      moved.send({ type: "heartbeat" });
      await moved.next("heartbeat");
      await b.pass(LEASE_MS);
    }
    // Process a's own timer may sweep as well in this test: whoever does it, it is done once.
    await until(() => [...a.runs.named("gone"), ...b.runs.named("gone")].length > 0);
    const gone = [...a.runs.named("gone"), ...b.runs.named("gone")];
    assert.deepEqual(gone, [["gone", lost.agentId, 1, "missed"]]);
    assert.ok(b.hub.holds(saved.agentId));
  }));

/** A database that fails while it is told to. */
function unreliable(database: Database): { database: Database; state: { isAway: boolean } } {
  const state = { isAway: false };
  const query: Database["query"] = (text, parameters) =>
    state.isAway ? Promise.reject(new Error("away")) : database.query(text, parameters);
  return { database: { ...database, query }, state };
}

onEachHost(
  "a process that cannot renew its lease stops by its own clock, and goes on when it can",
  async (_t, host) => {
    const clock = new HeldClock();
    const { database, state } = unreliable(host);
    const hall = await startHall(database, { clock });
    const agent = await hall.agent();
    const peer = await Peer.identified(hall, agent);
    const offer = hall.offer(agent.agentId);
    const beat = async (): Promise<void> => {
      peer.send({ type: "heartbeat" });
      await peer.next("heartbeat");
    };
    state.isAway = true;
    clock.advance(LEASE_MS - 1);
    await hall.process.renew();
    assert.equal(hall.process.isLive(), true);
    assert.equal(hall.hub.offer(offer), true);
    clock.advance(1);
    assert.equal(hall.process.isLive(), false);
    assert.equal(hall.hub.offer(offer), false, "nothing is dispatched without a lease");

    // The database comes back after longer than anybody could be recorded as seen.
    for (let passed = 0; passed < LIMITS.heartbeatMissMs; passed += LEASE_MS) {
      await beat();
      clock.advance(LEASE_MS);
      await hall.hub.sweep();
    }
    await beat();
    state.isAway = false;
    await hall.process.renew();
    assert.equal(hall.hub.offer(offer), true);
    clock.advance(1);
    await hall.hub.sweep();
    assert.deepEqual(hall.runs.named("gone"), [], "its keepers get the time to write again");
    await hall.stop();
  },
);

onEachHost(
  "a process that could not renew its lease takes nobody for dead, until the others had the time to",
  async (_t, host) => {
    const clock = new HeldClock();
    const { database, state } = unreliable(host);
    const parts = { database, clock, random: systemRandom, log: silentLog };
    const process = await startProcess(parts);
    const pass = async (ms: number): Promise<boolean> => {
      clock.advance(ms);
      await process.renew();
      return process.mayTakeOver();
    };
    assert.equal(process.mayTakeOver(), host.host === "embedded", "others may start with it");
    for (let passed = 0; passed < LEASE_MS; passed += 1_000) await pass(1_000);
    assert.equal(process.mayTakeOver(), true);

    state.isAway = true;
    assert.equal(await pass(1_500), true, "a hiccup is none");
    assert.equal(await pass(1_500), false);
    // Its own lease has not ended; that of one that renewed a moment before it may have.
    assert.equal(process.isLive(), true);
    state.isAway = false;
    assert.equal(await pass(1), false);
    for (let passed = 1_000; passed < LEASE_MS; passed += 1_000) {
      assert.equal(await pass(1_000), false);
    }
    assert.equal(await pass(1_000), true);
    await process.stop();
  },
);

onEachHost(
  "a process takes its row with it, and the embedded host's next one clears what a kill left",
  async (_t, database) => {
    const parts = { database, clock: new HeldClock(), random: systemRandom, log: silentLog };
    const rows = async () =>
      (await database.query<{ id: string }>("select id from processes")).map(({ id }) => id);
    const first = await startProcess(parts);
    assert.deepEqual(await rows(), [first.id]);
    await first.stop();
    assert.deepEqual(await rows(), []);

    const killed = await startProcess(parts);
    const next = await startProcess(parts);
    const expected = database.host === "embedded" ? [next.id] : [killed.id, next.id].sort();
    assert.deepEqual((await rows()).sort(), expected);
    await killed.stop();
    await next.stop();
  },
);
