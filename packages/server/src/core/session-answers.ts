/**
 * What providers say about the sessions that they were asked to take (`SessionEvents`), by whichever
 * wire. Each counts only by the agent's present connection: the log compares its epoch.
 */

import { LIMITS } from "@guildhall/protocol";
import { Fault } from "../domain/fault.ts";
import type { SessionState } from "../domain/session.ts";
import { findSessionView, findSessionViews, listLiveSessionsOf } from "../store/session.ts";
import type { SessionView } from "../store/session-rows.ts";
import type {
  LinkIdentity,
  ProviderMessage,
  SessionEvents,
  SessionTelling,
  Taken,
} from "./ports.ts";
import { closeSession } from "./session-closing.ts";
import { changeSession, type SessionContext, tellLog, toldSession } from "./session-context.ts";
import { proposeQuote, submitBill } from "./session-quote.ts";

export function createSessionAnswers(context: SessionContext): SessionEvents {
  return {
    accepted: (link, id, attempt) => accept(context, link, id, attempt),
    async declined(link, id, attempt, { code, message }) {
      const view = await findAsked(context, link, id, attempt);
      if (!view) return "late";
      const { isOurs } = await closeSession(context, view, "reject", { note: code ?? message });
      return isOurs ? "ok" : "late";
    },
    said: (link, message) => say(context, link, message),
    async quoted(link, { sessionId, ...quote }) {
      const view = await findServed(context, link, sessionId);
      if (!view) return "late";
      await proposeQuote(context, view, quote);
      return "ok";
    },
    async billed(link, { sessionId, ...bill }) {
      const view = await findServed(context, link, sessionId);
      if (!view) return "late";
      await submitBill(context, view, bill);
      return "ok";
    },
    async standing(agentId) {
      const views = await listLiveSessionsOf(context.database, agentId);
      return views.map(({ session, work, log }) => ({
        sessionId: session.id,
        state: work.state,
        lastSeq: log.lastSeq,
      }));
    },
    attached: (link) => attach(context, link),
    async closedTellings(agentId, sessionIds) {
      const views = await findSessionViews(context.database, sessionIds);
      const theirs = views.filter(({ session }) => session.agentId === agentId);
      const tellings = await context.delivery.tellingsOf(theirs);
      return tellings.filter(({ kind }) => kind === "closed");
    },
    gone: (agentId, epoch, reason) => leave(context, agentId, epoch, reason),
  };
}

async function accept(
  context: SessionContext,
  link: LinkIdentity,
  id: string,
  attempt: number,
): Promise<Taken> {
  const view = await findAsked(context, link, id, attempt);
  if (!view) return "late";
  const active = await changeSession(context, view, "accept", {
    isWanted: ({ work, log }) => work.state === "pending" && !log.closing,
  });
  if (!active) return "late";
  await tellLog(context, id, "activated");
  context.dispatcher.tell(link.agentId, {
    kind: "opened",
    session: toldSession(active),
    lastNumber: active.log.lastNumber,
  });
  context.changes.changed(id);
  return "ok";
}

/** The session that this agent is being asked to take, the time that it names. */
async function findAsked(
  context: SessionContext,
  link: LinkIdentity,
  id: string,
  attempt: number,
): Promise<SessionView | undefined> {
  const view = await findServed(context, link, id);
  if (view?.work.state !== "pending" || view.log.offers !== attempt) return undefined;
  const { offeredUntil } = view.log;
  const now = context.clock.now();
  if (!view.hold || !offeredUntil || offeredUntil < now) return undefined;
  const present = await context.links.whereIs(link.agentId);
  return present?.epoch === link.epoch ? view : undefined;
}

async function findServed(
  { database }: SessionContext,
  link: LinkIdentity,
  id: string,
): Promise<SessionView | undefined> {
  const view = await findSessionView(database, id);
  return view?.session.agentId === link.agentId ? view : undefined;
}

