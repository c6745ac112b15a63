/**
 * An end is written down before it is done, and one by which another leg should open may come to nothing.
 * Between the two nobody is told that the session is over: not while it says that it is active.
 */
import assert from "node:assert/strict";
import type { SessionClosing } from "../../src/domain/session.ts";
import { reasonOf } from "../../src/domain/session-settlement.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";
import { closeLog } from "../../src/store/session-log.ts";
import { encodeSession } from "../../src/surfaces/linkedclaw/encode-session.ts";
import { FUNDS_MICROS, onEachHostInTurn, openWorld, tiered, type World } from "./world.ts";

const PRICE = 1_000n;
const PER_MESSAGE = { price: tiered("per_message", PRICE) };
const GOES_ON = {
  ...{ status: "active", termination_reason: null, closed_at: null },
  ...{ resumable_until: null, continued_by: null },
};

/** What a reader is told of how a session ended. */
async function shown(world: World, id: string) {
  const encoded = encodeSession(await world.view(id), undefined) as Record<string, unknown>;
  return Object.fromEntries(Object.keys(GOES_ON).map((name) => [name, encoded[name]]));
}

/** Step 1 of an end, as by a process that dies right after it. */
async function markClosed(
  { clock }: World,
  database: Database,
  sessionId: string,
  closing: SessionClosing,
  continuationId?: string,
): Promise<void> {
  const reasons = { usedUp: reasonOf(closing, true), otherwise: reasonOf(closing, false) };
  const close = { sessionId, closing, continuationId, at: clock.now() };
  assert.ok(await closeLog(database, close, reasons));
}

/** Ends by which a session that goes on is over a moment later, and what it is told as then. */
const ENDINGS = {
  leave: ["cancelled", "provider_offline"],
  cancel: ["cancelled", "requester_cancelled"],
  end: ["ended", "ended"],
  abandon: ["ended", "abandoned"],
} as const;

onEachHostInTurn("an end that is under way", {
  async "is told when it is done, and not before"(t, database) {
    const world = await openWorld(t, database, PER_MESSAGE);
    for (const [closing, [status, reason]] of Object.entries(ENDINGS)) {
      const id = await world.hire();
      await markClosed(world, database, id, closing as SessionClosing);
      assert.deepEqual(await shown(world, id), GOES_ON, closing);
      const listed = await world.engine.sessions.list(world.requester, {
        ...{ side: "requester", state: "active", limit: 10, cursor: undefined },
      });
      assert.equal(listed.sessions.length, 1, "a list of those that go on has it as well");
      await world.pass(5_000);
      const { termination_reason, closed_at, ...rest } = await shown(world, id);
      assert.deepEqual([rest.status, termination_reason], [status, reason]);
      assert.ok(closed_at);
    }
    assert.equal(await world.availableMicros(world.requester), FUNDS_MICROS);
    await world.verify();
  },

  async "and comes to nothing is never told"(t, database) {
    const world = await openWorld(t, database, PER_MESSAGE);
    const id = await world.hire();
    await world.send(id, 1);
    await world.answered(id, 1);
    const continuationId = newId(world.clock, systemRandom);
    await markClosed(world, database, id, "extend", continuationId);
    assert.deepEqual(await shown(world, id), GOES_ON);
    await world.pass(5_000);
    assert.deepEqual(await shown(world, id), GOES_ON, "its other leg never opened");
    await world.send(id, 2);
    await world.answered(id, 2);
    const detail = { declaredCount: undefined, finalOutput: undefined };
    await world.engine.sessions.end(world.requester, id, detail);
    assert.equal((await shown(world, id)).termination_reason, "ended");
    assert.equal(await world.availableMicros(world.provider), 2n * PRICE);
    await world.verify();
  },
});
