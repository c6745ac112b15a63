/** Handoffs by OAuth, and what people do with handoffs of any kind. What all have in common: handoff-engine.ts. */
import type { Caller } from "../domain/caller.ts";
import {
  type ClientProgram,
  checkLoopbackRequest,
  checkRedirect,
  checkScope,
  isVerifier,
  type LoopbackRequest,
  requireClientProgram,
  requireOAuthProgram,
} from "../domain/client-program.ts";
import { asOf, decideApproval, type Handoff } from "../domain/handoff.ts";
import { foldUserCode } from "../domain/user-code.ts";
import { isSameDigest, sha256 } from "../lib/digest.ts";
import {
  findHandoff,
  findHandoffByLookup,
  findPendingHandoff,
  type HandoffSecrets,
  insertHandoff,
} from "../store/handoff.ts";
import {
  CODE_BYTES,
  decideHandoff,
  type HandoffTools,
  insertWithUserCode,
  newHandoff,
  noSuchHandoff,
  type Redemption,
  redeemHandoff,
  requirePerson,
} from "./handoff-engine.ts";

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
   * For the operator: approves as the member with this address, made where there is none. The sign-in
   * is named by its user code, its id, or what its program shows to come back.
   *
   * @throws {Fault} `not_found`, `conflict`, `suspended`, `invalid_request`
   */
  approveAs(email: string, named: string): Promise<Handoff>;
}

export function createHandoffs(deps: HandoffTools): Handoffs {
  const { database, attempts } = deps;

  return {
    startDevice: (command) => startDevice(deps, command),

    redeemDevice: ({ clientId, deviceCode }) =>
      redeemHandoff(deps, "device", deviceCode, (handoff) => handoff.clientId === clientId),

    checkRedirect({ clientId, redirectUri }) {
      const program = requireOAuthProgram(clientId);
      checkRedirect(program, redirectUri);
      return program;
    },

    checkLoopback: (request) =>
      checkLoopbackRequest(requireOAuthProgram(request.clientId), request),

    approveLoopback: (caller, request, address) => approveLoopback(deps, caller, request, address),

    redeemLoopback: ({ clientId, code, redirectUri, verifier }) =>
      redeemHandoff(
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

    decide: (caller, id, decision) => decideHandoff(deps, caller, id, decision),

    async approveAs(email, named) {
      const handoff =
        (await findLive(deps, named)) ??
        (await findHandoff(database, named)) ??
        (await findHandoffByLookup(database, sha256(named)))?.handoff;
      if (!handoff) throw noSuchHandoff();
      const member = await deps.members.ensure(email);
      const { caller } = await deps.callers.ofMember(member.id);
      return decideHandoff(deps, caller, handoff.id, "approve");
    },
  };
}

async function startDevice(
  deps: HandoffTools,
  command: Parameters<Handoffs["startDevice"]>[0],
): Promise<StartedDevice> {
  const program = requireOAuthProgram(command.clientId);
  checkScope(program, command.scope);
  await deps.attempts.take("handoff-start", command.network);
  const deviceCode = deps.random.bytes(CODE_BYTES).toString("base64url");
  const hash = sha256(deviceCode);
  const handoff = await insertWithUserCode(deps, (userCode) => ({
    handoff: newHandoff(deps, "device", program, { ...command, userCode }),
    secrets: { lookupHash: hash, proofHash: hash },
  }));
  const { userCode = "", expiresAt, pollSeconds = 0 } = handoff;
  return { deviceCode, userCode, expiresAt, pollSeconds };
}

/** Started and approved at once: until a person has said yes, the browser holds the request. */
async function approveLoopback(
  deps: HandoffTools,
  caller: Caller,
  request: LoopbackRequest,
  address: string,
): Promise<string> {
  const member = requirePerson(caller);
  const program = requireOAuthProgram(request.clientId);
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

/** The sign-in under way with this code, however it was typed. */
async function findLive(
  { database, clock }: HandoffTools,
  userCode: string,
): Promise<Handoff | undefined> {
  const folded = foldUserCode(userCode);
  const handoff = folded && (await findPendingHandoff(database, folded));
  return handoff && asOf(handoff, clock.now()).state === "pending" ? handoff : undefined;
}
