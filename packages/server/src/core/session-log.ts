/**
 * The logs of sessions: what is added, many at once, and read, many at once.
 *
 *   1. Items that arrive together are added by one statement, and answered when they are on the disk.
 *   2. Added again they change nothing: so where the database was lost, they are simply added again.
 *   3. While another leg of a session is being opened it is not known whether this one goes on. What is
 *      said in that moment waits, and whatever is said after it waits behind it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { BatcherClosed, createBatcher, QueueFull } from "../lib/batcher.ts";
import { type Clock, monotonicMs } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "../store/database.ts";
import { failureOf } from "../store/ledger.ts";
import {
  appendEvents,
  type EventPage,
  type LogAnswer,
  type LogItem,
  type LogLimits,
  listEvents,
  type PageRequest,
} from "../store/session-log.ts";

export interface SessionLogs {
  /**
   * Adds to a session's log, after what was handed in for it before. Throws `overloaded` when too much
   * is waiting or the database is away.
   */
  append(item: LogItem): Promise<LogAnswer>;
  read(page: PageRequest): Promise<EventPage>;
  readonly waiting: number;
  close(): Promise<void>;
}

export const SESSION_LOG_LIMITS = {
  /** Of one session: what is said, and 1 KB for each time that something is. */
  bytesMax: 64 * 1024 * 1024,
  /** Turns of one session that may wait for their replies. */
  turnsMax: 256,
  /** Events of a session before its open quote is accepted. */
  briefsMax: 64,
} as const satisfies LogLimits;

const ITEMS_MAX = 512;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** About two seconds' work at full load. */
const WAITING_MAX = 8_192;
const PAGES_MAX = 256;
/** Payloads of one page: about what a client wants to hold. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
const PATIENCE_MS = 10_000;
const RETRY_MS = 50;
/** How long the opening of another leg may take to be decided. */
const UNDECIDED_MS_MAX = 5_000;
const UNDECIDED_RETRY_MS = 10;

export function createSessionLogs(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): SessionLogs {
  const { database } = parts;
  const appends = createBatcher<LogItem, LogAnswer>({
    itemsMax: ITEMS_MAX,
    waitingMax: WAITING_MAX,
    weightMax: BATCH_BYTES_MAX,
    weigh: ({ payload }) => payload.length,
    run: (items) => appendPatiently(parts, items),
  });
  const pages = createBatcher<PageRequest, EventPage>({
    itemsMax: PAGES_MAX,
    waitingMax: WAITING_MAX,
    run: (requests) => listEvents(database, requests, PAGE_BYTES_MAX),
  });
  /** Sessions in which something waits to be decided (step 3). */
  const gates = new Map<string, Promise<void>>();

  async function untilDecided(item: LogItem): Promise<LogAnswer> {
    const startedAtMs = monotonicMs();
    while (monotonicMs() - startedAtMs < UNDECIDED_MS_MAX) {
      await delay(UNDECIDED_RETRY_MS);
      const answer = await appends.add(item);
      if (answer.outcome !== "undecided") return answer;
    }
    throw overloaded("Whether the session goes on is not decided yet; try again.");
  }

  async function append(item: LogItem): Promise<LogAnswer> {
    const { sessionId } = item;
    for (let gate = gates.get(sessionId); gate; gate = gates.get(sessionId)) await gate;
    const answer = await appends.add(item);
    if (answer.outcome !== "undecided") return answer;
    if (gates.has(sessionId)) return append(item);
    const deciding = untilDecided(item);
    const gate = deciding.then(
      () => undefined,
      () => undefined,
    );
    gates.set(sessionId, gate);
    return deciding.finally(() => gates.delete(sessionId));
  }

  return {
    append: (item) => append(item).catch((error: unknown) => Promise.reject(refusalOf(error))),
    read: (page) => pages.add(page).catch((error: unknown) => Promise.reject(refusalOf(error))),
    get waiting() {
      return appends.waiting;
    },
    async close() {
      await Promise.all([appends.close(), pages.close()]);
    },
  };
}

async function appendPatiently(
  { database, clock, log }: Parameters<typeof createSessionLogs>[0],
  items: readonly LogItem[],
): Promise<LogAnswer[]> {
  const startedAtMs = monotonicMs();
  for (;;) {
    try {
      return await appendEvents(database, items, clock.now(), SESSION_LOG_LIMITS);
    } catch (error) {
      const isHopeless = failureOf(error) === "refused";
      if (isHopeless || monotonicMs() - startedAtMs > PATIENCE_MS) throw error;
      log.warn({ error, items: items.length }, "messages could not be added; trying again");
      await delay(RETRY_MS);
    }
  }
}

function refusalOf(error: unknown): unknown {
  const isFull = error instanceof QueueFull || error instanceof BatcherClosed;
  return isFull ? overloaded("There is more to do than this server can take on.", error) : error;
}

function overloaded(message: string, cause?: unknown): Fault {
  return new Fault("overloaded", message, { retryAfterSeconds: 1 }, { cause });
}
