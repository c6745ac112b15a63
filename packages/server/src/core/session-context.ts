/** What the parts of the session engine share. */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { mandateStateOf } from "../domain/mandate.ts";
import type { Session, SessionEvent } from "../domain/session.ts";
import { firstLook } from "../domain/session-clock.ts";
import { decideSession } from "../domain/session-settlement.ts";
import { holdMicrosOf } from "../domain/session-terms.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { findMandate } from "../store/mandate.ts";
import { findSessionView } from "../store/session.ts";
import type { SystemEvent } from "../store/session-log.ts";
import type { SessionView } from "../store/session-rows.ts";
import type { InputFiles } from "./input-files.ts";
import type { Ledger } from "./ledger.ts";
import type { Bus, SessionDispatcher, ToldSession } from "./ports.ts";
import type { LinkEndings, LinkLocator } from "./run-context.ts";
import type { SessionChanges } from "./session-changes.ts";
import type { SessionDelivery } from "./session-delivery.ts";
import type { SessionLogs } from "./session-log.ts";

export interface SessionSettings {
  /** How long nobody may touch a live session before it is settled; 0 is for ever. */
  readonly idleMs: number;
  /** Sessions that one workspace may have open. */
  readonly openMax: number;
}

export interface SessionContext {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly bus: Bus;
  readonly dispatcher: SessionDispatcher;
  readonly links: LinkLocator & LinkEndings;
  readonly files: InputFiles;
  readonly processId: string;
  /** Whether processes whose lease has ended may be taken for dead now. */
  readonly mayTakeOver: () => boolean;
  readonly feeBasisPoints: number;
  readonly settings: SessionSettings;
  readonly logs: SessionLogs;
  readonly changes: SessionChanges;
  readonly delivery: SessionDelivery;
  /** What of a session does not change; asked for together, and remembered. */
  readonly findFacts: (id: string) => Promise<Session | undefined>;
}

/** Another process may have changed a session between reading and writing it, but not this often. */
const ATTEMPTS_MAX = 10;

/** A session for either side of it. Throws `not_found`. */
export async function requireSession(
  context: SessionContext,
  caller: Caller,
  id: string,
): Promise<SessionView> {
  const view = await findSessionView(context.database, id);
  const isParty =
    view?.session.workspaceId === caller.workspaceId ||
    view?.session.providerWorkspaceId === caller.workspaceId;
  if (!view || !isParty) throw noSession(id);
  return view;
}

/** A session for whoever pays for it. Throws `not_found`; `forbidden` for its provider. */
export async function requireOwn(
  context: SessionContext,
  caller: Caller,
  id: string,
): Promise<SessionView> {
  const view = await requireSession(context, caller, id);
  if (view.session.workspaceId === caller.workspaceId) return view;
  throw new Fault("forbidden", "Only whoever opened the session can do this.");
}

/** A session for whoever is paid for it. Throws `not_found`; `forbidden` for its requester. */
export async function requireServed(
  context: SessionContext,
  caller: Caller,
  id: string,
): Promise<SessionView> {
  const view = await requireSession(context, caller, id);
  if (view.session.providerWorkspaceId === caller.workspaceId) return view;
  throw new Fault("forbidden", "Only the session's provider can do this.");
}

/** A mandate is only noted, but not after it was taken back (LinkedClaw contract A-24). Throws `conflict`. */
export async function requireUnrevoked(
  { database, clock }: SessionContext,
  { workspaceId }: Caller,
  mandateId: string | undefined,
): Promise<void> {
  const mandate = mandateId === undefined ? undefined : await findMandate(database, mandateId);
  if (mandate?.workspaceId !== workspaceId) return;
  if (mandateStateOf(mandate, clock.now()) !== "revoked") return;
  throw new Fault("conflict", "The mandate was revoked.");
}

export function noSession(id: string): Fault {
  return new Fault("not_found", "No such session.", { kind: "session", id });
}

/** When to look at a session next, unless something comes before. */
export function lookLater(context: SessionContext): Date {
  return firstLook(context.settings.idleMs, context.clock.now());
}

/**
 * Does an event that leaves the session's log open, on the newest version. `undefined` where by then it
 * was not wanted any more.
 */
export async function changeSession(
  context: SessionContext,
  view: SessionView,
  event: Extract<SessionEvent, "keep" | "accept" | "interrupt" | "resume" | "bill">,
  options: {
    readonly isWanted: (view: SessionView) => boolean;
    readonly lookAt?: Date;
    readonly processId?: string | undefined;
  },
): Promise<SessionView | undefined> {
  let current: SessionView | undefined = view;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX && current; attempt++) {
    if (!options.isWanted(current)) return undefined;
    const { work, steps } = decideSession(current, event, {
      deadlineAt: options.lookAt ?? nextLook(context, current, event),
      processId: options.processId ?? context.processId,
    });
    const committed = await context.ledger.commit({ keyId: undefined, work, steps });
    if (committed.ok) {
      const { state, attempt: attempts, processId, deadlineAt } = work;
      const { version } = committed;
      return { ...current, work: { state, version, attempt: attempts, processId, deadlineAt } };
    }
    if (committed.refusal.code !== "version_conflict") {
      throw new Error(`session ${view.session.id} refused to ${event}: ${committed.refusal.code}`);
    }
    current = await findSessionView(context.database, view.session.id);
  }
  if (!current) return undefined;
  throw new Error(`session ${view.session.id} lost every race`);
}

/**
 * What befalls a session puts no look at it off: else a provider that comes and goes would keep what is
 * held for good. One that begins to be live is looked at by its own time.
 */
function nextLook(context: SessionContext, { work }: SessionView, event: SessionEvent): Date {
  const later = lookLater(context);
  const { deadlineAt } = work;
  return event === "accept" || !deadlineAt || deadlineAt > later ? later : deadlineAt;
}

/** Writes into the session's log what happened to it. Once: a repeat changes nothing. */
export async function tellLog(
  context: SessionContext,
  sessionId: string,
  kind: SystemEvent,
  payload: object = {},
): Promise<void> {
  await context.logs.append({
    sessionId,
    author: "system",
    kind,
    payload: JSON.stringify(payload),
  });
}

/** A session as its provider is told of it. */
export function toldSession({
  session,
  hold,
  quotedMicros,
}: Pick<SessionView, "session" | "hold" | "quotedMicros">): ToldSession {
  const { terms, messagesMax } = session;
  return {
    sessionId: session.id,
    capability: session.capability,
    requesterWorkspaceId: session.workspaceId,
    chainId: session.chainId,
    messagesMax,
    previousId: session.previousId,
    terms: {
      shape: terms.shape,
      amountMicros: quotedMicros ?? amountOf(terms),
      ceilingMicros: hold?.amountMicros ?? holdMicrosOf(terms, messagesMax),
      tierIndex: "tierIndex" in terms ? terms.tierIndex : undefined,
      tierName: "tierName" in terms ? terms.tierName : undefined,
    },
  };
}

function amountOf(terms: Session["terms"]): bigint {
  if (terms.shape === "free") return 0n;
  return terms.shape === "open_quote" ? terms.estimateMicros : terms.amountMicros;
}
