/**
 * Asks a session's provider to take it (LinkedClaw contract §6.7, A-35).
 *
 *   1. The session notes how long its provider may take. Whoever asks for the same meanwhile waits along.
 *   2. The provider is asked, on whichever process it is connected; again each second, should it move.
 *   3. What it says is written by the process that hears it. Whoever waits looks until then.
 *
 * A provider that says nothing in time leaves the session pending, and may be asked again. One that says
 * goodbye meanwhile is not waited for.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isOpen } from "../domain/session.ts";
import { SESSION_CLOCK } from "../domain/session-clock.ts";
import { findSessionView } from "../store/session.ts";
import { offerSession, withdrawOffer } from "../store/session-offer.ts";
import type { SessionView } from "../store/session-rows.ts";
import { finishClosing } from "./session-closing.ts";
import { changeSession, requireOwn, type SessionContext } from "./session-context.ts";
import { notPending } from "./session-quote.ts";
import { locateAgent } from "./work-opening.ts";

/** An acceptance in the last moment may still be on its way into the books. */
const SETTLING_MS = 1_000;

export async function activateSession(
  context: SessionContext,
  caller: Caller,
  id: string,
): Promise<SessionView> {
  const view = await requireOwn(context, caller, id);
  if (view.work.state !== "pending") throw notPending(view);
  if (!view.hold) {
    throw new Fault("quote_not_accepted", "Accept the provider's proposal before you activate.");
  }
  const until = await ask(context, view);
  return untilTaken(context, id, until);
}

/** Step 1. */
async function ask(context: SessionContext, view: SessionView): Promise<Date> {
  const { id, agentId } = view.session;
  const link = await locateAgent(context, agentId);
  if (!link) throw offline();
  const now = context.clock.now();
  const wanted = new Date(now.getTime() + SESSION_CLOCK.acceptMs);
  const { until, isFirst } = await offerSession(context.database, id, now, wanted);
  if (isFirst) {
    await changeSession(context, view, "keep", {
      isWanted: ({ work }) => work.state === "pending",
      processId: link.processId,
      lookAt: new Date(until.getTime() + SETTLING_MS),
    });
  }
  return until;
}

/** Steps 2 and 3. */
async function untilTaken(context: SessionContext, id: string, until: Date): Promise<SessionView> {
  const givesUpAtMs = until.getTime() + SETTLING_MS;
  for (;;) {
    const view = await findSessionView(context.database, id);
    if (!view) throw new Error(`session ${id} is gone`);
    if (view.work.state === "active") return view;
    // Its end is written down and not done: what is held is free when it is.
    if (view.log.closing && isOpen(view.work.state)) {
      await finishClosing(context, id);
      continue;
    }
    if (view.ending?.reason === "provider_rejected") {
      const reason = view.ending.note ?? "";
      throw new Fault("work_declined", `session_rejected: ${reason}`, { reason });
    }
    if (view.work.state !== "pending") throw notPending(view);
    await requireAwaited(context, view, until);
    const leftMs = givesUpAtMs - context.clock.now().getTime();
    if (leftMs <= 0) {
      throw new Fault(
        "acceptance_timeout",
        "provider did not respond to SESSION_CREATE within timeout",
      );
    }
    const changed = context.changes.wait(id, leftMs);
    await context.delivery.nudge(view.session);
    await changed;
  }
}

/** Throws `provider_offline` where the provider's connection was ended: whoever left answers nothing. */
async function requireAwaited(
  { database, dispatcher, links }: SessionContext,
  { session: { id, agentId } }: SessionView,
  until: Date,
): Promise<void> {
  if (dispatcher.holds(agentId) || !(await links.hasEnded(agentId))) return;
  // So that it has its full time again, should it be asked when it is back.
  await withdrawOffer(database, id, until);
  throw offline();
}

function offline(): Fault {
  return new Fault("provider_offline", "provider not reachable: it is not connected");
}
