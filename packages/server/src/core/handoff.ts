/**
 * Handoffs, carried out: domain/handoff.ts decides what happens, this writes it down.
 *
 * What a program shows to come back (a code) and what proves it (a verifier) are kept as SHA-256, and
 * a PKCE challenge is just that. A key is made when it is handed over, in the same transaction that
 * says so: of two programs that come at once with the same proof, one is given a key.
 */
import type { Caller } from "../domain/caller.ts";
import {
  type ClientProgram,
  checkLoopbackRequest,
  checkRedirect,
  checkScope,
  isVerifier,
  type LoopbackRequest,
  requireClientProgram,
} from "../domain/client-program.ts";
import { Fault } from "../domain/fault.ts";
import {
  asOf,
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
import { toLabel } from "../domain/label.ts";
import type { Member } from "../domain/member.ts";
import { foldUserCode, USER_CODES, userCodeOf } from "../domain/user-code.ts";
import type { Clock } from "../lib/clock.ts";
import { isSameDigest, sha256 } from "../lib/digest.ts";
import { newId, type Random, randomBelow } from "../lib/random.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  findHandoff,
  findPendingHandoff,
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

/** What a program that came back is told. Only `deliver` carries anything. */
export type Redemption =
  | { readonly outcome: "deliver"; readonly secret: string; readonly member: Member }
  | { readonly outcome: Exclude<RedeemOutcome, "deliver"> | "unknown" };

export interface StartedDevice {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly expiresAt: Date;
  readonly pollSeconds: number;
}

export interface Handoffs {
  /** RFC 8628 §3.1. `network` is what attempts are counted by. Throws `invalid_request`, `rate_limited`. */
  startDevice(command: {
    readonly clientId: string;
    readonly scope: string;
    readonly label: string;
    readonly address: string;
    readonly network: string;
  }): Promise<StartedDevice>;
  redeemDevice(command: { clientId: string; deviceCode: string }): Promise<Redemption>;

  /**
   * Checks where a loopback sign-in wants to be answered, so that refusals can be sent there.
   *
   * @throws {Fault} `invalid_request`
   */
  checkRedirect(request: Pick<LoopbackRequest, "clientId" | "redirectUri">): ClientProgram;
  /** Checks the rest. Throws `invalid_request`. */
  checkLoopback(request: LoopbackRequest): void;
  /** A person said yes: the code that the program redeems within a minute. Throws `invalid_request`. */
  approveLoopback(caller: Caller, request: LoopbackRequest, address: string): Promise<string>;
  redeemLoopback(command: {
    readonly clientId: string;
    readonly code: string;
    readonly redirectUri: string;
    readonly verifier: string;
  }): Promise<Redemption>;

  /**
   * The sign-in that a person read the code of. Wrong codes are counted by `network`.
   *
   * @throws {Fault} `not_found`, `rate_limited`
   */
  findByUserCode(userCode: string, network: string): Promise<Handoff>;
  /** The program that asks, as this server knows it. */
  programOf(handoff: Handoff): ClientProgram;
  /** Throws `conflict` where it was decided already or has expired, `not_found`. */
  decide(caller: Caller, id: string, decision: "approve" | "deny"): Promise<Handoff>;
  /**
   * For the operator: approves as the member with this address, made where there is none.
   *
   * @throws {Fault} `not_found`, `conflict`, `suspended`, `invalid_request`
   */
  approveAs(email: string, userCodeOrId: string): Promise<Handoff>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly callers: Pick<Callers, "forgetKey" | "ofMember">;
  readonly members: Pick<Members, "ensure">;
  readonly attempts: Attempts;
}

/** Device codes and authorization codes: 256 bits. */
const CODE_BYTES = 32;
/** A user code is taken by one of at most a few thousand; ten draws fail when the table is full. */
const USER_CODE_DRAWS_MAX = 10;
const UNNAMED_PROGRAM = "A program without a name";

export function createHandoffs(deps: Dependencies): Handoffs {
  const { database, attempts } = deps;

  return {
    startDevice: (command) => startDevice(deps, command),

    redeemDevice: ({ clientId, deviceCode }) =>
      redeem(deps, "device", deviceCode, (handoff) => handoff.clientId === clientId),

    checkRedirect({ clientId, redirectUri }) {
      const program = requireClientProgram(clientId);
      checkRedirect(program, redirectUri);
      return program;
    },

    checkLoopback: (request) =>
      checkLoopbackRequest(requireClientProgram(request.clientId), request),

    approveLoopback: (caller, request, address) => approveLoopback(deps, caller, request, address),

    redeemLoopback: ({ clientId, code, redirectUri, verifier }) =>
      redeem(
        deps,
        "loopback",
        code,
        (handoff, proofHash) =>
          handoff.clientId === clientId &&
          handoff.redirectUri === redirectUri &&
          isVerifier(verifier) &&
          isSameDigest(sha256(verifier), proofHash),
      ),

    async findByUserCode(userCode, network) {
      const giveBack = await attempts.take("user-code", network);
      const handoff = await findLive(deps, userCode);
      if (!handoff) throw noSuchHandoff();
      await giveBack();
      return handoff;
    },

    programOf: ({ clientId }) => requireClientProgram(clientId),

    decide: (caller, id, decision) => decide(deps, caller, id, decision),

    async approveAs(email, userCodeOrId) {
      const handoff =
        (await findLive(deps, userCodeOrId)) ?? (await findHandoff(database, userCodeOrId));
      if (!handoff) throw noSuchHandoff();
      const member = await deps.members.ensure(email);
      const { caller } = await deps.callers.ofMember(member.id);
      return decide(deps, caller, handoff.id, "approve");
    },
  };
}

async function startDevice(
  deps: Dependencies,
  command: Parameters<Handoffs["startDevice"]>[0],
): Promise<StartedDevice> {
  const program = requireClientProgram(command.clientId);
  checkScope(program, command.scope);
  await deps.attempts.take("handoff-start", command.network);
  const deviceCode = deps.random.bytes(CODE_BYTES).toString("base64url");
  const hash = sha256(deviceCode);
  for (let draw = 0; draw < USER_CODE_DRAWS_MAX; draw++) {
    const userCode = userCodeOf(randomBelow(deps.random, USER_CODES));
    const handoff = newHandoff(deps, "device", program, { ...command, userCode });
    if (await insertHandoff(deps.database, handoff, { lookupHash: hash, proofHash: hash })) {
      const { expiresAt, pollSeconds = 0 } = handoff;
      return { deviceCode, userCode, expiresAt, pollSeconds };
    }
  }
  throw new Fault("overloaded", "Too many sign-ins are waiting for approval.", {
    retryAfterSeconds: 60,
  });
}

/** Started and approved at once: until a person has said yes, the browser holds the request. */
async function approveLoopback(
  deps: Dependencies,
  caller: Caller,
  request: LoopbackRequest,
  address: string,
): Promise<string> {
  const member = requirePerson(caller);
  const program = requireClientProgram(request.clientId);
  checkRedirect(program, request.redirectUri);
  checkLoopbackRequest(program, request);
  const code = deps.random.bytes(CODE_BYTES).toString("base64url");
  const secrets: HandoffSecrets = {
    lookupHash: sha256(code),
    proofHash: Buffer.from(request.codeChallenge, "base64url"),
  };
  const { label, redirectUri } = request;
  const started = newHandoff(deps, "loopback", program, { label, address, redirectUri });
  const approved = decideApproval(started, "approve", member, deps.clock.now());
  await insertHandoff(deps.database, approved, secrets);
  return code;
}

function newHandoff(
  { clock, random }: Dependencies,
  kind: HandoffKind,
  program: ClientProgram,
  told: { label: string; address: string; userCode?: string; redirectUri?: string },
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

async function decide(
  { database, clock }: Dependencies,
  caller: Caller,
  id: string,
  decision: "approve" | "deny",
): Promise<Handoff> {
  const member = requirePerson(caller);
  return database.transaction(async (tx) => {
    const handoff = await lockHandoff(tx, id);
    if (!handoff) throw noSuchHandoff();
    const next = decideApproval(handoff, decision, member, clock.now());
    await updateHandoff(tx, next);
    return next;
  });
}

async function redeem(
  deps: Dependencies,
  kind: HandoffKind,
  shown: string,
  proves: (handoff: Handoff, proofHash: Buffer) => boolean,
): Promise<Redemption> {
  const { database, clock, callers } = deps;
  const { redemption, revokedKeyId } = await database.transaction(async (tx) => {
    const found = await lockHandoffByLookup(tx, sha256(shown));
    if (found?.handoff.kind !== kind) return { redemption: { outcome: "unknown" } as const };
    const { handoff, proofHash } = found;
    const at = clock.now();
    const decision = decideRedemption(handoff, proves(handoff, proofHash), at);
    const revokedKeyId = revokesKey(handoff, decision.handoff) ? handoff.keyId : undefined;
    if (revokedKeyId) await revokeKey(tx, revokedKeyId, at);
    if (decision.outcome === "deliver") {
      return { redemption: await deliver(tx, deps, decision.handoff) };
    }
    await updateHandoff(tx, decision.handoff);
    return { redemption: { outcome: decision.outcome }, revokedKeyId };
  });
  if (revokedKeyId) callers.forgetKey(revokedKeyId);
  return redemption;
}

async function deliver(
  tx: Tx,
  { clock, random }: Dependencies,
  handoff: Handoff,
): Promise<Redemption> {
  const member = handoff.memberId && (await findMember(tx, handoff.memberId));
  if (!member || !handoff.workspaceId) throw new Error("a handoff was approved by nobody");
  const { key, secret } = await issueKey(tx, clock, random, {
    workspaceId: handoff.workspaceId,
    kind: handoff.keyKind,
    label: handoff.label,
  });
  await updateHandoff(tx, { ...handoff, keyId: key.id });
  return { outcome: "deliver", secret, member };
}

/** The sign-in under way with this code, however it was typed. */
async function findLive(
  { database, clock }: Dependencies,
  userCode: string,
): Promise<Handoff | undefined> {
  const folded = foldUserCode(userCode);
  const handoff = folded && (await findPendingHandoff(database, folded));
  return handoff && asOf(handoff, clock.now()).state === "pending" ? handoff : undefined;
}

function requirePerson({ memberId, workspaceId }: Caller): {
  memberId: string;
  workspaceId: string;
} {
  if (memberId !== undefined) return { memberId, workspaceId };
  throw new Fault("forbidden", "A sign-in is approved by a person, not by a key.");
}

function noSuchHandoff(): Fault<"not_found"> {
  const message = "No sign-in is waiting under this code. It may have expired, or was mistyped.";
  return new Fault("not_found", message, { kind: "handoff", id: "" });
}
