/** What sign-in leaves behind goes, each kind of row after its time. */
import type { Clock } from "../lib/clock.ts";
import { deleteAttemptsBefore } from "../store/attempt.ts";
import type { Database } from "../store/database.ts";
import { deleteHandoffsBefore } from "../store/handoff.ts";
import { deleteSessionsBefore, deleteSignInLinksBefore } from "../store/sign-in-link.ts";

export interface SignInCleaning {
  /** Deletes what nobody can use or ask about any more. Cheap; meant for about once an hour. */
  clean(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** A handoff that is over still answers what became of it, and notices a code used again. */
const HANDOFF_KEPT_MS = 24 * HOUR_MS;

export function createSignInCleaning(database: Database, clock: Clock): SignInCleaning {
  return {
    async clean() {
      const now = clock.now();
      await deleteHandoffsBefore(database, new Date(now.getTime() - HANDOFF_KEPT_MS));
      await deleteAttemptsBefore(database, now);
      await deleteSignInLinksBefore(database, now);
      await deleteSessionsBefore(database, now);
    },
  };
}
