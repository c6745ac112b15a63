/** Puts the session engine together: those who pay, those who serve, and what time does. */
import type { Session } from "../domain/session.ts";
import { createBatcher } from "../lib/batcher.ts";
import { LruMap } from "../lib/lru-map.ts";
import type { Database } from "../store/database.ts";
import { findSessions } from "../store/session.ts";
import type { SessionDispatcher, SessionEvents } from "./ports.ts";
import { createSessions, type Sessions } from "./session.ts";
import { createSessionAnswers } from "./session-answers.ts";
import { createSessionChanges } from "./session-changes.ts";
import type { SessionContext } from "./session-context.ts";
import { SessionDelivery } from "./session-delivery.ts";
import { createSessionLogs } from "./session-log.ts";
import { createSessionSweeper } from "./session-sweeper.ts";
import type { Sweeper } from "./sweeping.ts";

export interface SessionEngine {
  readonly sessions: Sessions;
  readonly events: SessionEvents;
  readonly sweeper: Sweeper;
  /** Messages that wait to be written. */
  readonly waiting: number;
  setDispatcher(dispatcher: SessionDispatcher): void;
  /** Stops what runs by itself and writes what is waiting. */
  close(): Promise<void>;
}

/** Until the hub is there. */
const NOBODY: SessionDispatcher = {
  holds: () => false,
  tell: () => false,
  heldSessions: () => [],
};
/** About 30 MB; each is read once by a process that serves it. */
const FACTS_MAX = 50_000;
const FACTS_BATCH_MAX = 512;
const FACTS_WAITING_MAX = 8_192;

export function createSessionEngine(
  parts: Omit<SessionContext, "dispatcher" | "logs" | "changes" | "delivery" | "findFacts">,
): SessionEngine {
  let dispatcher = NOBODY;
  const facts = createFactReader(parts.database);
  const context: SessionContext = {
    ...parts,
    dispatcher: {
      holds: (agentId) => dispatcher.holds(agentId),
      tell: (agentId, telling) => dispatcher.tell(agentId, telling),
      heldSessions: () => dispatcher.heldSessions(),
    },
    logs: createSessionLogs(parts),
    changes: createSessionChanges(parts.bus),
    delivery: new SessionDelivery(() => context),
    findFacts: facts.find,
  };
  const sweeper = createSessionSweeper(context);
  return {
    sessions: createSessions(context),
    events: createSessionAnswers(context),
    sweeper,
    get waiting() {
      return context.logs.waiting;
    },
    setDispatcher(next) {
      dispatcher = next;
    },
    async close() {
      await sweeper.stop();
      await context.delivery.stop();
      context.changes.stop();
      await Promise.all([context.logs.close(), facts.close()]);
    },
  };
}

/** What never changes may be remembered; many are asked for at once. */
function createFactReader(database: Database) {
  const known = new LruMap<string, Session>(FACTS_MAX);
  const lookups = createBatcher<string, { session: Session | undefined }>({
    itemsMax: FACTS_BATCH_MAX,
    waitingMax: FACTS_WAITING_MAX,
    async run(ids) {
      const found = await findSessions(database, [...new Set(ids)]);
      const byId = new Map(found.map((session) => [session.id, session]));
      return ids.map((id) => ({ session: byId.get(id) }));
    },
  });
  return {
    async find(id: string): Promise<Session | undefined> {
      const remembered = known.get(id);
      if (remembered) return remembered;
      const { session } = await lookups.add(id);
      if (session) known.set(id, session);
      return session;
    },
    close: () => lookups.close(),
  };
}
