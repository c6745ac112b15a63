/** Members and their workspaces: who comes in, who is kept out, and what newcomers start with. */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { SpendLimits } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  admits,
  freeHandle,
  handleBaseOf,
  isHandle,
  type Member,
  type MemberRole,
  normaliseEmail,
  PLAY_CREDIT_MICROS,
  type SignupPolicy,
} from "../domain/member.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  findMemberByEmail,
  insertMember,
  listHandles,
  lockMembers,
  updateMemberRole,
  updateWorkspaceLimits,
  updateWorkspaceSuspension,
} from "../store/member.ts";
import { isInvited } from "../store/sign-in-link.ts";
import type { Callers } from "./caller.ts";
import { applySpendLimits, type LimitLedger } from "./spend-limit.ts";

export interface CreateMember {
  readonly email: string;
  /** Made from the address where none is given. */
  readonly handle?: string | undefined;
  readonly role?: MemberRole | undefined;
}

export interface Members {
  /** Throws `invalid_request`, `conflict` where the address is a member's, `slug_taken`. */
  create(command: CreateMember): Promise<Member>;
  /** The member with this address, made where there is none. For the operator. Throws `invalid_request`. */
  ensure(email: string): Promise<Member>;
  /**
   * Lets in a person who proved an e-mail address: a member, or whom the server's policy makes one.
   *
   * @throws {Fault} `forbidden` where the policy says no; `invalid_request`
   */
  admit(email: string): Promise<Member>;
  /** Whether somebody who proves this address would be let in. Throws `invalid_request`. */
  wouldAdmit(email: string): Promise<boolean>;
  /** Throws `not_found`, `invalid_request`. */
  requireByEmail(email: string): Promise<Member>;
  /** Throws `not_found`, `invalid_request`. */
  setRole(email: string, role: MemberRole): Promise<Member>;
  /** Stops everything that the member's workspace does, at once here and within seconds elsewhere. */
  suspend(email: string): Promise<Member>;
  resume(email: string): Promise<Member>;
  /** What the caller's own workspace may spend. Throws `forbidden` where a key asks. */
  limitSpending(caller: Caller, limits: SpendLimits, chainCeilingMicros: bigint): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: LimitLedger;
  readonly callers: Pick<Callers, "forgetWorkspace">;
  readonly policy: SignupPolicy;
  /** Whether newcomers get play money: on a development server, and nowhere else. */
  readonly givesPlayCredit: boolean;
}

export function createMembers(deps: Dependencies): Members {
  const { database, clock, callers } = deps;

  async function admissible(email: string): Promise<boolean> {
    const isMember = (await findMemberByEmail(database, email)) !== undefined;
    const invited = isMember || (await isInvited(database, email, clock.now()));
    return admits(deps.policy, { isMember, isInvited: invited });
  }

  async function requireByEmail(email: string): Promise<Member> {
    const member = await findMemberByEmail(database, requireEmail(email));
    if (member) return member;
    throw new Fault("not_found", "There is no member with this e-mail address.", {
      kind: "member",
      id: email,
    });
  }

  async function setSuspension(email: string, suspendedAt: Date | undefined): Promise<Member> {
    const member = await requireByEmail(email);
    await updateWorkspaceSuspension(database, member.workspaceId, suspendedAt);
    callers.forgetWorkspace(member.workspaceId);
    return { ...member, suspendedAt: suspendedAt && (member.suspendedAt ?? suspendedAt) };
  }

  return {
    async create(command) {
      const email = requireEmail(command.email);
      const { member, isNew } = await ensureMember(deps, { ...command, email });
      if (isNew) return member;
      throw new Fault("conflict", "A member with this e-mail address exists.");
    },
    async ensure(email) {
      const { member } = await ensureMember(deps, { email: requireEmail(email) });
      return member;
    },
    async admit(text) {
      const email = requireEmail(text);
      if (!(await admissible(email))) throw new Fault("forbidden", NOT_ADMITTED[deps.policy]);
      const { member } = await ensureMember(deps, { email });
      return member;
    },
    wouldAdmit: (email) => admissible(requireEmail(email)),
    requireByEmail,
    async setRole(email, role) {
      const member = await requireByEmail(email);
      await updateMemberRole(database, member.id, role);
      return { ...member, role };
    },
    suspend: (email) => setSuspension(email, clock.now()),
    resume: (email) => setSuspension(email, undefined),
    async limitSpending(caller, limits, chainCeilingMicros) {
      if (caller.memberId === undefined) {
        throw new Fault("forbidden", "Limits are set by a person who is signed in, not by a key.");
      }
      const { workspaceId } = caller;
      await updateWorkspaceLimits(database, workspaceId, limits, chainCeilingMicros);
      callers.forgetWorkspace(workspaceId);
      await applySpendLimits(deps.ledger, clock, { kind: "workspace", id: workspaceId }, limits);
    },
  };
}

