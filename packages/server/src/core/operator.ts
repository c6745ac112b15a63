/** What only the operator may do, and who that is: whoever holds the operator's key. */
import { LIMITS } from "@guildhall/protocol";
import type { SpendLimits } from "../domain/budget.ts";
import { Fault } from "../domain/fault.ts";
import type { Key, KeyKind } from "../domain/key.ts";
import type { Member } from "../domain/member.ts";
import type { Clock } from "../lib/clock.ts";
import { isSameDigest, sha256 } from "../lib/digest.ts";
import type { Random } from "../lib/random.ts";
import { findAgent } from "../store/agent.ts";
import type { Database } from "../store/database.ts";
import { findKey, listKeys, revokeKey } from "../store/key.ts";
import { type DatabaseStatus, findStatus } from "../store/status.ts";
import type { Callers } from "./caller.ts";
import { issueKey, type NewKey } from "./key.ts";
import type { Members } from "./member.ts";

export interface CreateMemberKey {
  readonly email: string;
  readonly kind: KeyKind;
  /** Acts for this agent of the member's only. */
  readonly agentId?: string | undefined;
  readonly label?: string | undefined;
  readonly limits?: SpendLimits | undefined;
}

export interface ServerStatus extends DatabaseStatus {
  readonly databaseHost: Database["host"];
  readonly serverVersion: string;
  readonly nodeVersion: string;
  readonly startedAt: Date;
  /** Commands that wait for the ledger, in this process. */
  readonly ledgerWaiting: number;
}

export interface Operator {
  /** Throws `unauthenticated` for anything but the operator's key. */
  authenticate(secret: string): void;
  /** Throws `not_found` where there is no such member, or no such agent of theirs; `conflict`. */
  createKey(command: CreateMemberKey): Promise<NewKey>;
  /**
   * Sets what a member's workspace may spend, from now on; a limit that is not given is none. The
   * ceiling of a chain stays where it is not given, and comes back as it is now. Throws `not_found`.
   */
  limitMember(
    email: string,
    limits: SpendLimits,
    chainCeilingMicros: bigint | undefined,
  ): Promise<{ readonly member: Member; readonly chainCeilingMicros: bigint }>;
  /** A member's keys, newest first. Throws `not_found`. */
  listKeys(email: string): Promise<readonly Key[]>;
  /** Revoking a revoked key changes nothing. Throws `not_found`. */
  revokeKey(id: string): Promise<Key>;
  status(): Promise<ServerStatus>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly members: Pick<Members, "limitSpending" | "requireByEmail">;
  readonly callers: Pick<Callers, "forgetKey" | "ofMember">;
  readonly ledger: { readonly waiting: number };
  /** The operator's key itself. */
  readonly key: string;
  readonly serverVersion: string;
  readonly nodeVersion: string;
}

const LISTED_KEYS_MAX = 300;

export function createOperator(deps: Dependencies): Operator {
  const { database, clock, random, members } = deps;
  const keyDigest = sha256(deps.key);
  const startedAt = clock.now();
  return {
    authenticate(secret) {
      // How long it is, is no secret; what has another length is not worth a hash.
      if (secret.length === deps.key.length && isSameDigest(sha256(secret), keyDigest)) return;
      throw new Fault("unauthenticated", "This is not the operator's key.");
    },

    async createKey({ email, kind, agentId, label, limits }) {
      const { workspaceId } = await members.requireByEmail(email);
      if (agentId !== undefined) await requireAgentOf(database, workspaceId, agentId);
      const named = label ?? "made by the operator";
      const command = { workspaceId, kind, agentId, label: named, limits };
      return database.transaction((tx) => issueKey(tx, clock, random, command));
    },

    async limitMember(email, limits, chainCeilingMicros) {
      const member = await members.requireByEmail(email);
      const { caller } = await deps.callers.ofMember(member.id);
      const ceilingMicros = chainCeilingMicros ?? caller.chainCeilingMicros;
      await members.limitSpending(caller, limits, ceilingMicros);
      return { member, chainCeilingMicros: ceilingMicros };
    },

    async listKeys(email) {
      const { workspaceId } = await members.requireByEmail(email);
      return listKeys(database, workspaceId, LISTED_KEYS_MAX);
    },

    async revokeKey(id) {
      const key = await findKey(database, id);
      if (!key) throw new Fault("not_found", "There is no such key.", { kind: "key", id });
      const at = clock.now();
      await revokeKey(database, id, at);
      deps.callers.forgetKey(id);
      return { ...key, revokedAt: key.revokedAt ?? at };
    },

    async status() {
      const now = clock.now();
      const seenAfter = new Date(now.getTime() - LIMITS.heartbeatMissMs);
      return {
        ...(await findStatus(database, now, seenAfter)),
        databaseHost: database.host,
        serverVersion: deps.serverVersion,
        nodeVersion: deps.nodeVersion,
        startedAt,
        ledgerWaiting: deps.ledger.waiting,
      };
    },
  };
}

async function requireAgentOf(
  database: Database,
  workspaceId: string,
  agentId: string,
): Promise<void> {
  const agent = await findAgent(database, agentId);
  if (agent?.workspaceId === workspaceId) return;
  throw new Fault("not_found", "The member has no such agent.", { kind: "agent", id: agentId });
}
