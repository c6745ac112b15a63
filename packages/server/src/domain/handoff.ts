/**
 * Handoffs: sign-ins that start in a program and are approved by a person in a browser.
 *
 *   1. A program starts one, and keeps or is given what will prove that it is the one that asked.
 *   2. A member sees what is asking and from where, and approves or denies.
 *   3. The program comes back with its proof and redeems: it is given a key.
 *
 * The five wires differ in each of these, so the differences are rows of tables, and this file is
 * the only one that knows them. It decides; core/handoff.ts does.
 */
import { Fault } from "./fault.ts";
import type { KeyKind } from "./key.ts";

export type HandoffKind = "loopback" | "device" | "registration" | "pairing" | "install-code";
export type HandoffState =
  | "pending"
  | "approved"
  /** The key was handed over. The end, unless the kind repeats it until it is finalised. */
  | "delivered"
  | "finalised"
  | "denied"
  | "expired"
  /** The key was handed over and taken back: somebody came with the proof a second time. */
  | "revoked";
/** `misprove`: as many wrong proofs came as the kind bears. */
export type HandoffEvent = "approve" | "deny" | "redeem" | "finalise" | "misprove" | "expire";

/** What a second, proven redemption does: nothing, take the key back, or hand the same key over. */
export type ReplayRule = "refuse" | "revoke" | "repeat";

export interface HandoffRules {
  /** What shows that whoever redeems is who started. Where there are two, each start picks one. */
  readonly proofs: readonly ("verifier" | "device-code" | "state" | "install-code")[];
  readonly approver: "member" | "nobody";
  /** `until-finalised` keeps a sealed copy of the key, wiped when it is finalised or expires. */
  readonly delivery: "once" | "until-finalised";
  readonly replay: ReplayRule;
  /** How long approval may take, from the start. */
  readonly pendingSeconds: number;
  /** How long redeeming may take, from the approval; `undefined`: what is left of the first span. */
  readonly redeemSeconds: number | undefined;
  readonly wrongProofsMax: number;
  /** What a person compares between two screens. */
  readonly userCode: "words" | "letters" | "none";
  /** The pace of a program that polls; coming sooner slows it down. */
  readonly pollSeconds: number | undefined;
}

/**
 * A code with a wrong verifier was taken from somebody, so the first one closes a loopback sign-in.
 * A device code and an install code find their handoff themselves: a wrong one finds none.
 */
// biome-ignore format: read as a table
export const HANDOFFS: Readonly<Record<HandoffKind, HandoffRules>> = {
  // RFC 8252 and RFC 7636; LinkedClaw contract §5
  loopback:       { proofs: ["verifier"],             approver: "member", delivery: "once",            replay: "revoke", pendingSeconds: 600, redeemSeconds: 60,        wrongProofsMax: 1,  userCode: "none",    pollSeconds: undefined },
  // RFC 8628; LinkedClaw contract §5
  device:         { proofs: ["device-code"],          approver: "member", delivery: "once",            replay: "refuse", pendingSeconds: 600, redeemSeconds: undefined, wrongProofsMax: 1,  userCode: "words",   pollSeconds: 5 },
  // OpenMarlin contract §4
  registration:   { proofs: ["device-code", "state"], approver: "member", delivery: "once",            replay: "refuse", pendingSeconds: 900, redeemSeconds: 3600,      wrongProofsMax: 10, userCode: "words",   pollSeconds: undefined },
  // ClawLink contract §4
  pairing:        { proofs: ["verifier"],             approver: "member", delivery: "until-finalised", replay: "repeat", pendingSeconds: 900, redeemSeconds: undefined, wrongProofsMax: 10, userCode: "letters", pollSeconds: undefined },
  // Skill Hub contract §5
  "install-code": { proofs: ["install-code"],         approver: "nobody", delivery: "once",            replay: "refuse", pendingSeconds: 600, redeemSeconds: undefined, wrongProofsMax: 1,  userCode: "none",    pollSeconds: undefined },
};

type Transitions = Readonly<
  Record<HandoffState, Readonly<Record<HandoffEvent, HandoffState | null>>>
>;

