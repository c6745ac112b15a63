/** Sessions, as those who pay for them and those who serve them see them. */
import { LIMITS } from "@guildhall/protocol";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isOver, type Session, type SessionState } from "../domain/session.ts";
import { idleUntil } from "../domain/session-clock.ts";
import { newId } from "../lib/random.ts";
import { claimRequestKey } from "../store/request-key.ts";
import { findSessionView, listSessionViews } from "../store/session.ts";
import type { EventPage, LogOutcome } from "../store/session-log.ts";
import {
  findInvoice,
  findQuote,
  insertFlag,
  type SessionInvoice,
  type SessionQuote,
} from "../store/session-quote.ts";
import type { SessionView } from "../store/session-rows.ts";
import { sha256Hex } from "./run-context.ts";
import { activateSession } from "./session-activation.ts";
import { closeSession } from "./session-closing.ts";
import {
  noSession,
  requireOwn,
  requireServed,
  requireSession,
  requireUnrevoked,
  type SessionContext,
} from "./session-context.ts";
import { type ExtendedSession, type ExtendSession, extendSession } from "./session-extension.ts";
import { type OpenSession, openSession } from "./session-opening.ts";
import {
  type AcceptQuote,
  acceptQuote,
  type BillDraft,
  proposeQuote,
  type QuoteDraft,
  settleBill,
  submitBill,
} from "./session-quote.ts";