/** Nothing is awaited before the message is in its place in the queue: so it keeps its order. */
async function say(
  context: SessionContext,
  link: LinkIdentity,
  message: ProviderMessage,
): Promise<Taken> {
  const { sessionId, number, turn } = message;
  const content = contentOf(message);
  const item = { sessionId, author: "provider", number, turn, ...link } as const;
  const { outcome } = await context.logs.append({
    ...item,
    ...content,
    isFinal: message.isFinal,
  });
  switch (outcome) {
    case "added":
    case "repeated":
      return "ok";
    case "gap":
      throw new Fault("sequence_conflict", `A message before ${number} is missing.`);
    case "full": {
      if (!message.isFinal) return "late";
      // Its number is used up; the turn is over all the same.
      const failed = failure("provider_bad_output", "The session's log is full.");
      await context.logs.append({ ...item, number: 0, ...failed, isFinal: true });
      return "late";
    }
    default:
      return "late";
  }
}

function contentOf({ content }: ProviderMessage): {
  readonly kind: "message" | "failed";
  readonly payload: string;
} {
  if ("code" in content) return failure(content.code, content.message);
  const payload = JSON.stringify(content.payload);
  if (Buffer.byteLength(payload) <= LIMITS.messageBytesMax) return { kind: "message", payload };
  return failure(
    "provider_bad_output",
    `A message is larger than ${LIMITS.messageBytesMax} bytes; hand large things over as files.`,
  );
}

function failure(code: string, message: string) {
  return { kind: "failed", payload: JSON.stringify({ code, message }) } as const;
}

/** The agent is here: sessions that waited for it go on, and it is told what it has to know. */
async function attach(
  context: SessionContext,
  link: LinkIdentity,
): Promise<readonly SessionTelling[]> {
  const live = await listLiveSessionsOf(context.database, link.agentId);
  const views = await Promise.all(live.map((view) => resume(context, view)));
  return context.delivery.tellingsOf(views);
}

/** Makes this process answer for a session, and ends its interruption. */
export async function resume(context: SessionContext, view: SessionView): Promise<SessionView> {
  const { state, processId } = view.work;
  const event = state === "interrupted" ? "resume" : "keep";
  const isHere = processId === context.processId;
  if (event === "keep" && (isHere || state !== "active")) return view;
  const isWanted = ({ work }: SessionView) => work.state === state;
  const resumed = await changeSession(context, view, event, { isWanted });
  if (resumed && event === "resume") {
    await tellLog(context, view.session.id, "reconnected");
    context.changes.changed(view.session.id);
  }
  return resumed ?? (await findSessionView(context.database, view.session.id)) ?? view;
}

const INTERRUPTIBLE: ReadonlySet<SessionState> = new Set(["active"]);

async function leave(
  context: SessionContext,
  agentId: string,
  epoch: number,
  reason: "shutdown" | "missed",
): Promise<void> {
  const views = await listLiveSessionsOf(context.database, agentId);
  // It may be back already, by another link: then its sessions go on there. Asked after they were listed, or
  // some that it took by that link would be among them.
  const link = await context.links.whereIs(agentId);
  if (link && link.epoch > epoch) return;
  for (const view of views) {
    const { state } = view.work;
    if (reason === "shutdown" && (state === "active" || state === "interrupted")) {
      await closeSession(context, view, "leave");
    } else if (INTERRUPTIBLE.has(state)) await interrupt(context, view);
    // Whoever waits for its yes need not.
    else if (state === "pending") context.changes.changed(view.session.id);
  }
}

/** The provider was not seen for too long. What is held stays held. */
export async function interrupt(context: SessionContext, view: SessionView): Promise<void> {
  const interrupted = await changeSession(context, view, "interrupt", {
    isWanted: ({ work, log }) => INTERRUPTIBLE.has(work.state) && !log.closing,
  });
  if (!interrupted) return;
  await tellLog(context, view.session.id, "disconnected");
  context.changes.changed(view.session.id);
}
