/** Counts attempts across processes and restarts, and refuses the one too many. */
import { ATTEMPT_LIMITS, type AttemptKind, type AttemptLimit } from "../domain/attempt.ts";
import { Fault } from "../domain/fault.ts";
import type { Clock } from "../lib/clock.ts";
import { deleteAttempt, findEarliestAttempt, insertAttempt } from "../store/attempt.ts";
import type { Database } from "../store/database.ts";

export interface Attempts {
  /**
   * Counts an attempt by `subject`, before it is known how it goes: a thousand at the same time are
   * then no more than the limit. The returned function takes it back where it was a good one.
   *
   * @throws {Fault} `rate_limited`
   */
  take(kind: AttemptKind, subject: string): Promise<() => Promise<void>>;
}

export type AttemptLimits = Readonly<Record<AttemptKind, AttemptLimit>>;

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** Overrides of the usual limits. */
  readonly limits?: Partial<AttemptLimits>;
}

const MS = 1000;

export function createAttempts({ database, clock, limits }: Dependencies): Attempts {
  const limitOf = { ...ATTEMPT_LIMITS, ...limits };
  return {
    async take(kind, subject) {
      const { max, windowSeconds } = limitOf[kind];
      const name = `${kind}:${subject}`;
      const at = clock.now();
      const since = new Date(at.getTime() - windowSeconds * MS);
      const expiresAt = new Date(at.getTime() + windowSeconds * MS);
      if (await insertAttempt(database, name, { at, since, max, expiresAt })) {
        return () => deleteAttempt(database, name, at);
      }
      const earliest = (await findEarliestAttempt(database, name, since)) ?? at;
      const roomInMs = earliest.getTime() + windowSeconds * MS - at.getTime();
      throw new Fault("rate_limited", "Too many attempts. Wait a little, then try again.", {
        retryAfterSeconds: Math.max(1, Math.ceil(roomInMs / MS)),
      });
    },
  };
}