export interface SendMessage {
  /** The caller's own number of the message: the same number with the same body is the same message. */
  readonly seq: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface SentMessage {
  readonly seq: number;
  readonly position: number;
  readonly used: number;
  readonly messagesMax: number;
}

export interface SessionPage {
  readonly sessions: readonly SessionView[];
  /** Hand it in again for the next page; `undefined` on the last one. */
  readonly cursor: string | undefined;
}

/** Each throws `not_found` where there is no such session, or it is not the caller's to see. */
export interface Sessions {
  /** Opens a session and holds what it can cost at most. Its provider is not asked yet. */
  open(caller: Caller, command: OpenSession): Promise<SessionView>;
  /**
   * Asks the provider to take it, and waits for that. Throws `not_pending`, `quote_not_accepted`,
   * `provider_offline`, `acceptance_timeout`; `work_declined`, after which everything is free again.
   */
  activate(caller: Caller, id: string): Promise<SessionView>;
  list(caller: Caller, page: ListSessions): Promise<SessionPage>;
  require(caller: Caller, id: string): Promise<SessionView>;
  /** Throws `not_active`, `message_cap_reached`, `sequence_conflict`, `payload_too_large`, `rate_limited`. */
  send(caller: Caller, id: string, message: SendMessage): Promise<SentMessage>;
  /** What was said and what happened, from a position on. */
  read(caller: Caller, id: string, from: number, limit: number): Promise<EventPage>;
  /** Settles it. Throws `not_active`. */
  end(caller: Caller, id: string, detail: EndSession): Promise<SessionView>;
  /** Gives everything back. What is over stays as it is. Throws `forbidden` for its provider. */
  cancel(caller: Caller, id: string, command: CancelSession): Promise<SessionView>;
  /**
   * Settles this leg and opens another one with the same provider, in one step; or, where this one ended
   * at its cap not long ago, only opens another. Then asks the provider to take it.
   */
  extend(caller: Caller, id: string, command: ExtendSession): Promise<ExtendedSession>;
  proposal(caller: Caller, id: string): Promise<SessionQuote>;
  propose(caller: Caller, id: string, draft: QuoteDraft): Promise<SessionQuote>;
  acceptProposal(caller: Caller, id: string, command: AcceptQuote): Promise<SessionView>;
  invoice(caller: Caller, id: string): Promise<{ invoice: SessionInvoice; view: SessionView }>;
  bill(caller: Caller, id: string, draft: BillDraft): Promise<SessionView>;
  /** Pays the bill. Paying a paid one changes nothing. */
  acceptInvoice(caller: Caller, id: string, invoiceId: string): Promise<SessionView>;
  /** Keeps a provider's complaint. It moves no money. */
  flag(
    caller: Caller,
    id: string,
    flag: { reason: string; note: string | undefined },
  ): Promise<void>;
  /** When a session that nobody touches is settled; `undefined` where that never happens. */
  idleUntil(view: SessionView): Date | undefined;
}

export interface ListSessions {
  readonly side: "requester" | "provider";
  readonly state: SessionState | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface CancelSession {
  readonly mandateId: string | undefined;
  /** The same key with another request is refused as `idempotency_conflict`. */
  readonly idempotencyKey: string | undefined;
}

export interface EndSession {
  /** What the requester says it sent; kept, not believed. */
  readonly declaredCount: number | undefined;
  readonly finalOutput: string | undefined;
}

const FLAGS_MAX = 20;

export function createSessions(context: SessionContext): Sessions {
  const { database } = context;
  return {
    open: (caller, command) => openSession(context, caller, command),
    activate: (caller, id) => activateSession(context, caller, id),
    async list(caller, { side, state, limit, cursor }) {
      const { workspaceId } = caller;
      const filter = { workspaceId, side, state, beforeId: cursor, limit: limit + 1 };
      const views = await listSessionViews(database, filter);
      const sessions = views.slice(0, limit);
      return { sessions, cursor: views.length > limit ? sessions.at(-1)?.session.id : undefined };
    },
    require: (caller, id) => requireSession(context, caller, id),
    send: (caller, id, message) => send(context, caller, id, message),
    async read(caller, id, from, limit) {
      await requireParty(context, caller, id);
      return context.logs.read({ sessionId: id, from, limit });
    },
    async end(caller, id, detail) {
      const view = await requireOwn(context, caller, id);
      const { state } = view.work;
      if (state !== "active" && state !== "interrupted") throw notActive(state);
      const closed = await closeSession(context, view, "end", detail);
      if (!closed.isOurs) throw notActive(closed.view.work.state);
      return requireView(context, id);
    },
    async cancel(caller, id, command) {
      const view = await requireOwn(context, caller, id);
      await requireUnrevoked(context, caller, command.mandateId);
      await claimKey(context, caller, id, command);
      if (isOver(view.work.state)) return view;
      if (view.work.state === "awaiting_invoice") throw notActive(view.work.state);
      await closeSession(context, view, "cancel");
      return requireView(context, id);
    },
    extend: (caller, id, command) => extendSession(context, caller, id, command),
    ...quotes(context),
    idleUntil: ({ work, log }) =>
      work.state === "active" || work.state === "interrupted"
        ? idleUntil(log, context.settings.idleMs)
        : undefined,
  };
}

type QuoteCases =
  | "proposal"
  | "propose"
  | "acceptProposal"
  | "invoice"
  | "bill"
  | "acceptInvoice"
  | "flag";

function quotes(context: SessionContext): Pick<Sessions, QuoteCases> {
  const { database } = context;
  return {
    async proposal(caller, id) {
      await requireSession(context, caller, id);
      const quote = await findQuote(database, id);
      if (!quote) throw new Fault("not_found", "Nothing was proposed yet.", { kind: "quote", id });
      return quote;
    },
    async propose(caller, id, draft) {
      return proposeQuote(context, await requireServed(context, caller, id), draft);
    },
    acceptProposal: (caller, id, command) => acceptQuote(context, caller, id, command),
    async invoice(caller, id) {
      const view = await requireSession(context, caller, id);
      return { view, invoice: await requireInvoice(context, id) };
    },
    async bill(caller, id, draft) {
      return submitBill(context, await requireServed(context, caller, id), draft);
    },
    async acceptInvoice(caller, id, invoiceId) {
      await requireOwn(context, caller, id);
      const invoice = await requireInvoice(context, id);
      if (invoice.id !== invoiceId) throw noInvoice(id);
      return settleBill(context, id, "settle");
    },
    async flag(caller, id, { reason, note }) {
      await requireServed(context, caller, id);
      const { clock, random } = context;
      const flag = { id: newId(clock, random), sessionId: id, reason, note, at: clock.now() };
      if (await insertFlag(database, flag, FLAGS_MAX)) return;
      throw new Fault("conflict", "There is enough against this session already.");
    },
  };
}

async function claimKey(
  { database, clock }: SessionContext,
  { workspaceId }: Caller,
  id: string,
  { mandateId, idempotencyKey: key }: CancelSession,
): Promise<void> {
  if (key === undefined) return;
  const requestHash = sha256Hex(JSON.stringify([id, mandateId ?? null]));
  const used = { workspaceId, operation: "sessions.cancel", key, requestHash, at: clock.now() };
  if ((await claimRequestKey(database, used)) === requestHash) return;
  throw new Fault("idempotency_conflict", "This idempotency key came with another request.");
}

async function send(
  context: SessionContext,
  caller: Caller,
  id: string,
  { seq, payload }: SendMessage,
): Promise<SentMessage> {
  const session = await requireParty(context, caller, id);
  if (session.workspaceId !== caller.workspaceId) {
    throw new Fault("forbidden", "A session's provider replies; it does not send turns.");
  }
  const text = JSON.stringify(payload);
  if (Buffer.byteLength(text) > LIMITS.messageBytesMax) {
    const bytesMax = LIMITS.messageBytesMax;
    throw new Fault("payload_too_large", `A message has at most ${bytesMax} bytes.`, { bytesMax });
  }
  await context.files.check(caller.workspaceId, payload);
  const item = { sessionId: id, author: "requester", seq, payload: text } as const;
  const { outcome, position, used } = await context.logs.append(item);
  if (outcome === "added") await handOn(context, session, { seq, payload });
  else if (outcome !== "repeated") throw await refusalOf(context, id, outcome);
  return { seq, position, used, messagesMax: session.messagesMax };
}

/** A brief is said to a provider that does not serve the session yet, and brings along what it is about. */
async function handOn(
  context: SessionContext,
  session: Session,
  message: SendMessage,
): Promise<void> {
  if (session.terms.shape !== "open_quote") context.delivery.say(session, message);
  else await context.delivery.nudge(session);
}

/** The unchanging facts of a session that the caller is a side of. Throws `not_found`. */
async function requireParty(context: SessionContext, caller: Caller, id: string): Promise<Session> {
  const session = await context.findFacts(id);
  const isParty =
    session?.workspaceId === caller.workspaceId ||
    session?.providerWorkspaceId === caller.workspaceId;
  if (!session || !isParty) throw noSession(id);
  return session;
}

async function refusalOf(
  context: SessionContext,
  id: string,
  outcome: Exclude<LogOutcome, "added" | "repeated">,
): Promise<Fault> {
  switch (outcome) {
    case "unknown":
      return noSession(id);
    case "number_taken":
      return new Fault("sequence_conflict", "Another message has this number.");
    case "cap_reached":
      return new Fault("message_cap_reached", "All messages of this session were sent.");
    case "too_many_turns":
      return new Fault("rate_limited", "Too many messages wait for a reply.", {
        retryAfterSeconds: 1,
      });
    case "full": {
      const bytesMax = LIMITS.messageBytesMax;
      return new Fault("payload_too_large", "The session's log is full.", { bytesMax });
    }
    default: {
      const view = await findSessionView(context.database, id);
      return notActive(view?.work.state ?? "ended");
    }
  }
}

async function requireInvoice({ database }: SessionContext, id: string): Promise<SessionInvoice> {
  const invoice = await findInvoice(database, id);
  if (!invoice) throw noInvoice(id);
  return invoice;
}

async function requireView({ database }: SessionContext, id: string): Promise<SessionView> {
  const view = await findSessionView(database, id);
  if (!view) throw noSession(id);
  return view;
}

function noInvoice(id: string): Fault {
  return new Fault("not_found", "There is no such invoice.", { kind: "invoice", id });
}

function notActive(state: SessionState): Fault {
  return new Fault("not_active", `The session is not active (status='${state}')`);
}
