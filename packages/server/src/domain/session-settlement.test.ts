import assert from "node:assert/strict";
import { test } from "node:test";
import { PROVIDER, REQUESTER, standingOf } from "../../test/support/session-standing.ts";
import { HOUSE_ACCOUNTS, walletOf } from "./account.ts";
import { Fault } from "./fault.ts";
import {
  SESSION_TRANSITIONS,
  type SessionClosing,
  type SessionEvent,
  type SessionReason,
  type SessionState,
} from "./session.ts";
import {
  chargeMicrosOf,
  decideSession,
  reasonOf,
  SESSION_PAYMENT,
  settleSession,
  stateAfter,
} from "./session-settlement.ts";
import type { SessionTerms } from "./session-terms.ts";

const STATES = Object.keys(SESSION_TRANSITIONS) as SessionState[];
const EVENTS = Object.keys(SESSION_TRANSITIONS.active) as SessionEvent[];
const CAPPED = { capHitAt: new Date(1) };
const NEXT = { deadlineAt: new Date(99), processId: "other" };

function fixed(
  shape: "per_session" | "per_task" | "per_message",
  amountMicros = 10n,
): SessionTerms {
  return { shape, amountMicros, tierIndex: 0, tierName: "standard" };
}

const OPEN_QUOTE: SessionTerms = { shape: "open_quote", estimateMicros: 5n, ceilingMicros: 50n };

/** In which states each event may come: the whole machine, said by the events. */
// biome-ignore format: read as a table
const AFTER: Record<SessionEvent, Partial<Record<SessionState, SessionState>>> = {
  keep:      { pending: "pending", active: "active", interrupted: "interrupted", awaiting_invoice: "awaiting_invoice" },
  agree:     { pending: "pending" },
  accept:    { pending: "active" },
  interrupt: { active: "interrupted" },
  resume:    { interrupted: "active" },
  bill:      { awaiting_invoice: "awaiting_invoice" },
  settle:    { awaiting_invoice: "ended" },
  lapse:     { awaiting_invoice: "ended" },
  reject:    { pending: "cancelled", active: "cancelled", interrupted: "cancelled" },
  expire:    { pending: "cancelled", active: "cancelled", interrupted: "cancelled" },
  cancel:    { pending: "cancelled", active: "cancelled", interrupted: "cancelled" },
  leave:     { active: "cancelled", interrupted: "cancelled" },
  end:       { active: "ended", interrupted: "ended" },
  extend:    { active: "ended" },
  cap:       { active: "ended", interrupted: "ended" },
  abandon:   { active: "ended", interrupted: "ended" },
};

