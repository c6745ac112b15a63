import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asOf,
  decideApproval,
  decideFinalisation,
  decideRedemption,
  HANDOFF_TRANSITIONS,
  HANDOFFS,
  type Handoff,
  type HandoffKind,
  type HandoffState,
  type ReplayRule,
  registrationState,
  revokesKey,
  startExpiry,
  startState,
  unapprovedIdentity,
} from "./handoff.ts";

const START = new Date("2026-01-01T00:00:00Z");
const MEMBER = { memberId: "m", workspaceId: "w" };

function after(seconds: number): Date {
  return new Date(START.getTime() + seconds * 1000);
}

function started(kind: HandoffKind): Handoff {
  return {
    id: "h",
    kind,
    state: startState(kind),
    clientId: "client",
    keyKind: "lc",
    label: "a terminal",
    address: "127.0.0.1",
    userCode: undefined,
    redirectUri: undefined,
    referralCode: undefined,
    memberId: undefined,
    workspaceId: undefined,
    keyId: undefined,
    wrongProofs: 0,
    pollSeconds: HANDOFFS[kind].pollSeconds,
    polledAt: undefined,
    createdAt: START,
    expiresAt: startExpiry(kind, START),
  };
}

function approved(kind: HandoffKind, atSeconds = 1): Handoff {
  return decideApproval(started(kind), "approve", MEMBER, after(atSeconds));
}

test("every state times every event", () => {
  // biome-ignore format: read as a table
  const CELLS: Record<ReplayRule, Record<HandoffState, string>> = {
    //        approve    deny    redeem     finalise   misprove expire
    refuse: {
      pending:   "approved denied -         -         denied   expired",
      approved:  "-        -      delivered -         denied   expired",
      delivered: "-        -      -         -         -        -",
      finalised: "-        -      -         -         -        -",
      denied:    "-        -      -         -         -        -",
      expired:   "-        -      -         -         -        -",
      revoked:   "-        -      -         -         -        -",
    },
    revoke: {
      pending:   "approved denied -         -         denied   expired",
      approved:  "-        -      delivered -         denied   expired",
      delivered: "-        -      revoked   -         -        -",
      finalised: "-        -      -         -         -        -",
      denied:    "-        -      -         -         -        -",
      expired:   "-        -      -         -         -        -",
      revoked:   "-        -      -         -         -        -",
    },
    repeat: {
      pending:   "approved denied -         -         denied   expired",
      approved:  "-        -      delivered -         denied   expired",
      delivered: "-        -      delivered finalised revoked  expired",
      finalised: "-        -      -         finalised -        -",
      denied:    "-        -      -         -         -        -",
      expired:   "-        -      -         -         -        -",
      revoked:   "-        -      -         -         -        -",
    },
  };
  const EVENTS = ["approve", "deny", "redeem", "finalise", "misprove", "expire"] as const;
  for (const [rule, states] of Object.entries(CELLS) as [
    ReplayRule,
    Record<HandoffState, string>,
  ][]) {
    for (const [state, row] of Object.entries(states) as [HandoffState, string][]) {
      const cells = row.split(/\s+/).map((cell) => (cell === "-" ? null : cell));
      const actual = EVENTS.map((event) => HANDOFF_TRANSITIONS[rule][state][event]);
      assert.deepEqual(actual, cells, `${rule}, ${state}`);
    }
  }
});

test("loopback: a code works once, for a minute, and a second use takes the key back", () => {
  const first = decideRedemption(approved("loopback"), true, after(60));
  assert.equal(first.outcome, "deliver");
  const second = decideRedemption(first.handoff, true, after(61));
  assert.deepEqual([second.outcome, second.handoff.state], ["replayed", "revoked"]);
  assert.ok(revokesKey(first.handoff, second.handoff));
  assert.ok(!revokesKey(approved("loopback"), first.handoff));

  assert.equal(decideRedemption(approved("loopback"), true, after(61)).outcome, "expired");
});

test("loopback: a wrong verifier closes the sign-in, and the right one comes too late", () => {
  const wrong = decideRedemption(approved("loopback"), false, after(2));
  assert.equal(wrong.outcome, "wrong-proof");
  assert.equal(decideRedemption(wrong.handoff, true, after(3)).outcome, "denied");
});

test("loopback: a code that was used takes its key back whoever comes with it", () => {
  const { handoff } = decideRedemption(approved("loopback"), true, after(2));
  assert.equal(decideRedemption(handoff, false, after(3)).handoff.state, "revoked");
});

test("device: it waits at its pace, and slows down for good when polled sooner", () => {
  let handoff = started("device");
  const poll = (atSeconds: number) => {
    const decision = decideRedemption(handoff, true, after(atSeconds));
    handoff = decision.handoff;
    return decision.outcome;
  };
  assert.equal(poll(1), "wait");
  assert.equal(poll(6), "wait");
  assert.equal(poll(10.6), "wait", "jitter is forgiven");
  assert.equal(poll(12), "slow-down");
  assert.equal(handoff.pollSeconds, 10);
  assert.equal(poll(18), "slow-down", "the old pace is too fast now");
  assert.equal(handoff.pollSeconds, 15);
  assert.equal(poll(33), "wait");
  handoff = decideApproval(handoff, "approve", MEMBER, after(34));
  assert.equal(poll(34), "deliver", "an answer is not held back for coming early");
  assert.equal(poll(60), "replayed");
  assert.equal(handoff.state, "delivered", "the key stays: a client may have asked twice");
});