const NOT_ADMITTED: Readonly<Record<SignupPolicy, string>> = {
  open: "This person may not come in.",
  invite: "This server is by invitation. Ask its operator for one.",
  closed: "This server takes no new members.",
};

/** The address as it is compared. Throws `invalid_request`. */
export function requireEmail(text: string): string {
  const email = normaliseEmail(text);
  if (email) return email;
  throw new Fault("invalid_request", "This is not an e-mail address.", { field: "email" });
}

async function ensureMember(
  deps: Dependencies,
  command: CreateMember,
): Promise<{ member: Member; isNew: boolean }> {
  if (command.handle !== undefined && !isHandle(command.handle)) {
    const message = "A handle is 1 to 32 lower-case letters, digits and single dashes.";
    throw new Fault("invalid_request", message, { field: "handle" });
  }
  const found = await findMemberByEmail(deps.database, command.email);
  const ensured = found
    ? { member: found, isNew: false }
    : await deps.database.transaction((tx) => makeMember(tx, deps, command));
  await givePlayCredit(deps, ensured.member);
  return ensured;
}

async function makeMember(
  tx: Tx,
  { clock, random }: Dependencies,
  command: CreateMember,
): Promise<{ member: Member; isNew: boolean }> {
  await lockMembers(tx);
  const found = await findMemberByEmail(tx, command.email);
  if (found) return { member: found, isNew: false };
  const member: Member = {
    id: newId(clock, random),
    workspaceId: newId(clock, random),
    email: command.email,
    handle: await pickHandle(tx, command),
    role: command.role ?? "member",
    createdAt: clock.now(),
    suspendedAt: undefined,
  };
  await insertMember(tx, member);
  return { member, isNew: true };
}

async function pickHandle(tx: Tx, { email, handle }: CreateMember): Promise<string> {
  const base = handle ?? handleBaseOf(email);
  const taken = new Set(await listHandles(tx, base));
  if (handle !== undefined && taken.has(handle)) {
    throw new Fault("slug_taken", "This handle is taken.");
  }
  return freeHandle(base, taken);
}

/**
 * The transfer's name is the workspace's, so it happens once. It is tried again at each sign-in:
 * a server that dies between making the member and this leaves nobody without.
 */
async function givePlayCredit(deps: Dependencies, { workspaceId }: Member): Promise<void> {
  if (!deps.givesPlayCredit) return;
  const outcome = await deps.ledger.commit({
    keyId: undefined,
    work: undefined,
    steps: [
      {
        kind: "transfer",
        fromAccountId: HOUSE_ACCOUNTS.play,
        toAccountId: walletOf(workspaceId),
        amountMicros: PLAY_CREDIT_MICROS,
        reference: "play",
        name: workspaceId,
      },
    ],
  });
  if (!outcome.ok) throw new Error(`play credit was refused: ${outcome.refusal.code}`);
}
