/**
 * Hands on what requesters say, to whichever process has the provider's connection.
 *
 *   1. Here, it is told at once, in the order in which it was said.
 *   2. Elsewhere, that process is told on the bus that there is something, and reads it.
 *   3. A hint may be lost, or there is nothing to give one by. So once a second each process looks at the
 *      sessions of its connections, and tells what they were not told: that they are asked to take one,
 *      what its price is to be named for, turns without a reply, and that a session is over.
 *
 * A connection is told a turn once, so telling it again does no harm.
 */
import { isOver, type Session } from "../domain/session.ts";
import { LruMap } from "../lib/lru-map.ts";
import { findSessionView, listAskedSessions } from "../store/session.ts";
import { findLastBriefs, findMessages, listOpenTurns } from "../store/session-log.ts";
import type { SessionView } from "../store/session-rows.ts";
import type { SessionTelling } from "./ports.ts";
import { type SessionContext, toldSession } from "./session-context.ts";
import { locateAgent } from "./work-opening.ts";

/** Sessions a query. */
const SESSIONS_MAX = 2_000;
/** Where an agent's connection was found to be is believed for this long: it is only who is nudged. */
const REACH_MS = 2_000;
const REACHES_MAX = 10_000;
/** A link to a file in a message works for this long, unless its provider reconnects. */
const FILE_LINK_MS = 3_600_000;

interface Reach {
  readonly processId: string | undefined;
  readonly atMs: number;
}

export class SessionDelivery {
  readonly #contextOf: () => SessionContext;
  readonly #reaches = new LruMap<string, Reach>(REACHES_MAX);
  /** What is on its way, by session: files take a moment to be looked up. */
  readonly #ways = new Map<string, Promise<void>>();
  #sweeping: Promise<void> | undefined;

  constructor(contextOf: () => SessionContext) {
    this.#contextOf = contextOf;
  }

