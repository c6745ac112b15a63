/**
 * What holds for any session, whatever was agreed on, whoever says what, and whenever it is looked at. The
 * tables beside the rules say what they are; this tries to get around them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Step } from "../../src/domain/command.ts";
import { Fault } from "../../src/domain/fault.ts";
import type { CostShape, Price } from "../../src/domain/price.ts";
import {
  isOpen,
  isOver,
  SESSION_TRANSITIONS,
  type SessionEvent,
  type SessionState,
} from "../../src/domain/session.ts";
import { idleUntil, SESSION_CLOCK, sessionDue } from "../../src/domain/session-clock.ts";
import { chargeMicrosOf, decideSession } from "../../src/domain/session-settlement.ts";
import {
  firstTerms,
  holdMicrosOf,
  laterTerms,
  namedTerms,
  type SessionTerms,
} from "../../src/domain/session-terms.ts";
import { logOf, type Scene, standingOf } from "../support/session-standing.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const STATES = Object.keys(SESSION_TRANSITIONS) as SessionState[];
const EVENTS = Object.keys(SESSION_TRANSITIONS.active) as SessionEvent[];
const NEXT = { deadlineAt: new Date(99), processId: "other" };
const AMOUNT = fc.bigInt({ min: 0n, max: 10n ** 15n });

const SHAPES = ["free", "open_quote", "per_session", "per_task", "per_message"] as const;

function isConflict(error: unknown): boolean {
  return error instanceof Fault && error.code === "conflict";
}

/** Any session that could be: what is held is what its terms say, answers are at most what was asked. */
const SESSION = fc
  .record({
    shape: fc.constantFrom<SessionTerms["shape"][]>(...SHAPES),
    amount: AMOUNT,
    messagesMax: fc.integer({ min: 1, max: 10_000 }),
    answeredShare: fc.double({ min: 0, max: 1, noNaN: true }),
    isCapHit: fc.boolean(),
    bill: fc.option(AMOUNT, { nil: undefined }),
    state: fc.constantFrom(...STATES),
  })
  .map(({ shape, amount, messagesMax, answeredShare, isCapHit, bill, state }): Scene => {
    const terms = withAmount(shape, amount);
    const answered = isCapHit ? messagesMax : Math.floor(answeredShare * messagesMax);
    return {
      ...{ state, terms, messagesMax, heldMicros: holdMicrosOf(terms, messagesMax) },
      log: { used: messagesMax, answered, ...(isCapHit && { capHitAt: new Date(1) }) },
      invoice: bill === undefined ? undefined : { totalMicros: bill, submittedAt: new Date(0) },
    };
  });

function withAmount(shape: SessionTerms["shape"], amountMicros: bigint): SessionTerms {
  if (shape === "free") return { shape };
  if (shape === "open_quote") {
    return { shape, estimateMicros: amountMicros, ceilingMicros: amountMicros };
  }
  return { shape, amountMicros, tierIndex: 0, tierName: "standard" };
}

test("what is settled and what is refunded is what was held, and neither is below nothing", () => {
  fc.assert(
    fc.property(SESSION, fc.constantFrom(...EVENTS), (scene, event) => {
      const standing = standingOf(scene);
      if (SESSION_TRANSITIONS[standing.work.state][event] === null) {
        return assert.throws(() => decideSession(standing, event, NEXT), isConflict);
      }
      const heldMicros = standing.hold?.amountMicros ?? 0n;
      const charged = chargeMicrosOf(standing, event);
      assert.ok(charged >= 0n && charged <= heldMicros, `${charged} of ${heldMicros}`);
      const { work, steps } = decideSession(standing, event, NEXT);
      if (!isOver(work.state)) return assert.deepEqual(steps, [], "money moves at the end only");
      const { settled, refunded } = movedBy(steps, heldMicros);
      assert.equal(settled, charged);
      assert.equal(settled + refunded, heldMicros);
      assert.ok(settled >= 0n && refunded >= 0n);
    }),
    { numRuns: 2_000 },
  );
});

/** What the steps do with a hold, as the ledger does them. */
function movedBy(steps: readonly Step[], heldMicros: bigint) {
  let settled = 0n;
  let refunded = 0n;
  for (const step of steps) {
    if (step.kind === "capture-hold") {
      assert.ok(step.amountMicros > 0n, "the ledger takes no empty capture");
      settled += step.amountMicros;
    } else {
      assert.equal(step.kind, "close-hold");
      refunded += heldMicros - settled;
    }
  }
  return { settled, refunded };
}

test("whatever comes, in whatever order, a session is paid for once at most", () => {
  const story = fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 });
  fc.assert(
    fc.property(SESSION, story, (scene, events) => {
      let state: SessionState = "pending";
      let isHoldOpen = true;
      let closes = 0;
      for (const event of events) {
        const standing = standingOf({ ...scene, state, isHoldOpen });
        if (SESSION_TRANSITIONS[state][event] === null) continue;
        const { work, steps } = decideSession(standing, event, NEXT);
        closes += steps.filter(({ kind }) => kind === "close-hold").length;
        if (steps.length > 0) isHoldOpen = false;
        assert.ok(!isOver(state), "nothing happens after the end");
        assert.ok(isOpen(state) || !isOpen(work.state), "what was closed is not opened again");
        state = work.state;
      }
      const isHeld = standingOf(scene).hold !== undefined;
      assert.equal(closes, isOver(state) && isHeld ? 1 : 0);
    }),
    { numRuns: 1_000 },
  );
});