const PENDING = {
  approve: "approved",
  deny: "denied",
  redeem: null,
  finalise: null,
  misprove: "denied",
  expire: "expired",
} as const;
const APPROVED = {
  approve: null,
  deny: null,
  redeem: "delivered",
  finalise: null,
  misprove: "denied",
  expire: "expired",
} as const;
const OVER = {
  approve: null,
  deny: null,
  redeem: null,
  finalise: null,
  misprove: null,
  expire: null,
} as const;

/** Every state times every event, by what a replay does. `null`: the event is refused in that state. */
// biome-ignore format: read as a table
export const HANDOFF_TRANSITIONS: Readonly<Record<ReplayRule, Transitions>> = {
  refuse: { pending: PENDING, approved: APPROVED, denied: OVER, expired: OVER, revoked: OVER, finalised: OVER,
            delivered: OVER },
  revoke: { pending: PENDING, approved: APPROVED, denied: OVER, expired: OVER, revoked: OVER, finalised: OVER,
            delivered: { ...OVER, redeem: "revoked" } },
  repeat: { pending: PENDING, approved: APPROVED, denied: OVER, expired: OVER, revoked: OVER,
            delivered: { ...OVER, redeem: "delivered", finalise: "finalised", misprove: "revoked", expire: "expired" },
            finalised: { ...OVER, finalise: "finalised" } },
};

export interface Handoff {
  readonly id: string;
  readonly kind: HandoffKind;
  readonly state: HandoffState;
  /** The program that asks, by the name that its wire gives it. */
  readonly clientId: string;
  /** What the key will be good for. */
  readonly keyKind: KeyKind;
  /** What the program calls itself, made fit to show. */
  readonly label: string;
  /** The network address that it asked from. */
  readonly address: string;
  readonly userCode: string | undefined;
  /** Where a loopback sign-in goes back to; the same must be said when its code is redeemed. */
  readonly redirectUri: string | undefined;
  /** By whose code the person came, as the program said it. */
  readonly referralCode: string | undefined;
  /** Who approved, and for which workspace. */
  readonly memberId: string | undefined;
  readonly workspaceId: string | undefined;
  /** The key that was handed over. */
  readonly keyId: string | undefined;
  readonly wrongProofs: number;
  /** The pace that a polling program was told last. */
  readonly pollSeconds: number | undefined;
  readonly polledAt: Date | undefined;
  readonly createdAt: Date;
  /** The end of the phase it is in. */
  readonly expiresAt: Date;
}

/** RFC 8628 §3.5: what `slow_down` adds to the pace, for good. */
const SLOW_DOWN_SECONDS = 5;
/** Timers and networks jitter: a poll this much early still keeps the pace. */
const POLL_GRACE_MS = 500;
const MS = 1000;

export type RedeemOutcome =
  | "deliver"
  | "wait"
  | "slow-down"
  | "denied"
  | "expired"
  | "wrong-proof"
  | "replayed";

/** A handoff starts pending, or approved where nobody has to approve it. */
export function startState(kind: HandoffKind): HandoffState {
  return HANDOFFS[kind].approver === "nobody" ? "approved" : "pending";
}

/** When a handoff that starts at `at` ends unless somebody does something. */
export function startExpiry(kind: HandoffKind, at: Date): Date {
  return new Date(at.getTime() + HANDOFFS[kind].pendingSeconds * MS);
}

/**
 * Who a handoff that nobody approves acts for. In development the name that it brings is believed,
 * so that a second start finds the first one's wallet. In production anyone could say that name, so
 * such a start gets an identity that is new and empty, never one that is already somebody's.
 */
export function unapprovedIdentity(mode: "development" | "production"): "as-claimed" | "fresh" {
  return mode === "development" ? "as-claimed" : "fresh";
}

/** The handoff as it stands at `at`: what has run out has expired, whoever notices first. */
export function asOf(handoff: Handoff, at: Date): Handoff {
  if (at < handoff.expiresAt) return handoff;
  return moved(handoff, "expire") ?? handoff;
}

