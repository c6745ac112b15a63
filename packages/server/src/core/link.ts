/**
 * Who is connected where: the record that all processes share.
 *
 * An agent has one connection that counts, its newest. Each identification opens a new epoch, and
 * what comes by an older one is refused. An agent is online while its link has not ended, was seen
 * within `LIMITS.heartbeatMissMs`, and its process has a lease: a provider whose network hiccups
 * stays online, and finds its work waiting when it is back.
 */
import { LIMITS, type LinkClosing } from "@guildhall/protocol";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../store/database.ts";
import {
  endLink,
  endOverdueLinks,
  findEpoch,
  findLiveLink,
  hasLinkEnded,
  listLinkStates,
  listOustedLinks,
  type Ousting,
  openLink,
  touchLinks,
} from "../store/link.ts";
import type { LinkIdentity, LinkRecord } from "./ports.ts";

export interface Links extends LinkRecord {
  /** Whether these agents are online, and when they were seen last; who never connected is left out. */
  statusOf(
    agentIds: readonly string[],
  ): Promise<ReadonlyMap<string, { isOnline: boolean; lastSeenAt: Date | undefined }>>;
  /** Whether no newer connection of the agent was opened since, alive or not. */
  isNewest(link: LinkIdentity): Promise<boolean>;
  /** The process that has the agent's connection; `undefined` when the agent is offline. */
  whereIs(agentId: string): Promise<{ processId: string; epoch: number } | undefined>;
  /** Whether the agent was connected, and its newest connection was ended: it is not awaited back. */
  hasEnded(agentId: string): Promise<boolean>;
}

/** Links ended by one sweep; the next one takes the rest. */
const SWEEP_MAX = 500;

const CLOSING_OF: Readonly<Record<Ousting, LinkClosing>> = {
  replaced: "replaced",
  ended: "missed_heartbeats",
  key: "unauthenticated",
  suspended: "suspended",
};

export function createLinks(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly processId: string;
}): Links {
  const { database, clock, processId } = deps;
  const seenAfter = (now: Date): Date => new Date(now.getTime() - LIMITS.heartbeatMissMs);

  return {
    async connect(opening) {
      const { agentId, keyId, wire, client, concurrency } = opening;
      const epoch = await openLink(database, {
        agentId,
        processId,
        keyId,
        wire,
        client,
        concurrency,
        connectedAt: clock.now(),
      });
      return { agentId, epoch };
    },

    async touch(seen) {
      if (seen.length === 0) return;
      await touchLinks(
        database,
        seen.map(({ identity, lastSeenAt }) => ({ ...identity, lastSeenAt })),
      );
    },

    async listOusted(identities) {
      if (identities.length === 0) return [];
      const ousted = await listOustedLinks(database, identities, clock.now());
      return ousted.map(({ agentId, epoch, ousting }) => ({
        identity: { agentId, epoch } satisfies LinkIdentity,
        reason: CLOSING_OF[ousting],
      }));
    },

    end: ({ agentId, epoch }) => endLink(database, agentId, epoch, clock.now()),

    async endOverdue() {
      const now = clock.now();
      return endOverdueLinks(database, seenAfter(now), now, SWEEP_MAX);
    },

    async statusOf(agentIds) {
      if (agentIds.length === 0) return new Map();
      const now = clock.now();
      const states = await listLinkStates(database, agentIds, now, seenAfter(now));
      return new Map(states.map(({ agentId, ...state }) => [agentId, state]));
    },

    async isNewest({ agentId, epoch }) {
      return (await findEpoch(database, agentId)) === epoch;
    },

    async whereIs(agentId) {
      const now = clock.now();
      const link = await findLiveLink(database, agentId, now, seenAfter(now));
      return link && { processId: link.processId, epoch: link.epoch };
    },

    hasEnded: (agentId) => hasLinkEnded(database, agentId),
  };
}
