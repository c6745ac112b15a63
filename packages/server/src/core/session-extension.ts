/**
 * Goes on from a session (LinkedClaw contract §10.3, A-13).
 *
 *   1. What the next leg is to cost: a tier of the same schedule, or a price that the requester names.
 *   2. The next leg is written down; without its work it is nothing.
 *   3. Where this leg is still open, its log is closed, and one command settles it and opens the next one,
 *      with its hold. Where the next one cannot be paid for, the log is opened again: nothing happened.
 *      Where this leg ended at its cap, one command opens the next one; only once, whoever asks.
 *   4. The provider is asked to take it. Should it not answer, the leg stays pending.
 */
import type { Caller } from "../domain/caller.ts";
import type { Command } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import { isOpen, type Session } from "../domain/session.ts";
import { SESSION_CLOCK } from "../domain/session-clock.ts";
import { decideSession } from "../domain/session-settlement.ts";
import {
  holdMicrosOf,
  laterTerms,
  type NamedQuote,
  namedTerms,
  type SessionTerms,
} from "../domain/session-terms.ts";
import { newId } from "../lib/random.ts";
import { findAgent } from "../store/agent.ts";
import { findSessionView } from "../store/session.ts";
import { noteContinuation, reopenLog } from "../store/session-log.ts";
import type { SessionView } from "../store/session-rows.ts";
import { findOpenedWork } from "../store/work.ts";
import { ceilingOf } from "./chain.ts";
import { openingFault } from "./opening-refusal.ts";
import { sha256Hex } from "./run-context.ts";
import { activateSession } from "./session-activation.ts";
import { finishClosing, markClosed, tellEnd } from "./session-closing.ts";
import { lookLater, noSession, requireOwn, type SessionContext } from "./session-context.ts";
import { type PreparedSession, prepareSession, requireRoom } from "./session-opening.ts";
import { requireCapability } from "./work-opening.ts";

/** Exactly one of the two says what the next leg costs. */
export interface ExtendSession {
  readonly tier: number | "next" | undefined;
  readonly quote: NamedQuote | undefined;
  readonly idempotencyKey: string | undefined;
}

export interface ExtendedSession {
  readonly view: SessionView;
  readonly previousId: string;
  readonly isActivated: boolean;
}

/** A leg has one continuation: its id is the key under which that is opened. */
const OPERATION = "sessions.extend";
const ATTEMPTS_MAX = 10;

export async function extendSession(
  context: SessionContext,
  caller: Caller,
  id: string,
  command: ExtendSession,
): Promise<ExtendedSession> {
  const view = await requireOwn(context, caller, id);
  const earlier = await findEarlier(context, view, command);
  if (earlier) return { view: earlier, previousId: id, isActivated: isActive(earlier) };
  requireExtensible(context, view);
  const terms = termsOf(caller, view, command);
  const next = await toNext(context, caller, view, terms);
  await requireRoom(context, caller);
  const prepared = await prepare(context, caller, next, view, command);
  if (isOpen(view.work.state)) await settleAndOpen(context, caller, view, prepared);
  else await openOnly(context, caller, view, prepared);
  return activate(context, caller, next.id, id);
}

/** What the same request opened before. */
async function findEarlier(
  { database }: SessionContext,
  view: SessionView,
  command: ExtendSession,
): Promise<SessionView | undefined> {
  if (command.idempotencyKey === undefined) return undefined;
  const { id, workspaceId } = view.session;
  const opening = { workspaceId, operation: OPERATION, idempotencyKey: id };
  const opened = await findOpenedWork(database, opening);
  if (!opened || opened.requestHash !== hashOf(command)) return undefined;
  return findSessionView(database, opened.workId);
}

/** Throws why this leg cannot be gone on from. */
function requireExtensible({ clock }: SessionContext, { work, ending }: SessionView): void {
  if (work.state === "active") return;
  if (work.state === "pending" || work.state === "interrupted") {
    throw new Fault("not_active", `The session is not active (status='${work.state}')`);
  }
  if (ending?.reason === "abandoned") {
    throw new Fault("abandoned_not_resumable", "The session was abandoned; open a new one.");
  }
  if (ending?.reason !== "max_messages" || ending.continuationId) throw notResumable();
  const agoMs = clock.now().getTime() - ending.at.getTime();
  if (agoMs <= SESSION_CLOCK.resumeMs) return;
  throw new Fault("resume_window_exceeded", "The session ended too long ago to be gone on from.", {
    windowSeconds: SESSION_CLOCK.resumeMs / 1000,
  });
}

function notResumable(): Fault {
  return new Fault("not_resumable", "The session did not end at its cap; open a new one.");
}

