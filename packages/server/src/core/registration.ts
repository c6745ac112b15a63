/**
 * Registrations: the handoffs that OpenMarlin's clients start (contract §4).
 *
 * Their proof is told again to whoever shows the registration's id, so the id is the secret: 256 bits,
 * kept as SHA-256. Neither is kept as it came. A device code is the user code that the person compares;
 * a state is a digest of the id, so that whoever sees it in a browser's address learns no id from it,
 * and begins with the handoff's own id, by which it is found.
 */
import { isId } from "@guildhall/protocol";
import { REGISTRATION_PROGRAM } from "../domain/client-program.ts";
import { Fault } from "../domain/fault.ts";
import { asOf, type Handoff, registrationState } from "../domain/handoff.ts";
import type { Member } from "../domain/member.ts";
import { foldReferralCode } from "../domain/referral.ts";
import { foldUserCode } from "../domain/user-code.ts";
import { isSameDigest, sha256 } from "../lib/digest.ts";
import { findHandoffByLookup, findProvenHandoff, insertHandoff } from "../store/handoff.ts";
import { findMember } from "../store/member.ts";
import {
  CODE_BYTES,
  decideHandoff,
  type HandoffTools,
  insertWithUserCode,
  newHandoff,
  noSuchHandoff,
  type Redemption,
  redeemHandoff,
} from "./handoff-engine.ts";

/** What a program shows to be given its key, by how its registration was started. */
export interface RegistrationProof {
  readonly kind: "device-code" | "state";
  readonly value: string;
}

export interface Registration {
  /** The secret by which its program asks for it. */
  readonly sessionId: string;
  readonly state: "pending" | "completed" | "expired";
  readonly proof: RegistrationProof;
  readonly createdAt: Date;
  /** Until when it may be approved; once it was, until when its key may be fetched. */
  readonly expiresAt: Date;
  readonly completion:
    | {
        readonly member: Member;
        /** Whether the member was not there yet when the registration began. */
        readonly isNewMember: boolean;
        readonly isKeyIssued: boolean;
      }
    | undefined;
}

export interface StartRegistration {
  readonly proof: RegistrationProof["kind"];
  /** By whose code the person came. What is none is ignored. */
  readonly referralCode?: string | undefined;
  /** What the program calls itself, for the person who decides. */
  readonly label: string;
  readonly address: string;
  /** What attempts are counted by. */
  readonly network: string;
}

export interface Registrations {
  /** Throws `rate_limited`, `overloaded`. */
  start(command: StartRegistration): Promise<Registration>;
  /** Throws `not_found`. */
  require(sessionId: string): Promise<Registration>;
  /** Hands the key over, once. `label`: what it is to be called. Throws `conflict` where there are too many keys. */
  redeem(command: {
    readonly sessionId: string;
    readonly proof: RegistrationProof;
    readonly label: string | undefined;
  }): Promise<Redemption>;
  /** The one that a browser was sent to the server for, to be decided on. Throws `not_found`. */
  findByState(state: string): Promise<Handoff>;
  /**
   * Approves as whoever has this address, which nobody proves: for a development server alone.
   *
   * @throws {Fault} `not_found`, `forbidden`, `invalid_request`
   */
  completeUnproven(
    sessionId: string,
    deviceCode: string,
    email: string,
  ): Promise<Registration | { readonly outcome: "wrong-proof" | "expired" }>;
}

interface Dependencies extends HandoffTools {
  /** Whether identities may be taken on trust: on a development server, and nowhere else. */
  readonly mayTrust: boolean;
}

const SESSION_PREFIX = "regsess_";
const ID_LENGTH = 24;

