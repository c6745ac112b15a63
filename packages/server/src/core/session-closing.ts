/**
 * Ends a session, once.
 *
 *   1. Its log is closed, with what ends it: whoever comes first decides, and from here on no message is
 *      added, so that what was answered is known.
 *   2. One command changes its state and moves its money, by what step 1 wrote down.
 *   3. The log is told, and then both sides.
 *
 * Whoever finds a session between these steps does the rest: the sweeper, or whoever else wants to end
 * it. All of them do the same, since step 1 says what.
 */
import { setTimeout as delay } from "node:timers/promises";
import { isOpen, type SessionClosing, type SessionReason } from "../domain/session.ts";
import { decideSession, reasonOf, stateAfter } from "../domain/session-settlement.ts";
import { findSessionView } from "../store/session.ts";
import { type CloseLog, closeLog, reopenLog } from "../store/session-log.ts";
import type { SessionView } from "../store/session-rows.ts";
import {
  changeSession,
  lookLater,
  noSession,
  type SessionContext,
  tellLog,
} from "./session-context.ts";

export interface Closed {
  /** As it stands now. */
  readonly view: SessionView;
  /** Whether it was this request that closed it; else another one had. */
  readonly isOurs: boolean;
}

export type ClosingDetail = Pick<
  CloseLog,
  "declaredCount" | "finalOutput" | "note" | "onlyIfLastAt" | "continuationId"
>;

const ATTEMPTS_MAX = 10;
/** An end that takes longer than this was begun by a process that died. */
export const CLOSING_MS_MAX = 2_000;
const DECIDING_POLL_MS = 10;

/** Throws `conflict` where the session cannot be ended so. */
export async function closeSession(
  context: SessionContext,
  view: SessionView,
  closing: Exclude<SessionClosing, "extend">,
  detail: ClosingDetail = {},
): Promise<Closed> {
  let current = view;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const isOurs = await markClosed(context, current, closing, detail);
    // Only if nothing was said meanwhile, and something was.
    if (!isOurs && detail.onlyIfLastAt) return { view: current, isOurs };
    const { id } = view.session;
    if (!isOurs) current = await untilDecided(context, id);
    // Somebody wanted to go on from it, could not pay for that, and left it as it was.
    if (!isOurs && !current.log.closing) continue;
    return { view: await finishClosing(context, id), isOurs };
  }
  throw new Error(`session ${view.session.id} lost every race to be closed`);
}

/** The session, once nobody is about to go on from it any more. */
async function untilDecided(context: SessionContext, id: string): Promise<SessionView> {
  for (;;) {
    const view = await findSessionView(context.database, id);
    if (!view) throw noSession(id);
    if (view.log.closing !== "extend" || !isOpen(view.work.state)) return view;
    // Who takes that long has died before it could.
    if (isStale(context, view)) await undoExtension(context, view);
    else await delay(DECIDING_POLL_MS);
  }
}

function isStale({ clock }: SessionContext, { ending }: SessionView): boolean {
  const sinceMs = clock.now().getTime() - (ending?.at.getTime() ?? 0);
  return sinceMs > CLOSING_MS_MAX;
}

/** Step 1. */
export function markClosed(
  context: SessionContext,
  view: SessionView,
  closing: SessionClosing,
  detail: ClosingDetail,
): Promise<boolean> {
  stateAfter(view, closing);
  const reasons = { usedUp: reasonOf(closing, true), otherwise: reasonOf(closing, false) };
  return closeLog(
    context.database,
    { sessionId: view.session.id, closing, at: context.clock.now(), ...detail },
    reasons,
  );
}

/** Steps 2 and 3 of whatever was begun. The session as it stands then. */
export async function finishClosing(context: SessionContext, id: string): Promise<SessionView> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const view = await untilDecided(context, id);
    const { closing } = view.log;
    if (!closing) return view;
    if (closing === "extend" || !isOpen(view.work.state)) return tellEnd(context, view);
    const next = { deadlineAt: lookLater(context), processId: context.processId };
    const { work, steps } = decideSession(view, closing, next);
    const committed = await context.ledger.commit({ keyId: undefined, work, steps });
    if (!committed.ok && committed.refusal.code !== "version_conflict") {
      throw new Error(`ending session ${id} was refused: ${committed.refusal.code}`);
    }
  }
  throw new Error(`session ${id} lost every race to be ended`);
}

/** Step 3. */
export async function tellEnd(context: SessionContext, view: SessionView): Promise<SessionView> {
  const { session } = view;
  await logEnd(context, view);
  context.changes.changed(session.id);
  void context.delivery.nudge(session).catch((error: unknown) => {
    context.log.warn({ error, sessionId: session.id }, "a provider was not told of an end yet");
  });
  return view;
}

/** Has the log say how the session ended, unless it does already. */
export async function logEnd(context: SessionContext, view: SessionView): Promise<void> {
  const { work, ending, session, log } = view;
  const reason: SessionReason = ending?.reason ?? "ended";
  const kind = work.state === "cancelled" ? "cancelled" : "ended";
  await tellLog(context, session.id, kind, {
    reason,
    status: work.state,
    messages_used: log.used,
    messages_answered: log.answered,
  });
}

/**
 * Lets a session go on whose extension came to nothing. The command that would have settled it may be
 * under way still: raising the version first makes sure that it is refused.
 */
export async function undoExtension(context: SessionContext, view: SessionView): Promise<void> {
  const kept = await changeSession(context, view, "keep", {
    isWanted: ({ work, log }) => isOpen(work.state) && log.closing === "extend",
  });
  const continuationId = view.ending?.continuationId;
  if (kept && continuationId) await reopenLog(context.database, view.session.id, continuationId);
}
