/**
 * What happens when two do something to the same session at once: one of them did it, the other learns
 * that it came too late, and the money is where the rules put it. 10 rounds each; 200 in test:long.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../../src/domain/fault.ts";
import { SESSION_CLOCK } from "../../src/domain/session-clock.ts";
import { answerLate } from "../support/meanwhile.ts";
import { FUNDS_MICROS, onEachHostInTurn, openWorld, tiered, type World } from "./world.ts";

const ROUNDS = process.env.GUILDHALL_TEST_LONG === "1" ? 200 : 10;
const PRICE = 1_000n;
const PER_MESSAGE = tiered("per_message", PRICE, 3n * PRICE);
const NO_DETAIL = { declaredCount: undefined, finalOutput: undefined };
const PLAIN = { mandateId: undefined, idempotencyKey: undefined };
const NEXT = { tier: "next", quote: undefined, idempotencyKey: undefined } as const;

/** What somebody got for an attempt: its value, or the code that it was refused with. */
async function outcomeOf<T>(attempt: Promise<T>): Promise<T | string> {
  try {
    return await attempt;
  } catch (error) {
    if (error instanceof Fault) return (error as Fault).code;
    throw error;
  }
}

function isRefused(outcome: unknown): outcome is string {
  return typeof outcome === "string";
}

/** A moment later, another one each round: so that it is now the one and now the other who is first. */
async function later<T>(round: number, attempt: () => Promise<T>): Promise<T | string> {
  await delay((round * 3) % 8);
  return outcomeOf(attempt());
}

/** A session of three answered turns and five at most. */
async function threeTurns(world: World): Promise<string> {
  const id = await world.hire();
  for (let seq = 1; seq <= 3; seq++) await world.send(id, seq);
  await world.answered(id, 3);
  return id;
}

/** Nothing is held, nothing was made or lost, and the books verify. */
async function conclude(world: World, paidMicros: bigint): Promise<void> {
  const { requester, provider } = world;
  assert.equal(await world.heldMicros(requester), 0n);
  assert.equal(await world.availableMicros(provider), paidMicros);
  assert.equal(await world.availableMicros(requester), FUNDS_MICROS - paidMicros);
  await world.verify();
}