function at(ms: number): Date {
  return new Date(ms);
}

const GOING_ON = ["pending", "active", "interrupted", "awaiting_invoice"] as const;
const INSTANT = fc.integer({ min: 0, max: 100 * DAY }).map(at);
const MAYBE = fc.option(INSTANT, { nil: undefined });

/** Any session that goes on, and when it is looked at. */
const LOOKED_AT = fc.record({
  state: fc.constantFrom<SessionState[]>(...GOING_ON),
  heldMicros: fc.constantFrom(undefined, 0n, 5n),
  log: fc.record({ lastAt: INSTANT, warnedAt: MAYBE, capHitAt: MAYBE, offeredUntil: MAYBE }),
  agreedAt: MAYBE,
  closedAt: MAYBE,
  invoice: fc.option(fc.record({ totalMicros: fc.constant(1n), submittedAt: INSTANT }), {
    nil: undefined,
  }),
  idleMs: fc.constantFrom(0, MINUTE, DAY),
  nowMs: fc.integer({ min: 0, max: 200 * DAY }),
});

test("who looks when it was told to is never late, and never looks twice at the same moment", () => {
  fc.assert(
    fc.property(LOOKED_AT, ({ idleMs, nowMs, ...scene }) => {
      const standing = standingOf(scene);
      const { event, lookAt } = sessionDue(standing, idleMs, at(nowMs));
      assert.ok(lookAt.getTime() > nowMs);
      assert.ok(lookAt.getTime() <= nowMs + SESSION_CLOCK.lookMs);
      if (event !== undefined) return;
      const before = sessionDue(standing, idleMs, at(lookAt.getTime() - 1));
      assert.equal(before.event, undefined, "nothing was due before");
      const isFullSpan = lookAt.getTime() === nowMs + SESSION_CLOCK.lookMs;
      if (!isFullSpan) assert.ok(sessionDue(standing, idleMs, lookAt).event, "and now it is");
    }),
  );
});

test("a session is abandoned when its parties were told that it would be", () => {
  fc.assert(
    fc.property(
      INSTANT,
      INSTANT,
      fc.integer({ min: 2, max: 40 * DAY }),
      (lastAt, warnedAt, idle) => {
        const log = logOf({ lastAt, warnedAt });
        const until = idleUntil(log, idle);
        assert.ok(until);
        assert.ok(
          until.getTime() >= warnedAt.getTime() + idle / 2 - 1,
          "half the time after a warning",
        );
        assert.ok(until.getTime() >= lastAt.getTime() + idle);
        const standing = standingOf({ state: "active", log });
        const eventAt = (ms: number) => sessionDue(standing, idle, at(ms)).event;
        assert.equal(eventAt(Math.ceil(until.getTime()) + 1), "abandon");
        assert.equal(eventAt(Math.floor(until.getTime()) - 1), undefined);
      },
    ),
  );
});

function tiers(rows: readonly (readonly [shape: CostShape, amountMicros: bigint])[]): Price {
  return {
    kind: "tiers",
    tiers: rows.map(([shape, amountMicros], index) => ({
      ...{ name: `t${index}`, quality: undefined, shape, amountMicros },
    })),
  };
}

const SOLD = fc.constantFrom("per_session", "per_task", "per_message" as const);
const LISTED = fc.array(fc.tuple(SOLD, AMOUNT), { minLength: 1, maxLength: 4 });
const MESSAGES = fc.integer({ min: 1, max: 10_000 });

test("no price that is named comes to less than the listed one, nor to more than was said", () => {
  const named = fc.record({
    shape: SOLD,
    amountMicros: AMOUNT,
    ceilingMicros: fc.option(AMOUNT, { nil: undefined }),
  });
  fc.assert(
    fc.property(named, LISTED, MESSAGES, (wanted, listed, messages) => {
      const price = tiers(listed);
      const { ceilingMicros, shape, amountMicros } = wanted;
      // A price by the message is measured by one of them: whoever sends one pays no more.
      const measured = shape === "per_message" ? 1 : messages;
      const least =
        listed
          .map(([sold, amount]) => (sold === "per_message" ? amount * BigInt(measured) : amount))
          .toSorted((a, b) => (a < b ? -1 : 1))[0] ?? 0n;
      const comesTo = shape === "per_message" ? amountMicros * BigInt(messages) : amountMicros;
      const isFair =
        amountMicros >= least && (ceilingMicros === undefined || comesTo <= ceilingMicros);
      const decide = () => namedTerms(wanted, price, messages);
      if (!isFair) return assert.throws(decide, { code: "invalid_request" });
      assert.equal(holdMicrosOf(decide(), messages), comesTo);
    }),
  );
});

test("leg after leg the tiers go up to the last, which goes on", () => {
  fc.assert(
    fc.property(LISTED, (listed) => {
      const price = tiers(listed);
      let terms = firstTerms(price);
      for (let leg = 0; leg < listed.length + 2; leg++) {
        const index = Math.min(leg, listed.length - 1);
        assert.deepEqual(
          [terms.shape, "tierIndex" in terms && terms.tierIndex],
          [listed[index]?.[0], index],
        );
        terms = laterTerms(price, terms, "next");
      }
    }),
  );
});