export function createRegistrations(deps: Dependencies): Registrations {
  const { database, clock } = deps;

  async function requireFound(sessionId: string) {
    const found = await findHandoffByLookup(database, sha256(sessionId));
    if (found?.handoff.kind === "registration") return asOf(found.handoff, clock.now());
    throw noSuchRegistration();
  }

  return {
    async start(command) {
      await deps.attempts.take("handoff-start", command.network);
      const sessionId = SESSION_PREFIX + deps.random.bytes(CODE_BYTES).toString("base64url");
      const handoff = await begin(deps, command, sessionId);
      return toRegistration(sessionId, handoff, undefined);
    },

    async require(sessionId) {
      const handoff = await requireFound(sessionId);
      const member = handoff.memberId && (await findMember(database, handoff.memberId));
      return toRegistration(sessionId, handoff, member || undefined);
    },

    redeem: ({ sessionId, proof, label }) =>
      redeemHandoff(
        deps,
        "registration",
        sessionId,
        (handoff, proofHash) => proves(handoff, proofHash, proof),
        label,
      ),

    async findByState(state) {
      const id = state.slice(0, ID_LENGTH);
      const found = isId(id) ? await findProvenHandoff(database, id) : undefined;
      const isKnown =
        found && proves(found.handoff, found.proofHash, { kind: "state", value: state });
      const handoff = isKnown && asOf(found.handoff, clock.now());
      if (handoff && handoff.state === "pending") return handoff;
      throw noSuchHandoff();
    },

    async completeUnproven(sessionId, deviceCode, email) {
      if (!deps.mayTrust) throw noSuchRegistration();
      const handoff = await requireFound(sessionId);
      const shown = sha256(foldUserCode(deviceCode) ?? "");
      const known = sha256(foldUserCode(handoff.userCode ?? "") ?? "-");
      if (!isSameDigest(shown, known)) return { outcome: "wrong-proof" };
      const state = registrationState(handoff);
      if (state === "expired") return { outcome: "expired" };
      if (state === "pending") {
        const { id } = await deps.members.admit(email);
        const { caller } = await deps.callers.ofMember(id);
        await decideHandoff(deps, caller, handoff.id, "approve");
      }
      return this.require(sessionId);
    },
  };
}

async function begin(
  deps: Dependencies,
  { proof, label, address, referralCode: said }: StartRegistration,
  sessionId: string,
): Promise<Handoff> {
  const lookupHash = sha256(sessionId);
  const referralCode = said === undefined ? undefined : foldReferralCode(said);
  if (proof === "device-code") {
    return insertWithUserCode(deps, (userCode) => ({
      handoff: newHandoff(deps, "registration", REGISTRATION_PROGRAM, {
        ...{ label, address, userCode, referralCode },
      }),
      secrets: { lookupHash, proofHash: sha256(foldUserCode(userCode) ?? "") },
    }));
  }
  const handoff = newHandoff(deps, "registration", REGISTRATION_PROGRAM, {
    ...{ label, address, referralCode },
  });
  const proofHash = sha256(stateOf(sessionId, handoff));
  await insertHandoff(deps.database, handoff, { lookupHash, proofHash });
  return handoff;
}

function proves(handoff: Handoff, proofHash: Buffer, { kind, value }: RegistrationProof): boolean {
  if (handoff.kind !== "registration" || kindOf(handoff) !== kind) return false;
  const shown = kind === "device-code" ? (foldUserCode(value) ?? "") : value;
  return isSameDigest(sha256(shown), proofHash);
}

function toRegistration(
  sessionId: string,
  handoff: Handoff,
  member: Member | undefined,
): Registration {
  const kind = kindOf(handoff);
  const state = registrationState(handoff);
  const value = kind === "state" ? stateOf(sessionId, handoff) : (handoff.userCode ?? "");
  return {
    sessionId,
    state,
    proof: { kind, value },
    createdAt: handoff.createdAt,
    expiresAt: handoff.expiresAt,
    completion:
      state === "completed" && member
        ? {
            member,
            isNewMember: member.createdAt >= handoff.createdAt,
            isKeyIssued: handoff.state === "delivered",
          }
        : undefined,
  };
}

/** One with words to compare was started for a device. */
function kindOf({ userCode }: Handoff): RegistrationProof["kind"] {
  return userCode === undefined ? "state" : "device-code";
}

function stateOf(sessionId: string, { id }: Handoff): string {
  return id + sha256(`registration state\n${sessionId}`).toString("base64url");
}

function noSuchRegistration(): Fault<"not_found"> {
  const facts = { kind: "registration", id: "" };
  return new Fault("not_found", "There is no such registration session.", facts);
}
