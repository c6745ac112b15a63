/**
 * Who is asking. A key leads to its caller like this:
 *
 *   1. Shape and checksum. What is not a key costs no hash and no query.
 *   2. The cache, for at most five seconds: a key that is revoked elsewhere stops within them.
 *   3. The database, many keys a query: a thousand requests that arrive together ask once.
 *
 * A caller may therefore be five seconds old. It says who asks; whether they still may spend is
 * checked by the ledger with each command.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault, type KeyProblem } from "../domain/fault.ts";
import { KEY_KINDS, type KeyKind, parseKey } from "../domain/key.ts";
import type { Member } from "../domain/member.ts";
import { createBatcher, QueueFull } from "../lib/batcher.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import type { Log } from "../lib/log.ts";
import { LruMap } from "../lib/lru-map.ts";
import type { Database } from "../store/database.ts";
import { findKeyHolders, type KeyHolder, updateKeyUses } from "../store/key.ts";
import { findMemberCaller } from "../store/member.ts";

export interface Callers {
  /**
   * Who a key acts for. `kinds` are those that the wire takes; all where it does not say.
   *
   * @throws {Fault} `unauthenticated` where the key is malformed, of another kind, unknown, revoked
   * or expired, all in the same words, the last two with a reason; `suspended`; `overloaded`
   */
  authenticate(secret: string, kinds?: readonly KeyKind[]): Promise<Caller>;
  /**
   * A person who signed in to the pages, or whom the operator acts for.
   *
   * @throws {Fault} `unauthenticated`, `suspended`
   */
  ofMember(memberId: string): Promise<{ member: Member; caller: Caller }>;
  /** From now on this process asks the database again for this key. */
  forgetKey(keyId: string): void;
  /** From now on this process asks the database again for all keys of this workspace. */
  forgetWorkspace(workspaceId: string): void;
  /** Resolves when everything that was noted has been written. */
  close(): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

const LIMITS = {
  /** How long a caller is believed without asking. A revoked key works no longer than this. */
  cacheMs: 5_000,
  /** About 5 MB. A busy server has fewer keys in five seconds. */
  cachedCallersMax: 10_000,
  lookupsPerBatchMax: 512,
  lookupsWaitingMax: 20_000,
  /** "Last used" is shown to the minute, so it is written at most once a minute. */
  useRecordMs: 60_000,
} as const;

interface CachedHolder extends KeyHolder {
  /** When the question was put, which may be well before it was answered. */
  readonly askedAt: number;
}

interface Use {
  readonly keyId: string;
  readonly at: Date;
}

export function createCallers({ database, clock, log }: Dependencies): Callers {
  const cache = new LruMap<string, CachedHolder>(LIMITS.cachedCallersMax);
  const recordedAt = new LruMap<string, number>(LIMITS.cachedCallersMax);
  // Raised whenever something is forgotten: what was asked before then is not remembered.
  let generation = 0;

  const lookups = createBatcher<Buffer, KeyHolder | undefined>({
    run: (hashes) => findKeyHolders(database, hashes),
    itemsMax: LIMITS.lookupsPerBatchMax,
    waitingMax: LIMITS.lookupsWaitingMax,
  });
  const uses = createBatcher<Use, void>({
    run: (items) => updateKeyUses(database, items),
    itemsMax: LIMITS.lookupsPerBatchMax,
    waitingMax: LIMITS.lookupsWaitingMax,
  });

  async function findHolder(hash: Buffer, at: Date): Promise<KeyHolder | undefined> {
    const name = hash.toString("base64");
    const cached = cache.get(name);
    if (cached && at.getTime() - cached.askedAt < LIMITS.cacheMs) return cached;
    const generationAsked = generation;
    const holder = await refuseWhenFull(lookups.add(hash));
    if (holder && generation === generationAsked) {
      cache.set(name, { ...holder, askedAt: at.getTime() });
    }
    return holder;
  }

  function recordUse(keyId: string, at: Date): void {
    const last = recordedAt.get(keyId);
    if (last !== undefined && at.getTime() - last < LIMITS.useRecordMs) return;
    recordedAt.set(keyId, at.getTime());
    uses.add({ keyId, at }).catch((error: unknown) => {
      // A request does not fail because its time was not noted; the next minute's will be.
      log.warn({ error }, "could not record when a key was used");
    });
  }

  function forget(matches: (holder: KeyHolder) => boolean): void {
    generation++;
    cache.deleteWhere(matches);
  }

  return {
    async authenticate(secret, kinds = KEY_KINDS) {
      const kind = parseKey(secret);
      if (!kind || !kinds.includes(kind)) throw unknownKey();
      const at = clock.now();
      const holder = await findHolder(sha256(secret), at);
      if (!holder) throw unknownKey();
      checkHolder(holder, at);
      if (holder.caller.keyId) recordUse(holder.caller.keyId, at);
      return holder.caller;
    },

    async ofMember(memberId) {
      const found = await findMemberCaller(database, memberId);
      if (!found) throw new Fault("unauthenticated", "Nobody is signed in.");
      if (found.member.suspendedAt) throw suspended();
      return found;
    },

    forgetKey: (keyId) => forget(({ caller }) => caller.keyId === keyId),
    forgetWorkspace: (workspaceId) => forget(({ caller }) => caller.workspaceId === workspaceId),

    async close() {
      await Promise.all([lookups.close(), uses.close()]);
    },
  };
}

/** Throws where the key does not work at `at`. */
function checkHolder(holder: KeyHolder, at: Date): void {
  const { revokedAt, expiresAt, suspendedAt } = holder;
  if (revokedAt || (expiresAt && expiresAt <= at)) throw unknownKey("inactive");
  if (suspendedAt) throw suspended();
}

async function refuseWhenFull<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof QueueFull)) throw error;
    const facts = { retryAfterSeconds: 1 };
    throw new Fault("overloaded", "Too many requests are waiting.", facts, { cause: error });
  }
}

function unknownKey(reason?: KeyProblem): Fault {
  return new Fault("unauthenticated", "This API key is not valid.", reason && { reason });
}

function suspended(): Fault {
  return new Fault("suspended", "This workspace is suspended. Ask the operator of the server.");
}
