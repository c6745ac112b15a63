/** Remakes the trust of agents whose work ended lately (the rule is in domain/trust.ts). */
import { trustScore } from "../domain/trust.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "../store/database.ts";
import { listAgentsWithOutcomesSince, listOutcomes, upsertTrust } from "../store/trust.ts";

export interface TrustKeeper {
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

const REFRESH_MS = 15_000;
/** Looks this far behind the last refresh: an outcome is written a moment before its run ends. */
const OVERLAP_MS = 60_000;
/** Reputation is what an agent did lately. */
const RUNS_MAX = 1_000;

export function createTrustKeeper(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): TrustKeeper {
  const { database, clock, log } = deps;
  let since = new Date(0);
  let refreshing: Promise<void> | undefined;

  async function remake(): Promise<void> {
    const now = clock.now();
    for (const agentId of await listAgentsWithOutcomesSince(database, since)) {
      const outcomes = await listOutcomes(database, agentId, RUNS_MAX);
      await upsertTrust(database, {
        agentId,
        score: trustScore(outcomes),
        succeeded: outcomes.reduce((sum, { succeeded }) => sum + succeeded, 0),
        failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
        approvedSlots: outcomes.reduce((sum, { approvedSlots }) => sum + approvedSlots, 0),
        endedSessions: outcomes.reduce((sum, { endedSessions }) => sum + endedSessions, 0),
        updatedAt: now,
      });
    }
    since = new Date(now.getTime() - OVERLAP_MS);
  }

  async function refresh(): Promise<void> {
    refreshing ??= remake()
      .catch((error: unknown) => log.warn({ error }, "could not remake trust; trying again"))
      .finally(() => {
        refreshing = undefined;
      });
    await refreshing;
  }

  const timer = setInterval(() => void refresh(), REFRESH_MS);
  timer.unref();
  return {
    refresh,
    async stop() {
      clearInterval(timer);
      await refreshing;
    },
  };
}
