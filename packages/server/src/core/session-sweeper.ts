/**
 * What time alone does to sessions. It only applies events; it never touches a hold by itself.
 *
 *   1. A session whose time to be looked at has come: what is due is done, and else it is looked at later.
 *   2. One at its cap is settled, should nobody end it.
 *   3. An end that was begun is finished, should whoever began it have died.
 *   4. One whose process lost its lease is answered for by this one.
 *   5. One that stands otherwise than its agent's connection is put right.
 *   6. What connections here were not told they are told; rows of refused requests are removed.
 */
import { isOver, type SessionClosing } from "../domain/session.ts";
import { idleUntil, SESSION_CLOCK, sessionDue } from "../domain/session-clock.ts";
import { deleteRequestKeysBefore } from "../store/request-key.ts";
import {
  deleteUnopenedSessions,
  findSessionViews,
  listAbandonedSessions,
  listDueSessions,
  listStraySessions,
} from "../store/session.ts";
import { listCappedSessions, listUnfinishedClosings } from "../store/session-log.ts";
import type { SessionView } from "../store/session-rows.ts";
import { interrupt, resume } from "./session-answers.ts";
import { CLOSING_MS_MAX, closeSession, finishClosing } from "./session-closing.ts";
import { changeSession, type SessionContext, tellLog } from "./session-context.ts";
import { sessionsFor } from "./session-delivery.ts";
import { settleBill } from "./session-quote.ts";
import { createSweeper, type Sweeper } from "./sweeping.ts";

/** Sessions a sweep and kind: more are left to the next one. */
const SESSIONS_MAX = 500;
/** How long whoever ended a link may take to say so to its sessions. */
const STRAY_MS = 5_000;
const UNOPENED_AGE_MS = 3_600_000;
/** How long an idempotency key is remembered (LinkedClaw contract §4). */
const REQUEST_KEY_MS = 24 * 3_600_000;
const UNOPENED_SWEEP_MS = 60_000;

export function createSessionSweeper(context: SessionContext): Sweeper {
  const { database, clock, log } = context;
  let unopenedSweptAt = 0;
  const before = (ms: number): Date => new Date(clock.now().getTime() - ms);

  async function sweepOnce(): Promise<void> {
    const now = clock.now();
    await each(context, await listDueSessions(database, now, SESSIONS_MAX), (view) =>
      look(context, view),
    );
    const capped = await listCappedSessions(database, before(SESSION_CLOCK.capMs), SESSIONS_MAX);
    await each(context, await findSessionViews(database, capped), (view) => look(context, view));
    const unfinished = await listUnfinishedClosings(database, before(CLOSING_MS_MAX), SESSIONS_MAX);
    await each(context, await findSessionViews(database, unfinished), async ({ session }) => {
      await finishClosing(context, session.id);
    });
    const abandoned = await listAbandonedSessions(database, now, SESSIONS_MAX);
    if (context.mayTakeOver()) await each(context, abandoned, (view) => adopt(context, view));
    await each(context, await listStraySessions(database, before(STRAY_MS), SESSIONS_MAX), (view) =>
      putRight(context, view),
    );
    if (now.getTime() - unopenedSweptAt >= UNOPENED_SWEEP_MS) {
      unopenedSweptAt = now.getTime();
      await deleteUnopenedSessions(database, before(UNOPENED_AGE_MS));
      await deleteRequestKeysBefore(database, before(REQUEST_KEY_MS));
    }
    await context.delivery.sweep();
  }

  const sweeper = createSweeper({
    ...{ database, log, what: "sessions", shapes: ["session"], sweepOnce },
    // A session is over by its work before both sides are told, and connections here may not know yet.
    isDue: async () =>
      context.dispatcher.heldSessions().length > 0 ||
      (await listUnfinishedClosings(database, before(CLOSING_MS_MAX), 1)).length > 0,
  });
  const unsubscribe = context.bus.subscribe(sessionsFor(context.processId), ({ sessionId }) => {
    context.delivery
      .catchUp(String(sessionId))
      .catch((error: unknown) =>
        log.warn({ error, sessionId }, "could not tell a provider its news; the sweeper will"),
      );
  });

  return {
    sweep: sweeper.sweep,
    async stop() {
      unsubscribe();
      await sweeper.stop();
    },
  };
}

/** Does what is due, or says when to look again. */
async function look(context: SessionContext, view: SessionView): Promise<void> {
  const { clock, settings } = context;
  const { event, lookAt } = sessionDue(view, settings.idleMs, clock.now());
  if (event === "settle" || event === "lapse") {
    await settleBill(context, view.session.id, event);
  } else if (event === "warn") {
    await warn(context, view);
  } else if (event) {
    // What was said since then has made it live again.
    const detail = event === "cap" ? {} : { onlyIfLastAt: view.log.lastAt };
    await closeSession(context, view, event satisfies SessionClosing, detail);
  } else {
    await postpone(context, view, lookAt);
  }
}

async function warn(context: SessionContext, view: SessionView): Promise<void> {
  const { settings, clock } = context;
  const until = idleUntil({ ...view.log, warnedAt: clock.now() }, settings.idleMs);
  await tellLog(context, view.session.id, "idle", {
    settles_at: until?.toISOString() ?? null,
    reason: "Nobody has said anything for long. Answered turns will be settled, the rest refunded.",
  });
  const half = new Date(clock.now().getTime() + settings.idleMs / 2);
  await postpone(context, view, half);
}

async function postpone(context: SessionContext, view: SessionView, lookAt: Date): Promise<void> {
  await changeSession(context, view, "keep", {
    isWanted: ({ work }) => !isOver(work.state) && work.version === view.work.version,
    lookAt,
  });
}

async function adopt(context: SessionContext, view: SessionView): Promise<void> {
  await changeSession(context, view, "keep", {
    isWanted: ({ work }) => !isOver(work.state) && work.processId === view.work.processId,
    ...(view.work.deadlineAt && { lookAt: view.work.deadlineAt }),
  });
}

async function putRight(context: SessionContext, view: SessionView): Promise<void> {
  if (view.work.state === "active") await interrupt(context, view);
  else if (view.work.state === "interrupted") {
    await resume(context, view);
    await context.delivery.nudge(view.session);
  }
}

/** One session's trouble does not keep the others waiting. */
async function each(
  context: SessionContext,
  views: readonly SessionView[],
  work: (view: SessionView) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(views.map(work));
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "rejected") {
      const sessionId = views[index]?.session.id;
      context.log.error({ error: outcome.reason, sessionId }, "sweeping a session failed");
    }
  }
}