/** Step 1. */
function termsOf(
  caller: Caller,
  { session }: SessionView,
  { tier, quote }: ExtendSession,
): SessionTerms {
  const { schedule, messagesMax, terms } = session;
  if (quote) return namedTerms(quote, schedule, messagesMax);
  const later = laterTerms(schedule, terms, tier ?? "next");
  // Somebody agreed to the first leg's price and not to this one's; a quote says that they do.
  if ((holdMicrosOf(later, messagesMax) ?? 0n) <= caller.chainCeilingMicros) return later;
  throw new Fault(
    "consent_ceiling_exceeded",
    "This tier costs more than is spent without asking. Extend with an explicit quote instead.",
  );
}

async function toNext(
  context: SessionContext,
  caller: Caller,
  { session }: SessionView,
  terms: SessionTerms,
): Promise<Session> {
  const agent = await findAgent(context.database, session.agentId);
  if (!agent)
    throw new Fault("not_found", "No such agent.", { kind: "agent", id: session.agentId });
  await requireCapability(context.database, agent, caller, session.capability);
  return {
    ...session,
    id: newId(context.clock, context.random),
    previousId: session.id,
    keyId: caller.keyId,
    terms,
    feeBasisPoints: context.feeBasisPoints,
    createdAt: context.clock.now(),
  };
}

/** Step 2. */
async function prepare(
  context: SessionContext,
  caller: Caller,
  next: Session,
  view: SessionView,
  command: ExtendSession,
): Promise<PreparedSession> {
  const ceilingMicros = await ceilingOf(context.database, next.chainId);
  const { chainId: id, parentId } = next;
  const chain = { id, parentId, ceilingMicros, isNew: false };
  return prepareSession(context, caller, next, chain, {
    operation: OPERATION,
    idempotencyKey: view.session.id,
    requestHash: hashOf(command),
  });
}

/** Step 3, of a leg that is still open. */
async function settleAndOpen(
  context: SessionContext,
  caller: Caller,
  view: SessionView,
  prepared: PreparedSession,
): Promise<void> {
  const { id } = view.session;
  const continuationId = prepared.work.id;
  if (!(await markClosed(context, view, "extend", { continuationId }))) {
    await finishClosing(context, id);
    throw notResumable();
  }
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const current = await requireView(context, id);
    // It was interrupted in this moment, or took so long that somebody else gave it up.
    const isOurs = current.ending?.continuationId === continuationId;
    if (!isOurs || current.work.state !== "active") break;
    const later = { deadlineAt: lookLater(context), processId: context.processId };
    const { work, steps } = decideSession(current, "extend", later);
    const command: Command = {
      keyId: caller.keyId,
      work,
      also: [prepared.work],
      steps: [...steps, ...prepared.steps],
    };
    const committed = await context.ledger.commit(command);
    if (committed.ok) {
      await tellEnd(context, await requireView(context, id));
      return;
    }
    if (committed.refusal.code === "version_conflict") continue;
    if (committed.refusal.code === "already_opened") break;
    await reopenLog(context.database, id, continuationId);
    throw await openingFault(context.database, committed.refusal, {
      ...prepared.asked,
      at: context.clock.now(),
    });
  }
  await reopenLog(context.database, id, continuationId);
  throw new Fault("not_active", "The session is not active just now.");
}

/** Step 3, of a leg that ended at its cap. */
async function openOnly(
  context: SessionContext,
  caller: Caller,
  view: SessionView,
  prepared: PreparedSession,
): Promise<void> {
  const { work, steps, asked } = prepared;
  const committed = await context.ledger.commit({ keyId: caller.keyId, work, steps });
  if (!committed.ok) {
    if (committed.refusal.code === "already_opened") throw notResumable();
    throw await openingFault(context.database, committed.refusal, {
      ...asked,
      at: context.clock.now(),
    });
  }
  await noteContinuation(context.database, view.session.id, work.id);
}

/** Step 4. */
async function activate(
  context: SessionContext,
  caller: Caller,
  id: string,
  previousId: string,
): Promise<ExtendedSession> {
  try {
    const view = await activateSession(context, caller, id);
    return { view, previousId, isActivated: true };
  } catch (error) {
    // It is open either way; what keeps its provider from it is told when it is activated again.
    if (!(error instanceof Fault)) throw error;
    const view = await requireView(context, id);
    return { view, previousId, isActivated: isActive(view) };
  }
}

function isActive({ work }: SessionView): boolean {
  return work.state === "active";
}

async function requireView({ database }: SessionContext, id: string): Promise<SessionView> {
  const view = await findSessionView(database, id);
  if (!view) throw noSession(id);
  return view;
}

function hashOf({ tier, quote, idempotencyKey }: ExtendSession): string {
  const named = quote && [quote.shape, `${quote.amountMicros}`, `${quote.ceilingMicros ?? ""}`];
  return sha256Hex(JSON.stringify([tier ?? null, named ?? null, idempotencyKey ?? null]));
}