  /** Tells a session's provider what was said, wherever it is. Does not wait for it. */
  say(session: Session, said: { readonly seq: number; readonly payload: unknown }): void {
    const before = this.#ways.get(session.id) ?? Promise.resolve();
    const way = before
      .then(() => this.#tell(session, said.seq, said.payload))
      .catch((error: unknown) => {
        const { log } = this.#contextOf();
        log.warn({ error, sessionId: session.id }, "a message was not handed on; it will be");
      })
      .finally(() => {
        if (this.#ways.get(session.id) === way) this.#ways.delete(session.id);
      });
    this.#ways.set(session.id, way);
  }

  /** Lets the process that has the provider's connection tell it how the session stands. */
  async nudge(session: Session): Promise<void> {
    const { dispatcher, bus } = this.#contextOf();
    if (dispatcher.holds(session.agentId)) return this.catchUp(session.id);
    const processId = await this.#processOf(session.agentId);
    if (processId) bus.publish(sessionsFor(processId), { sessionId: session.id });
  }

  /** Tells the provider how the session stands, if its connection is here. */
  async catchUp(sessionId: string): Promise<void> {
    const { database, dispatcher } = this.#contextOf();
    const view = await findSessionView(database, sessionId);
    if (!view || !dispatcher.holds(view.session.agentId)) return;
    for (const telling of await this.tellingsOf([view])) {
      dispatcher.tell(view.session.agentId, telling);
    }
  }

  /** What a provider has to be told of these sessions, so that it knows how they stand. */
  async tellingsOf(views: readonly SessionView[]): Promise<SessionTelling[]> {
    const context = this.#contextOf();
    const saidIn = await openSaid(context, views);
    const tellings: SessionTelling[] = [];
    for (const view of views) {
      tellings.push(...standingOf(context, view));
      for (const { kind, seq, payload } of saidIn.get(view.session.id) ?? []) {
        const delivered = await deliverable(context, view.session, JSON.parse(payload));
        if (kind === "brief") {
          tellings.push({ kind: "briefed", session: toldSession(view), seq, payload: delivered });
        } else {
          tellings.push({ kind: "said", sessionId: view.session.id, seq, payload: delivered });
        }
      }
    }
    return tellings;
  }

  /** Step 3. Never throws. */
  async sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce()
      .catch((error: unknown) => {
        const { log } = this.#contextOf();
        log.error({ error }, "could not look at the sessions of connected providers");
      })
      .finally(() => {
        this.#sweeping = undefined;
      });
    await this.#sweeping;
  }

  /** Resolves when nothing is on its way any more. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.#ways.values(), this.#sweeping]);
  }

  async #tell(session: Session, seq: number, payload: unknown): Promise<void> {
    const { dispatcher } = this.#contextOf();
    if (!dispatcher.holds(session.agentId)) return this.nudge(session);
    const delivered = await deliverable(this.#contextOf(), session, payload);
    const telling = { kind: "said", sessionId: session.id, seq, payload: delivered } as const;
    dispatcher.tell(session.agentId, telling);
  }

  async #processOf(agentId: string): Promise<string | undefined> {
    const nowMs = this.#contextOf().clock.now().getTime();
    const known = this.#reaches.get(agentId);
    if (known && nowMs - known.atMs < REACH_MS) return known.processId;
    const processId = (await locateAgent(this.#contextOf(), agentId))?.processId;
    this.#reaches.set(agentId, { processId, atMs: nowMs });
    return processId;
  }

  async #sweepOnce(): Promise<void> {
    const { database, dispatcher, processId, clock } = this.#contextOf();
    const held = dispatcher.heldSessions();
    const byId = new Map(held.map((session) => [session.sessionId, session]));
    for (let first = 0; first < held.length; first += SESSIONS_MAX) {
      const ids = held.slice(first, first + SESSIONS_MAX).map(({ sessionId }) => sessionId);
      const standings = await listOpenTurns(database, ids);
      for (const { sessionId, isClosed, turns } of standings) {
        const isNews = isClosed || turns.some((seq) => !byId.get(sessionId)?.knows(seq));
        if (isNews) await this.catchUp(sessionId);
      }
    }
    const asked = await listAskedSessions(database, processId, clock.now(), SESSIONS_MAX);
    for (const { sessionId, isToTake, lastSeq } of asked) {
      if (isToTake || !byId.get(sessionId)?.knows(lastSeq)) await this.catchUp(sessionId);
    }
  }
}

/** The bus subject on which a process is told that a session of its connections has news. */
export function sessionsFor(processId: string): string {
  return `process.${processId}.sessions`;
}

/** What is said in these sessions and not answered. */
async function openSaid({ database }: SessionContext, views: readonly SessionView[]) {
  const turns = views.flatMap(({ session, work, log }) =>
    work.state === "active" || work.state === "interrupted"
      ? log.openTurns.map((seq) => ({ sessionId: session.id, seq }))
      : [],
  );
  const unquoted = views.filter(
    ({ work, hold, session }) =>
      work.state === "pending" && !hold && session.terms.shape === "open_quote",
  );
  const said = turns.length > 0 ? await findMessages(database, turns) : [];
  const briefs =
    unquoted.length > 0
      ? await findLastBriefs(
          database,
          unquoted.map(({ session }) => session.id),
        )
      : [];
  return Map.groupBy([...said, ...briefs], ({ sessionId }) => sessionId);
}

function standingOf({ clock }: SessionContext, view: SessionView): SessionTelling[] {
  const { work, log, ending } = view;
  const { offeredUntil } = log;
  if (work.state === "pending") {
    if (!offeredUntil || offeredUntil <= clock.now()) return [];
    const session = toldSession(view);
    return [{ kind: "asked", session, attempt: log.offers, until: offeredUntil }];
  }
  if (work.state === "active" || work.state === "interrupted") {
    return [{ kind: "opened", session: toldSession(view), lastNumber: log.lastNumber }];
  }
  return [
    {
      kind: "closed",
      session: toldSession(view),
      how: isOver(work.state) && work.state === "cancelled" ? "cancelled" : "ended",
      reason: ending?.reason ?? "ended",
      used: log.used,
      finalOutput: ending?.finalOutput,
      isBillDue: work.state === "awaiting_invoice" && !view.invoice,
    },
  ];
}

/** What was said, with links to the files in it. */
function deliverable(
  { files, clock }: SessionContext,
  session: Session,
  payload: unknown,
): Promise<unknown> {
  const until = new Date(clock.now().getTime() + FILE_LINK_MS);
  return files.deliver(session.workspaceId, payload, until, session.providerWorkspaceId);
}
