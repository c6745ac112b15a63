/**
 * What all kinds of handoffs have in common: domain/handoff.ts decides what happens, this writes it down.
 *
 * What a program shows to come back (a code) and what proves it (a verifier) are kept as SHA-256, and
 * a PKCE challenge is just that. A key is made when it is handed over, in the same transaction that
 * says so: of two programs that come at once with the same proof, one is given a key.
 */
import type { Caller } from "../domain/caller.ts";
import type { ClientProgram } from "../domain/client-program.ts";
import { Fault } from "../domain/fault.ts";
import {
  decideApproval,
  decideRedemption,
  HANDOFFS,
  type Handoff,
  type HandoffKind,
  type RedeemOutcome,
  revokesKey,
  startExpiry,
  startState,
} from "../domain/handoff.ts";
import type { Key } from "../domain/key.ts";
import { toLabel } from "../domain/label.ts";
import type { Member } from "../domain/member.ts";
import { USER_CODES, userCodeOf } from "../domain/user-code.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import { newId, type Random, randomBelow } from "../lib/random.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  type HandoffSecrets,
  insertHandoff,
  lockHandoff,
  lockHandoffByLookup,
  updateHandoff,
} from "../store/handoff.ts";
import { revokeKey } from "../store/key.ts";
import { findMember } from "../store/member.ts";
import type { Attempts } from "./attempt.ts";
import type { Callers } from "./caller.ts";
import { issueKey } from "./key.ts";
import type { Members } from "./member.ts";
import { attributeReferral } from "./referral.ts";

/** What a program that came back is told. Only `deliver` carries anything. */
export type Redemption =
  | {
      readonly outcome: "deliver";
      readonly secret: string;
      readonly key: Key;
      readonly member: Member;
    }
  | { readonly outcome: Exclude<RedeemOutcome, "deliver"> | "unknown" };

export interface HandoffTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly callers: Pick<Callers, "forgetKey" | "ofMember">;
  readonly members: Pick<Members, "ensure" | "admit">;
  readonly attempts: Attempts;
  /** What bringing somebody is worth. */
  readonly referralRewardMicros: bigint;
}

/** Device codes, authorization codes, registrations' ids: 256 bits. */
export const CODE_BYTES = 32;
/** A user code is taken by one of at most a few thousand; ten draws fail when the table is full. */
const USER_CODE_DRAWS_MAX = 10;
const UNNAMED_PROGRAM = "A program without a name";

/** A handoff as it begins. */
export function newHandoff(
  { clock, random }: HandoffTools,
  kind: HandoffKind,
  program: ClientProgram,
  told: {
    label: string;
    address: string;
    userCode?: string;
    redirectUri?: string;
    referralCode?: string | undefined;
  },
): Handoff {
  const createdAt = clock.now();
  return {
    id: newId(clock, random),
    kind,
    state: startState(kind),
    clientId: program.id,
    keyKind: program.keyKind,
    label: toLabel(told.label, UNNAMED_PROGRAM),
    address: told.address,
    userCode: told.userCode,
    redirectUri: told.redirectUri,
    referralCode: told.referralCode,
    memberId: undefined,
    workspaceId: undefined,
    keyId: undefined,
    wrongProofs: 0,
    pollSeconds: HANDOFFS[kind].pollSeconds,
    polledAt: undefined,
    createdAt,
    expiresAt: startExpiry(kind, createdAt),
  };
}

/** Writes down a handoff under a user code that no other one under way has. Throws `overloaded`. */
export async function insertWithUserCode(
  { database, random }: HandoffTools,
  begin: (userCode: string) => { readonly handoff: Handoff; readonly secrets: HandoffSecrets },
): Promise<Handoff> {
  for (let draw = 0; draw < USER_CODE_DRAWS_MAX; draw++) {
    const { handoff, secrets } = begin(userCodeOf(randomBelow(random, USER_CODES)));
    if (await insertHandoff(database, handoff, secrets)) return handoff;
  }
  throw new Fault("overloaded", "Too many sign-ins are waiting for approval.", {
    retryAfterSeconds: 60,
  });
}