/** What a member's decision does. Throws `conflict` where it comes too late. */
export function decideApproval(
  handoff: Handoff,
  decision: "approve" | "deny",
  member: { readonly memberId: string; readonly workspaceId: string },
  at: Date,
): Handoff {
  const current = asOf(handoff, at);
  const next = moved(current, decision);
  if (!next) throw new Fault("conflict", TOO_LATE[current.state]);
  const { redeemSeconds } = HANDOFFS[handoff.kind];
  const isExtended = decision === "approve" && redeemSeconds !== undefined;
  return {
    ...next,
    memberId: member.memberId,
    workspaceId: member.workspaceId,
    expiresAt: isExtended ? new Date(at.getTime() + redeemSeconds * MS) : handoff.expiresAt,
  };
}

/** What a program that comes back is told, and how the handoff stands afterwards. */
export function decideRedemption(
  handoff: Handoff,
  isProven: boolean,
  at: Date,
): { outcome: RedeemOutcome; handoff: Handoff } {
  const current = asOf(handoff, at);
  const next = moved(current, "redeem");
  // A code that was used before is not asked for its proof again: the second use is the finding.
  if (next?.state === "revoked") return { outcome: "replayed", handoff: next };
  if (!isProven) return { outcome: "wrong-proof", handoff: countWrongProof(current) };
  if (next) return { outcome: "deliver", handoff: next };
  if (current.state === "pending") return pace(current, at);
  return { outcome: outcomeWhenOver(current.state), handoff: current };
}

/** The program has kept its key; the sealed copy can go. Throws `conflict` where there is none. */
export function decideFinalisation(handoff: Handoff, at: Date): Handoff {
  const current = asOf(handoff, at);
  const next = moved(current, "finalise");
  if (!next) throw new Fault("conflict", "No key has been handed over that could be finalised.");
  return next;
}

/**
 * How a registration stands, whatever became of it since: one that was approved stays completed when
 * the time for redeeming is over; one that was denied never will be (OpenMarlin contract §4.1).
 */
export function registrationState(handoff: Handoff): "pending" | "completed" | "expired" {
  if (handoff.state === "pending") return "pending";
  const isOver = handoff.state === "denied" || handoff.memberId === undefined;
  return isOver ? "expired" : "completed";
}

/** A key that was handed over is taken back when its handoff ends other than well. */
export function revokesKey(before: Handoff, after: Handoff): boolean {
  const isTakenBack = after.state === "revoked" || after.state === "expired";
  return isTakenBack && before.state === "delivered";
}

const TOO_LATE: Readonly<Record<HandoffState, string>> = {
  pending: "This sign-in is still open.",
  approved: "This sign-in was approved already.",
  delivered: "This sign-in was approved already.",
  finalised: "This sign-in was approved already.",
  denied: "This sign-in was denied.",
  expired: "This sign-in has expired. Start it again from the program.",
  revoked: "This sign-in was used twice, and its key was revoked.",
};

function moved(handoff: Handoff, event: HandoffEvent): Handoff | undefined {
  const { replay } = HANDOFFS[handoff.kind];
  const state = HANDOFF_TRANSITIONS[replay][handoff.state][event];
  return state === null ? undefined : { ...handoff, state };
}

function countWrongProof(handoff: Handoff): Handoff {
  const counted = { ...handoff, wrongProofs: handoff.wrongProofs + 1 };
  if (counted.wrongProofs < HANDOFFS[handoff.kind].wrongProofsMax) return counted;
  return moved(counted, "misprove") ?? counted;
}

function pace(handoff: Handoff, at: Date): { outcome: RedeemOutcome; handoff: Handoff } {
  const { pollSeconds, polledAt } = handoff;
  if (pollSeconds === undefined) return { outcome: "wait", handoff };
  const dueMs = polledAt ? polledAt.getTime() + pollSeconds * MS - POLL_GRACE_MS : 0;
  if (at.getTime() >= dueMs) return { outcome: "wait", handoff: { ...handoff, polledAt: at } };
  const slower = { ...handoff, polledAt: at, pollSeconds: pollSeconds + SLOW_DOWN_SECONDS };
  return { outcome: "slow-down", handoff: slower };
}

function outcomeWhenOver(state: HandoffState): RedeemOutcome {
  if (state === "denied" || state === "expired") return state;
  return "replayed";
}