test("device: denied and expired are told apart", () => {
  const denied = decideApproval(started("device"), "deny", MEMBER, after(5));
  assert.equal(decideRedemption(denied, true, after(6)).outcome, "denied");
  assert.equal(decideRedemption(started("device"), true, after(599)).outcome, "wait");
  assert.equal(decideRedemption(started("device"), true, after(600)).outcome, "expired");
  const late = approved("device", 599);
  assert.equal(decideRedemption(late, true, after(600)).outcome, "expired");
});

test("registration: fifteen minutes to approve, an hour to collect, one key", () => {
  assert.equal(asOf(started("registration"), after(899)).state, "pending");
  assert.equal(asOf(started("registration"), after(900)).state, "expired");
  const done = approved("registration", 899);
  const first = decideRedemption(done, true, after(899 + 3599));
  assert.equal(first.outcome, "deliver");
  assert.equal(decideRedemption(done, true, after(899 + 3600)).outcome, "expired");
  const second = decideRedemption(first.handoff, true, after(899 + 3599));
  assert.deepEqual([second.outcome, second.handoff.state], ["replayed", "delivered"]);
});

test("registration: wrong proofs are borne nine times, and the tenth closes it", () => {
  let handoff = approved("registration");
  for (let count = 1; count <= 9; count++) {
    handoff = decideRedemption(handoff, false, after(2)).handoff;
    assert.equal(handoff.state, "approved", `${count}`);
  }
  assert.equal(decideRedemption(handoff, true, after(2)).outcome, "deliver");
  handoff = decideRedemption(handoff, false, after(2)).handoff;
  assert.equal(handoff.state, "denied");
});

test("pairing: the same key again until it is finalised", () => {
  const first = decideRedemption(approved("pairing"), true, after(10));
  const again = decideRedemption(first.handoff, true, after(20));
  assert.deepEqual([first.outcome, again.outcome], ["deliver", "deliver"]);
  const done = decideFinalisation(again.handoff, after(30));
  assert.equal(done.state, "finalised");
  assert.equal(decideFinalisation(done, after(40)).state, "finalised", "saying so twice is fine");
  assert.equal(decideRedemption(done, true, after(40)).outcome, "replayed");
  assert.equal(asOf(done, after(10_000)).state, "finalised", "a key that was kept stays");
});

test("pairing: a key that nobody said they kept is taken back at expiry", () => {
  const { handoff } = decideRedemption(approved("pairing"), true, after(10));
  const expired = asOf(handoff, after(900));
  assert.equal(expired.state, "expired");
  assert.ok(revokesKey(handoff, expired));
  assert.throws(() => decideFinalisation(handoff, after(900)), { code: "conflict" });
});

test("pairing: finalising before there is a key is refused", () => {
  assert.throws(() => decideFinalisation(approved("pairing"), after(2)), { code: "conflict" });
});

test("install code: nobody approves, one use, ten minutes", () => {
  const first = decideRedemption(started("install-code"), true, after(599));
  assert.equal(first.outcome, "deliver");
  assert.equal(decideRedemption(first.handoff, true, after(599)).outcome, "replayed");
  assert.equal(decideRedemption(started("install-code"), true, after(600)).outcome, "expired");
  assert.throws(() => decideApproval(started("install-code"), "approve", MEMBER, after(1)), {
    code: "conflict",
  });
});

test("who nobody approved is believed in development and new in production", () => {
  assert.equal(unapprovedIdentity("development"), "as-claimed");
  assert.equal(unapprovedIdentity("production"), "fresh");
});

test("a decision is made once, and before the end", () => {
  const states = [approved("device"), decideApproval(started("device"), "deny", MEMBER, after(1))];
  for (const handoff of states) {
    for (const decision of ["approve", "deny"] as const) {
      assert.throws(() => decideApproval(handoff, decision, MEMBER, after(2)), {
        code: "conflict",
      });
    }
  }
  assert.throws(() => decideApproval(started("device"), "approve", MEMBER, after(600)), {
    code: "conflict",
    message: /expired/,
  });
});

test("how a registration stands, whatever became of it", () => {
  const at = (handoff: Handoff, seconds: number) =>
    registrationState(asOf(handoff, after(seconds)));
  const waiting = started("registration");
  assert.equal(at(waiting, 899), "pending");
  assert.equal(at(waiting, 900), "expired");
  const done = approved("registration");
  assert.equal(at(done, 3_600), "completed");
  assert.equal(at(done, 3_601), "completed", "the time for its key is over, and it was completed");
  const { handoff: delivered } = decideRedemption(done, true, after(2));
  assert.equal(at(delivered, 86_400), "completed");
  const denied = decideApproval(waiting, "deny", MEMBER, after(1));
  assert.equal(at(denied, 2), "expired");
});