/** A person's decision. Throws `not_found`, `forbidden` to a key, `conflict` where it comes too late. */
export async function decideHandoff(
  tools: HandoffTools,
  caller: Caller,
  id: string,
  decision: "approve" | "deny",
): Promise<Handoff> {
  const { database, clock } = tools;
  const member = requirePerson(caller);
  return database.transaction(async (tx) => {
    const handoff = await lockHandoff(tx, id);
    if (!handoff) throw noSuchHandoff();
    const next = decideApproval(handoff, decision, member, clock.now());
    await updateHandoff(tx, next);
    if (decision === "approve") await noteReferral(tx, tools, next, member.memberId);
    return next;
  });
}

/** Who was no member yet when the program began came by the code that the program named. */
async function noteReferral(
  tx: Tx,
  { clock, referralRewardMicros: rewardMicros }: HandoffTools,
  { referralCode: code, createdAt: since }: Handoff,
  memberId: string,
): Promise<void> {
  const came = code === undefined ? undefined : await findMember(tx, memberId);
  if (code === undefined || !came) return;
  await attributeReferral(tx, { clock, rewardMicros }, { code, came, since });
}

/**
 * A program comes back with what it shows and what `proves` that it is the one that started.
 * `label`: what the key is to be called; what the program called itself where it does not say.
 */
export async function redeemHandoff(
  tools: HandoffTools,
  kind: HandoffKind,
  shown: string,
  proves: (handoff: Handoff, proofHash: Buffer) => boolean,
  label?: string,
): Promise<Redemption> {
  const { database, clock, callers } = tools;
  const { redemption, revokedKeyId } = await database.transaction(async (tx) => {
    const found = await lockHandoffByLookup(tx, sha256(shown));
    if (found?.handoff.kind !== kind) return { redemption: { outcome: "unknown" } as const };
    const { handoff, proofHash } = found;
    const at = clock.now();
    const decision = decideRedemption(handoff, proves(handoff, proofHash), at);
    const revokedKeyId = revokesKey(handoff, decision.handoff) ? handoff.keyId : undefined;
    if (revokedKeyId) await revokeKey(tx, revokedKeyId, at);
    if (decision.outcome === "deliver") {
      return { redemption: await deliver(tx, tools, decision.handoff, label) };
    }
    await updateHandoff(tx, decision.handoff);
    return { redemption: { outcome: decision.outcome }, revokedKeyId };
  });
  if (revokedKeyId) callers.forgetKey(revokedKeyId);
  return redemption;
}

async function deliver(
  tx: Tx,
  { clock, random }: HandoffTools,
  handoff: Handoff,
  label: string | undefined,
): Promise<Redemption> {
  const member = handoff.memberId && (await findMember(tx, handoff.memberId));
  if (!member || !handoff.workspaceId) throw new Error("a handoff was approved by nobody");
  const { key, secret } = await issueKey(tx, clock, random, {
    workspaceId: handoff.workspaceId,
    kind: handoff.keyKind,
    label: label === undefined ? handoff.label : toLabel(label, handoff.label),
  });
  await updateHandoff(tx, { ...handoff, keyId: key.id });
  return { outcome: "deliver", secret, key, member };
}

export function requirePerson({ memberId, workspaceId }: Caller): {
  memberId: string;
  workspaceId: string;
} {
  if (memberId !== undefined) return { memberId, workspaceId };
  throw new Fault("forbidden", "A sign-in is approved by a person, not by a key.");
}

export function noSuchHandoff(): Fault<"not_found"> {
  const message = "No sign-in is waiting under this code. It may have expired, or was mistyped.";
  return new Fault("not_found", message, { kind: "handoff", id: "" });
}