for (const event of EVENTS) {
  for (const state of STATES) {
    const after = AFTER[event][state];
    test(`${event} while ${state}: ${after ?? "refused"}`, () => {
      const standing = standingOf({ state, terms: fixed("per_message"), heldMicros: 50n });
      if (after) assert.equal(stateAfter(standing, event), after);
      else assert.throws(() => stateAfter(standing, event), isConflict);
    });
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof Fault && error.code === "conflict";
}

/** What ends an open quote, with nothing answered, with something, and at its cap with something. */
// biome-ignore format: read as a table
const BILLED = [
  // event     nothing             answered            answered, at the cap
  ["end",      "awaiting_invoice", "awaiting_invoice", "awaiting_invoice"],
  ["extend",   "awaiting_invoice", "awaiting_invoice", "awaiting_invoice"],
  ["cap",      "ended",            "awaiting_invoice", "awaiting_invoice"],
  ["abandon",  "ended",            "awaiting_invoice", "awaiting_invoice"],
  ["cancel",   "cancelled",        "cancelled",        "awaiting_invoice"],
  ["leave",    "cancelled",        "cancelled",        "awaiting_invoice"],
  ["reject",   "cancelled",        "cancelled",        "cancelled"],
  ["expire",   "cancelled",        "cancelled",        "cancelled"],
] as const satisfies readonly (readonly [SessionClosing, SessionState, SessionState, SessionState])[];

for (const [event, ...states] of BILLED) {
  test(`${event} of an open quote is ${states.join(", or ")}`, () => {
    const logs = [{}, { answered: 1 }, { answered: 1, ...CAPPED }];
    const found = logs.map((log) =>
      stateAfter(standingOf({ terms: OPEN_QUOTE, heldMicros: 50n, log }), event),
    );
    assert.deepEqual(found, states);
  });
}

test("an open quote that nobody began is simply over, whatever ends it", () => {
  for (const event of ["cancel", "expire", "reject"] as const) {
    const pending = standingOf({ state: "pending", terms: OPEN_QUOTE, log: { answered: 1 } });
    assert.equal(stateAfter(pending, event), "cancelled");
  }
});

const FREE: SessionTerms = { shape: "free" };
const ZEROES = [0n, 0n, 0n] as const;

/** What is charged: with nothing answered, with three of five answered, and with five of five at the cap. */
// biome-ignore format: read as a table
const CHARGES = [
  // event     shape          held   nothing, three, all
  ["end",      "per_session", 10n,   [10n, 10n, 10n]],
  ["end",      "per_task",    10n,   [10n, 10n, 10n]],
  ["end",      "per_message", 50n,   [0n,  30n, 50n]],
  ["end",      "per_message", 40n,   [0n,  30n, 40n]],
  ["end",      "free",        0n,    ZEROES],
  ["end",      "open_quote",  50n,   ZEROES],
  ["extend",   "per_session", 10n,   [10n, 10n, 10n]],
  ["extend",   "per_message", 50n,   [0n,  30n, 50n]],
  ["cap",      "per_session", 10n,   [0n,  10n, 10n]],
  ["cap",      "per_message", 50n,   [0n,  30n, 50n]],
  ["abandon",  "per_session", 10n,   [0n,  10n, 10n]],
  ["abandon",  "per_message", 50n,   [0n,  30n, 50n]],
  ["cancel",   "per_session", 10n,   [0n,  0n,  10n]],
  ["cancel",   "per_message", 50n,   [0n,  0n,  50n]],
  ["leave",    "per_task",    10n,   [0n,  0n,  10n]],
  ["leave",    "per_message", 50n,   [0n,  0n,  50n]],
  ["reject",   "per_session", 10n,   ZEROES],
  ["expire",   "per_session", 10n,   ZEROES],
  ["lapse",    "open_quote",  50n,   ZEROES],
] as const;

const TERMS: Readonly<Record<SessionTerms["shape"], SessionTerms>> = {
  free: FREE,
  open_quote: OPEN_QUOTE,
  per_session: fixed("per_session"),
  per_task: fixed("per_task"),
  per_message: fixed("per_message"),
};

for (const [event, shape, heldMicros, charged] of CHARGES) {
  test(`${event} of ${shape} with ${heldMicros} held costs ${charged.join(", ")}`, () => {
    const logs = [{}, { used: 4, answered: 3 }, { used: 5, answered: 5, ...CAPPED }];
    const found = logs.map((log) =>
      chargeMicrosOf(standingOf({ terms: TERMS[shape], heldMicros, log }), event),
    );
    assert.deepEqual(found, charged);
  });
}

// biome-ignore format: read as a table
const BILLS = [
  // bill        held   paid
  [undefined,    50n,   0n],
  [0n,           50n,   0n],
  [49n,          50n,   49n],
  [50n,          50n,   50n],
  [51n,          50n,   50n],
] as const;

for (const [bill, heldMicros, paid] of BILLS) {
  test(`a bill of ${bill} under a ceiling of ${heldMicros} is paid with ${paid}`, () => {
    const invoice =
      bill === undefined ? undefined : { totalMicros: bill, submittedAt: new Date(0) };
    const scene = { state: "awaiting_invoice", terms: OPEN_QUOTE, heldMicros, invoice } as const;
    assert.equal(chargeMicrosOf(standingOf(scene), "settle"), paid);
  });
}

// biome-ignore format: read as a table
const REASONS = [
  // closing   otherwise              at the cap
  ["reject",   "provider_rejected",   "provider_rejected"],
  ["end",      "ended",               "ended"],
  ["extend",   "ended",               "ended"],
  ["cancel",   "requester_cancelled", "max_messages"],
  ["leave",    "provider_offline",    "max_messages"],
  ["expire",   "expired",             "expired"],
  ["cap",      "max_messages",        "max_messages"],
  ["abandon",  "abandoned",           "max_messages"],
] as const satisfies readonly (readonly [SessionClosing, SessionReason, SessionReason])[];

for (const [closing, otherwise, atCap] of REASONS) {
  test(`${closing} is told as ${otherwise}, at the cap as ${atCap}`, () => {
    assert.deepEqual([reasonOf(closing, false), reasonOf(closing, true)], [otherwise, atCap]);
  });
}

test("what is due goes to the provider and the house, the rest back, in one command", () => {
  const standing = standingOf({ terms: TERMS.per_message, heldMicros: 50n, log: { answered: 3 } });
  const hold = standing.hold?.terms;
  assert.ok(hold);
  assert.deepEqual(settleSession(standing, "end"), [
    {
      ...{ kind: "capture-hold", hold, amountMicros: 30n, toAccountId: walletOf(PROVIDER) },
      ...{ feeAccountId: HOUSE_ACCOUNTS.fees, name: SESSION_PAYMENT },
    },
    { kind: "close-hold", hold },
  ]);
  assert.equal(hold.accountId, REQUESTER);
  assert.deepEqual(settleSession(standing, "cancel"), [{ kind: "close-hold", hold }]);
  const paid = standingOf({ terms: TERMS.per_message, heldMicros: 50n, isHoldOpen: false });
  assert.deepEqual(settleSession(paid, "end"), [], "once");
  assert.deepEqual(settleSession(standingOf(), "end"), [], "nothing was held");
});

test("a decision is about the version that was seen, and has no deadline once it is over", () => {
  const active = standingOf({ terms: TERMS.per_message, heldMicros: 50n });
  const kept = decideSession(active, "keep", NEXT);
  const { session, work } = active;
  const common = { id: session.id, shape: "session", expectedVersion: work.version };
  assert.deepEqual(kept, {
    work: { ...common, state: "active", attempt: work.attempt, ...NEXT },
    steps: [],
  });
  const ended = decideSession(active, "end", NEXT);
  assert.deepEqual([ended.work.state, ended.work.deadlineAt], ["ended", undefined]);
  assert.equal(ended.steps.length, 1);
  const awaited = decideSession(standingOf({ terms: OPEN_QUOTE, heldMicros: 50n }), "end", NEXT);
  assert.deepEqual(
    [awaited.work.state, awaited.work.deadlineAt, awaited.steps],
    ["awaiting_invoice", NEXT.deadlineAt, []],
    "what is held stays held until the bill",
  );
});
