/** Keys: made by people, shown once, revoked at once. */
import type { SpendLimits } from "../domain/budget.ts";
import { NO_LIMITS } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { composeKey, KEY_SHAPES, type Key, type KeyKind, keyHintOf } from "../domain/key.ts";
import { toLabel } from "../domain/label.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database, Tx } from "../store/database.ts";
import { countKeys, findKey, insertKey, listKeys, revokeKey, updateKey } from "../store/key.ts";
import type { Callers } from "./caller.ts";
import { applySpendLimits, type LimitLedger } from "./spend-limit.ts";

export interface CreateKey {
  readonly kind: KeyKind;
  readonly label: string;
  /** The agent that the key is to act for; none for the whole workspace. */
  readonly agentId?: string | undefined;
  readonly expiresAt?: Date | undefined;
  readonly limits?: SpendLimits | undefined;
}

/** A key and its secret, which is nowhere else from then on. */
export interface NewKey {
  readonly key: Key;
  readonly secret: string;
}

export interface Keys {
  /**
   * @throws {Fault} `forbidden` where a key asks: a leaked key must not make others; `not_found`
   * where the agent is not the caller's; `conflict` where the workspace has as many as it may
   */
  create(caller: Caller, command: CreateKey): Promise<NewKey>;
  /** The caller's keys, newest first. Throws `forbidden`. */
  list(caller: Caller): Promise<Key[]>;
  /** Throws `not_found`, `forbidden`. */
  require(caller: Caller, id: string): Promise<Key>;
  /** Replaces what is given and leaves the rest. Throws `not_found`, `forbidden`. */
  update(caller: Caller, id: string, patch: KeyPatch): Promise<Key>;
  /** Revoking a revoked key changes nothing. Throws `not_found`, `forbidden`. */
  revoke(caller: Caller, id: string): Promise<Key>;
}

export interface KeyPatch {
  readonly label?: string;
  readonly limits?: SpendLimits;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly callers: Pick<Callers, "forgetKey">;
  readonly ledger: LimitLedger;
  /** Refuses with `not_found` or `forbidden` what is not an agent of the caller's. */
  readonly requireOwnedAgent: (caller: Caller, agentId: string) => Promise<unknown>;
}

/** Nobody looks after more, and a list shows all of them. */
const WORKING_KEYS_MAX = 200;
/** The list also shows the ones that were revoked lately. */
const LISTED_KEYS_MAX = 300;

export function createKeys({
  database,
  clock,
  random,
  callers,
  ledger,
  requireOwnedAgent,
}: Dependencies): Keys {
  async function requireKey(caller: Caller, id: string): Promise<Key> {
    requirePerson(caller);
    const key = await findKey(database, id);
    if (key?.workspaceId !== caller.workspaceId) {
      throw new Fault("not_found", "There is no such key.", { kind: "key", id });
    }
    return key;
  }

  return {
    async create(caller, command) {
      requirePerson(caller);
      if (command.agentId !== undefined) await requireOwnedAgent(caller, command.agentId);
      const { workspaceId } = caller;
      return database.transaction((tx) => issueKey(tx, clock, random, { ...command, workspaceId }));
    },

    async list(caller) {
      requirePerson(caller);
      return listKeys(database, caller.workspaceId, LISTED_KEYS_MAX);
    },

    require: requireKey,

    async update(caller, id, patch) {
      const key = await requireKey(caller, id);
      const next = {
        ...key,
        label: patch.label === undefined ? key.label : toLabel(patch.label, key.label),
        limits: patch.limits ?? key.limits,
      };
      await updateKey(database, id, next);
      callers.forgetKey(id);
      await applySpendLimits(ledger, clock, { kind: "key", id }, next.limits);
      return next;
    },

    async revoke(caller, id) {
      const key = await requireKey(caller, id);
      const at = clock.now();
      await revokeKey(database, id, at);
      callers.forgetKey(id);
      return { ...key, revokedAt: key.revokedAt ?? at };
    },
  };
}

/** Makes a key within a transaction, for whoever established that it may be made. Throws `conflict`. */
export async function issueKey(
  tx: Tx,
  clock: Clock,
  random: Random,
  command: CreateKey & { readonly workspaceId: string },
): Promise<NewKey> {
  const at = clock.now();
  if ((await countKeys(tx, command.workspaceId, at)) >= WORKING_KEYS_MAX) {
    const message = `A workspace has at most ${WORKING_KEYS_MAX} keys. Revoke one you do not use.`;
    throw new Fault("conflict", message);
  }
  const secret = composeKey(command.kind, random.bytes(KEY_SHAPES[command.kind].randomBytes));
  const key: Key = {
    id: newId(clock, random),
    workspaceId: command.workspaceId,
    agentId: command.agentId,
    kind: command.kind,
    hint: keyHintOf(secret),
    label: toLabel(command.label, "API key"),
    createdAt: at,
    expiresAt: command.expiresAt,
    revokedAt: undefined,
    lastUsedAt: undefined,
    limits: command.limits ?? NO_LIMITS,
  };
  await insertKey(tx, key, sha256(secret));
  return { key, secret };
}

/** Keys are looked after by people: a leaked key then cannot outlive itself. */
function requirePerson(caller: Caller): void {
  if (caller.memberId === undefined) {
    throw new Fault("forbidden", "Keys are managed by a person who is signed in, not by a key.");
  }
}
