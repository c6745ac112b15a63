/**
 * Who is asking. A key leads to its caller like this:
 *
 *   1. Shape and checksum. What is not a key costs no hash and no query.
 *   2. The cache, for at most five seconds: a key that is revoked elsewhere stops within them. Whoever
 *      comes again before they are over is asked about meanwhile, and waits for nothing.
 *   3. The database, many keys a query (key-lookup.ts): a thousand that arrive together ask once.
 *
 * A caller may therefore be five seconds old. It says who asks; whether they still may spend is
 * checked by the ledger with each command.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault, type KeyProblem } from "../domain/fault.ts";
import { KEY_KINDS, type KeyKind, parseKey } from "../domain/key.ts";
import type { Member } from "../domain/member.ts";
import { createBatcher } from "../lib/batcher.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import type { Log } from "../lib/log.ts";
import { LruMap } from "../lib/lru-map.ts";
import type { Database } from "../store/database.ts";
import { type KeyHolder, updateKeyUses } from "../store/key.ts";
import { findMemberCaller } from "../store/member.ts";
import { createKeyLookups } from "./key-lookup.ts";

export interface Callers {
  /**
   * Who a key acts for. `kinds` are those that the wire takes; all where it does not say.
   *
   * @throws {Fault} `unauthenticated` where the key is malformed, of another kind, unknown, revoked
   * or expired, all in the same words, the last two with a reason; `suspended`; `overloaded`
   */
  authenticate(secret: string, kinds?: readonly KeyKind[]): Promise<Caller>;
  /** Whether a key would be believed without asking the database. Costs no hash where it is none. */
  isRemembered(secret: string): boolean;
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
  /** What was done about keys that were shown, for the metrics page. */
  readonly observe?: (step: KeyStep, count: number) => void;
}

/** Refused for their shape; hashed; looked for, many a query; nobody's. */
export type KeyStep = "malformed" | "hash" | "query" | "unknown";

const LIMITS = {
  /** How long a caller is believed without asking. A revoked key works no longer than this. */
  cacheMs: 5_000,
  /** A caller who comes again after this long is asked about, and believed meanwhile. */
  refreshMs: 3_000,
  /** About 5 MB. A busy server has fewer keys in five seconds. */
  cachedCallersMax: 10_000,
  usesPerBatchMax: 512,
  usesWaitingMax: 20_000,
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

export function createCallers(deps: Dependencies): Callers {
  const { database, clock, log, observe = () => undefined } = deps;
  const holders = createHolders(deps);
  const recordedAt = new LruMap<string, number>(LIMITS.cachedCallersMax);
  const uses = createBatcher<Use, void>({
    run: (items) => updateKeyUses(database, items),
    itemsMax: LIMITS.usesPerBatchMax,
    waitingMax: LIMITS.usesWaitingMax,
  });

  function recordUse(keyId: string, at: Date): void {
    const last = recordedAt.get(keyId);
    if (last !== undefined && at.getTime() - last < LIMITS.useRecordMs) return;
    recordedAt.set(keyId, at.getTime());
    uses.add({ keyId, at }).catch((error: unknown) => {
      // A request does not fail because its time was not noted; the next minute's will be.
      log.warn({ error }, "could not record when a key was used");
    });
  }

  return {
    async authenticate(secret, kinds = KEY_KINDS) {
      const kind = parseKey(secret);
      if (!kind || !kinds.includes(kind)) {
        observe("malformed", 1);
        throw UNKNOWN_KEY;
      }
      const at = clock.now();
      observe("hash", 1);
      const holder = await holders.find(sha256(secret), at);
      if (!holder) throw UNKNOWN_KEY;
      checkHolder(holder, at);
      if (holder.caller.keyId) recordUse(holder.caller.keyId, at);
      return holder.caller;
    },

    isRemembered(secret) {
      if (!parseKey(secret)) return false;
      observe("hash", 1);
      return holders.has(sha256(secret), clock.now());
    },

    async ofMember(memberId) {
      const found = await findMemberCaller(database, memberId);
      if (!found) throw new Fault("unauthenticated", "Nobody is signed in.");
      if (found.member.suspendedAt) throw suspended();
      return found;
    },

    forgetKey: (keyId) => holders.forget(({ caller }) => caller.keyId === keyId),
    forgetWorkspace: (workspaceId) =>
      holders.forget(({ caller }) => caller.workspaceId === workspaceId),

    async close() {
      await Promise.all([holders.close(), uses.close()]);
    },
  };
}

/** Whose keys are: steps 2 and 3. */
function createHolders({ database, observe = () => undefined }: Dependencies) {
  const cache = new LruMap<string, CachedHolder>(LIMITS.cachedCallersMax);
  const lookups = createKeyLookups(database, observe);
  /** What is being looked up; made anew whenever something is forgotten. */
  let asked = new Map<string, Promise<KeyHolder | undefined>>();

  async function find(hash: Buffer, at: Date): Promise<KeyHolder | undefined> {
    const name = hash.toString("base64");
    const cached = cache.get(name);
    const ageMs = cached ? at.getTime() - cached.askedAt : Number.POSITIVE_INFINITY;
    if (ageMs >= LIMITS.cacheMs) return askFor(name, hash, at);
    if (ageMs >= LIMITS.refreshMs) {
      // What fails now is asked again by the next one who comes, and at last by one who waits for it.
      askFor(name, hash, at).catch(() => undefined);
    }
    return cached;
  }

  /** Whoever shows a key that is being looked up shares its answer. */
  function askFor(name: string, hash: Buffer, at: Date): Promise<KeyHolder | undefined> {
    const known = asked.get(name);
    if (known) return known;
    const among = asked;
    const answer = ask(name, hash, at).finally(() => among.delete(name));
    among.set(name, answer);
    return answer;
  }

  async function ask(name: string, hash: Buffer, at: Date): Promise<KeyHolder | undefined> {
    const among = asked;
    const holder = await lookups.find(hash);
    // Something was forgotten meanwhile: what was asked before then is not remembered.
    if (among !== asked) return holder;
    if (holder) cache.set(name, { ...holder, askedAt: at.getTime() });
    else cache.delete(name);
    return holder;
  }

  return {
    find,
    has(hash: Buffer, at: Date): boolean {
      const cached = cache.get(hash.toString("base64"));
      return cached !== undefined && at.getTime() - cached.askedAt < LIMITS.cacheMs;
    },
    forget(matches: (holder: KeyHolder) => boolean): void {
      asked = new Map();
      cache.deleteWhere(matches);
    },
    close: () => lookups.close(),
  };
}

/** Throws where the key does not work at `at`. */
function checkHolder(holder: KeyHolder, at: Date): void {
  const { revokedAt, expiresAt, suspendedAt } = holder;
  if (revokedAt || (expiresAt && expiresAt <= at)) throw unknownKey("inactive");
  if (suspendedAt) throw suspended();
}

/** Made once: to note where it was thrown from takes longer than all else that such a key costs. */
const UNKNOWN_KEY = unknownKey();

function unknownKey(reason?: KeyProblem): Fault {
  return new Fault("unauthenticated", "This API key is not valid.", reason && { reason });
}

function suspended(): Fault {
  return new Fault("suspended", "This workspace is suspended. Ask the operator of the server.");
}
