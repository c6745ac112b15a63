/**
 * Whoever waits for a provider's yes waits for somebody who can say it: not for one who said goodbye, not for
 * one who was asked twice and whose first answer came too late, and not while what was held is on its way.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../../src/domain/fault.ts";
import { reasonOf } from "../../src/domain/session-settlement.ts";
import type { Database } from "../../src/store/database.ts";
import { closeLog } from "../../src/store/session-log.ts";
import { FUNDS_MICROS, onEachHostInTurn, openWorld, tiered, type World } from "./world.ts";

const ROUNDS = process.env.GUILDHALL_TEST_LONG === "1" ? 200 : 20;
const PER_MESSAGE = { price: tiered("per_message", 1_000n) };
const PLAIN = { mandateId: undefined, idempotencyKey: undefined };
/** Long beside what is asked for here, and short beside the half minute that a provider has. */
const SOON_MS = 10_000;

/** The code that somebody was refused with, or how the session stands. */
async function answerOf(world: World, id: string): Promise<string> {
  try {
    return (await world.engine.sessions.activate(world.requester, id)).work.state;
  } catch (error) {
    if (error instanceof Fault) return (error as Fault).code;
    throw error;
  }
}

async function soon(answer: Promise<string>): Promise<string> {
  const givingUp = new AbortController();
  const waited = delay(SOON_MS, "still waits", { signal: givingUp.signal });
  try {
    return await Promise.race([answer, waited]);
  } finally {
    givingUp.abort();
    waited.catch(() => undefined);
  }
}

/** How often each time of asking was told. */
function askings(world: World, id: string): readonly number[] {
  return world.told.flatMap((telling) =>
    telling.kind === "asked" && telling.session.sessionId === id ? [telling.attempt] : [],
  );
}

async function untilAsked(world: World, id: string): Promise<void> {
  const givesUpAt = performance.now() + SOON_MS;
  while (askings(world, id).length === 0) {
    assert.ok(performance.now() < givesUpAt, "the provider was never asked");
    await delay(2);
  }
}

onEachHostInTurn("asking a provider to take a session", {
  async "who waits for one that says goodbye is told at once"(t, database) {
    const world = await openWorld(t, database, { ...PER_MESSAGE, habits: { accepts: false } });
    const { session } = await world.open();
    const answer = answerOf(world, session.id);
    await untilAsked(world, session.id);
    await world.disconnect("shutdown");
    assert.equal(await soon(answer), "provider_offline");
    assert.equal((await world.view(session.id)).work.state, "pending");
    // It is back: it is asked anew, and has its full time.
    world.clock.advance(29_000);
    await world.connect();
    world.habits.accepts = true;
    assert.equal(await soon(answerOf(world, session.id)), "active");
    await world.engine.sessions.cancel(world.requester, session.id, PLAIN);
    assert.equal(await world.availableMicros(world.requester), FUNDS_MICROS);
    await world.verify();
  },

  async "two who ask at once ask one question"(t, database) {
    const world = await openWorld(t, database, PER_MESSAGE);
    for (let round = 1; round <= ROUNDS; round++) {
      const { session } = await world.open();
      const answers = await Promise.all([
        answerOf(world, session.id),
        delay(round % 4).then(() => answerOf(world, session.id)),
        answerOf(world, session.id),
      ]);
      // Who comes late finds it active, which is not pending.
      for (const answer of answers) assert.match(answer, /^(active|not_pending)$/);
      assert.deepEqual([...new Set(askings(world, session.id))], [1], `round ${round}`);
      await world.engine.sessions.cancel(world.requester, session.id, PLAIN);
    }
    await world.verify();
  },

  async "who learns of a no has the money back"(t, database) {
    const world = await openWorld(t, database, { ...PER_MESSAGE, habits: { accepts: false } });
    const { session } = await world.open();
    const answer = answerOf(world, session.id);
    await untilAsked(world, session.id);
    await declineAndDie(world, database, session.id);
    assert.equal(await soon(answer), "work_declined");
    assert.equal(await world.heldMicros(world.requester), 0n);
    assert.equal((await world.view(session.id)).work.state, "cancelled");
    await world.verify();
  },
});

/** What a provider's no writes first, as by a process that dies right after it. */
async function declineAndDie(world: World, database: Database, sessionId: string): Promise<void> {
  const reasons = { usedUp: reasonOf("reject", true), otherwise: reasonOf("reject", false) };
  const at = world.clock.now();
  assert.ok(await closeLog(database, { sessionId, closing: "reject", at }, reasons));
}