onEachHostInTurn("races of sessions", {
  async "two ends of one session: one of them ended it"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await threeTurns(world);
      const ends = Array.from({ length: 2 + (round % 3) }, () =>
        outcomeOf(sessions.end(world.requester, id, NO_DETAIL)),
      );
      const outcomes = await Promise.all(ends);
      const refused = outcomes.filter(isRefused);
      assert.deepEqual(refused, Array(outcomes.length - 1).fill("not_active"));
      const { work, hold } = await world.view(id);
      assert.deepEqual(
        [work.state, hold?.capturedMicros, hold?.isOpen],
        ["ended", 3n * PRICE, false],
      );
      const kinds = await world.kinds(id);
      assert.equal(kinds.filter((kind) => kind === "ended").length, 1, "it is told once");
    }
    await conclude(world, BigInt(ROUNDS) * 3n * PRICE);
  },

  async "an end against a cancellation: whoever is first decides"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    const { requester } = world;
    let paid = 0n;
    const seen = new Set<string>();
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await threeTurns(world);
      const end = () => sessions.end(requester, id, NO_DETAIL);
      const cancel = () => sessions.cancel(requester, id, PLAIN);
      const [ended, cancelled] = await Promise.all(
        round % 2 === 0
          ? [outcomeOf(end()), later(round, cancel)]
          : [later(round, end), outcomeOf(cancel())],
      );
      const { work, ending, hold } = await world.view(id);
      assert.ok(!isRefused(cancelled), "cancelling what is over changes nothing, and says so");
      assert.equal(cancelled.work.state, work.state);
      if (isRefused(ended)) {
        assert.deepEqual([ended, work.state], ["not_active", "cancelled"]);
        assert.deepEqual([ending?.reason, hold?.capturedMicros], ["requester_cancelled", 0n]);
      } else {
        assert.deepEqual([work.state, hold?.capturedMicros], ["ended", 3n * PRICE]);
        paid += 3n * PRICE;
      }
      seen.add(work.state);
    }
    if (ROUNDS > 100) assert.equal(seen.size, 2, `only ${[...seen]} ever won: nothing raced`);
    await conclude(world, paid);
  },

  async "messages against the cap: not one too many"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    for (let round = 1; round <= ROUNDS; round++) {
      const messagesMax = 1 + (round % 4);
      const id = await world.hire({ messagesMax });
      const asked = Array.from({ length: messagesMax + 5 }, (_, index) => index + 1);
      const outcomes = await Promise.all(asked.map((seq) => outcomeOf(world.send(id, seq))));
      assert.deepEqual(outcomes.filter(isRefused), Array(5).fill("message_cap_reached"));
      await world.answered(id, messagesMax);
      const { log, hold } = await world.view(id);
      assert.deepEqual([log.used, log.answered], [messagesMax, messagesMax]);
      assert.ok(log.capHitAt, "the last reply uses it up");
      assert.equal(hold?.amountMicros, BigInt(messagesMax) * PRICE);
      const ended = await sessions.end(world.requester, id, NO_DETAIL);
      assert.equal(
        ended.hold?.capturedMicros,
        BigInt(messagesMax) * PRICE,
        "all of it, and no more",
      );
    }
    await world.verify();
  },

  async "an extension against an end: one leg goes on, or none"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    const { requester } = world;
    const seen = new Set<string>();
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await threeTurns(world);
      const before = await world.availableMicros(requester);
      const extend = () => sessions.extend(requester, id, NEXT);
      const end = () => sessions.end(requester, id, NO_DETAIL);
      const [extended, ended] = await Promise.all(
        round % 2 === 0
          ? [outcomeOf(extend()), later(round, end)]
          : [later(round, extend), outcomeOf(end())],
      );
      const { work, ending, hold } = await world.view(id);
      assert.deepEqual([work.state, hold?.capturedMicros], ["ended", 3n * PRICE], "settled once");
      // Of what this leg held, two turns come back.
      assert.equal(isRefused(extended), !isRefused(ended), `${String(extended)}, ${String(ended)}`);
      if (isRefused(extended)) {
        assert.ok(["not_resumable", "not_active"].includes(extended), extended);
        assert.equal(ending?.continuationId, undefined);
        assert.equal(await world.heldMicros(requester), 0n);
        assert.equal(await world.availableMicros(requester), before + 2n * PRICE);
      } else {
        assert.equal(ended, "not_active");
        assert.equal(ending?.continuationId, extended.view.session.id);
        assert.equal(await world.heldMicros(requester), 15n * PRICE);
        await sessions.cancel(requester, extended.view.session.id, PLAIN);
        assert.equal(await world.availableMicros(requester), before + 2n * PRICE);
      }
      seen.add(isRefused(extended) ? "end" : "extend");
    }
    if (ROUNDS > 100) assert.equal(seen.size, 2, `only ${[...seen]} ever won: nothing raced`);
    await conclude(world, BigInt(ROUNDS) * 3n * PRICE);
  },

  async "many extensions of one leg open one"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    const { requester } = world;
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await threeTurns(world);
      const isCapped = round % 2 === 0;
      if (isCapped) {
        for (const seq of [4, 5]) await world.send(id, seq);
        await world.answered(id, 5);
        await sessions.cancel(requester, id, PLAIN);
      }
      const outcomes = await Promise.all(
        Array.from({ length: 4 }, () => outcomeOf(sessions.extend(requester, id, NEXT))),
      );
      const opened = outcomes.flatMap((outcome) => (isRefused(outcome) ? [] : [outcome]));
      assert.equal(opened.length, 1, outcomes.filter(isRefused).join());
      assert.equal(await world.heldMicros(requester), 15n * PRICE);
      const [next] = opened;
      assert.ok(next);
      await sessions.cancel(requester, next.view.session.id, PLAIN);
    }
    assert.equal(await world.heldMicros(requester), 0n);
    await world.verify();
  },

  async "messages and replies against an end: what counts is paid"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE, habits: { replies: false } });
    const { sessions } = world.engine;
    let paid = 0n;
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await world.hire();
      for (const seq of [1, 2, 3]) await world.send(id, seq);
      const replies = [1, 2, 3].map((turn) => later(round + turn, () => world.reply(id, turn)));
      const fourth = outcomeOf(world.send(id, 4));
      const [ended] = await Promise.all([sessions.end(world.requester, id, NO_DETAIL), fourth]);
      const taken = (await Promise.all(replies)).filter((outcome) => outcome === "ok").length;
      const { log, hold } = await world.view(id);
      assert.equal(log.answered, taken, "a reply counts, or its provider learns that it came late");
      assert.equal(log.used, isRefused(await fourth) ? 3 : 4);
      assert.equal(hold?.capturedMicros, BigInt(taken) * PRICE);
      assert.equal(ended.hold?.capturedMicros, hold?.capturedMicros);
      paid += BigInt(taken) * PRICE;
    }
    await conclude(world, paid);
  },

  async "a cancellation against the provider's yes: free either way"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE });
    const { sessions } = world.engine;
    for (let round = 1; round <= ROUNDS; round++) {
      const { session } = await world.open();
      const [activated, cancelled] = await Promise.all([
        outcomeOf(sessions.activate(world.requester, session.id)),
        later(round, () => sessions.cancel(world.requester, session.id, PLAIN)),
      ]);
      assert.ok(!isRefused(cancelled));
      assert.ok(!isRefused(activated) || activated === "not_pending", String(activated));
      const { work, ending } = await world.view(session.id);
      assert.deepEqual([work.state, ending?.reason], ["cancelled", "requester_cancelled"]);
    }
    await conclude(world, 0n);
  },

  async "a message against the end of an idle session"(t, database) {
    const world = await openWorld(t, database, { price: PER_MESSAGE, habits: { replies: false } });
    const { sessions, sweeper } = world.engine;
    let paid = 0n;
    for (let round = 1; round <= ROUNDS; round++) {
      const id = await world.hire();
      await world.send(id, 1);
      await world.reply(id, 1);
      await world.pass(12 * 3_600_000);
      assert.equal((await world.kinds(id)).at(-1), "idle");
      world.clock.advance(12 * 3_600_000);
      const [said] = await Promise.all([
        later(round, () => world.send(id, 2)),
        delay((round * 5) % 7).then(() => sweeper.sweep()),
      ]);
      await world.pass(0);
      const { work, log, ending } = await world.view(id);
      if (isRefused(said)) {
        assert.deepEqual([said, work.state, ending?.reason], ["not_active", "ended", "abandoned"]);
      } else {
        assert.deepEqual([work.state, log.warnedAt, log.closing], ["active", undefined, undefined]);
        await sessions.end(world.requester, id, NO_DETAIL);
      }
      paid += PRICE;
    }
    await conclude(world, paid);
  },

  async "a bill that is accepted against the 72 hour clock is paid once"(t, database) {
    const quotes = { amountMicros: PRICE, ceilingMicros: 9n * PRICE };
    const world = await openWorld(t, database, {
      price: { kind: "open-quote", estimateMicros: PRICE, ceilingMicros: undefined },
      habits: { quotes },
    });
    const { sessions, sweeper } = world.engine;
    const { requester, provider } = world;
    for (let round = 1; round <= ROUNDS; round++) {
      const { session } = await world.open({ isOpenQuote: true });
      const { id } = session;
      await sessions.propose(provider, id, { ...quotes, lines: undefined, note: undefined });
      const accepted = { isMeant: () => true, silentBoundMicros: undefined };
      // Accepting twice at once holds once.
      await Promise.all([1, 2].map(() => sessions.acceptProposal(requester, id, accepted)));
      assert.equal(await world.heldMicros(requester), 9n * PRICE);
      await sessions.activate(requester, id);
      await sessions.end(requester, id, NO_DETAIL);
      const bill = { totalMicros: 7n * PRICE, lines: undefined, note: undefined };
      const bills = await Promise.all(
        [1, 2].map(() => outcomeOf(sessions.bill(provider, id, bill))),
      );
      assert.deepEqual(bills.filter(isRefused), ["conflict"]);
      const { invoice } = await sessions.invoice(requester, id);
      world.clock.advance(SESSION_CLOCK.reviewMs);
      const [paid] = await Promise.all([
        later(round, () => sessions.acceptInvoice(requester, id, invoice.id)),
        delay((round * 5) % 7).then(() => sweeper.sweep()),
      ]);
      assert.ok(!isRefused(paid), String(paid));
      const { work, hold } = await world.view(id);
      assert.deepEqual([work.state, hold?.capturedMicros], ["ended", 7n * PRICE]);
    }
    await conclude(world, BigInt(ROUNDS) * 7n * PRICE);
  },

  async "a bill that is accepted before it is noted that one is there is kept"(t, database) {
    const late = answerLate(database);
    const quotes = { amountMicros: PRICE, ceilingMicros: 9n * PRICE };
    const world = await openWorld(t, late, {
      price: { kind: "open-quote", estimateMicros: PRICE, ceilingMicros: undefined },
    });
    const { sessions } = world.engine;
    const { requester, provider } = world;
    const { session } = await world.open({ isOpenQuote: true });
    const { id } = session;
    await sessions.propose(provider, id, { ...quotes, lines: undefined, note: undefined });
    const accepted = { isMeant: () => true, silentBoundMicros: undefined };
    await sessions.acceptProposal(requester, id, accepted);
    await sessions.activate(requester, id);
    await sessions.end(requester, id, NO_DETAIL);
    late.meanwhile("insert into session_invoices", async () => {
      const { invoice } = await sessions.invoice(requester, id);
      await sessions.acceptInvoice(requester, id, invoice.id);
    });
    const bill = { totalMicros: 7n * PRICE, lines: undefined, note: undefined };
    const { work, hold } = await sessions.bill(provider, id, bill);
    assert.deepEqual([work.state, hold?.capturedMicros], ["ended", 7n * PRICE]);
    const { invoice } = await sessions.invoice(requester, id);
    assert.equal(invoice.totalMicros, 7n * PRICE, "what was paid for can be looked at");
    assert.equal((await world.kinds(id)).filter((kind) => kind === "invoiced").length, 1);
    await conclude(world, 7n * PRICE);
  },

  async "a goodbye against a provider that is back: what it took since goes on"(t, database) {
    const late = answerLate(database);
    const world = await openWorld(t, late, { price: PER_MESSAGE });
    const before = await world.hire();
    let since = "";
    const comeBack = async () => {
      await world.connect();
      since = await world.hire();
    };
    late.meanwhile("w.deadline_at is not null and s.agent_id = $1", comeBack, "before");
    await world.disconnect("shutdown");
    assert.equal((await world.view(since)).work.state, "active");
    await world.send(since, 1);
    await world.answered(since, 1);
    for (const id of [before, since])
      await world.engine.sessions.cancel(world.requester, id, PLAIN);
    await conclude(world, 0n);
  },
});
