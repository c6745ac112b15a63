/**
 * Open quotes (LinkedClaw contract §10.4).
 *
 *   1. While the session is pending, its provider proposes an estimate and a ceiling for what it was
 *      briefed on. A later proposal replaces it.
 *   2. The requester accepts one: the ceiling is held. Nothing is proposed after that.
 *   3. After the work the provider sends one bill, within the ceiling. It is paid when the requester
 *      accepts it, at once where it is small enough for that, or when nobody looked at it for long.
 */

import { walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { SESSION_CLOCK } from "../domain/session-clock.ts";
import { decideSession } from "../domain/session-settlement.ts";
import { budgetsOf } from "../domain/spending.ts";
import { newId } from "../lib/random.ts";
import { findSessionView } from "../store/session.ts";
import {
  deleteInvoice,
  findQuote,
  insertInvoice,
  acceptQuote as markAccepted,
  type SessionQuote,
  upsertQuote,
  withdrawAcceptance,
} from "../store/session-quote.ts";
import type { SessionView } from "../store/session-rows.ts";
import { ceilingOf } from "./chain.ts";
import { budgetId } from "./ledger.ts";
import { openingFault } from "./opening-refusal.ts";
import { logEnd } from "./session-closing.ts";
import {
  changeSession,
  lookLater,
  noSession,
  requireOwn,
  type SessionContext,
  tellLog,
} from "./session-context.ts";

export interface QuoteDraft {
  readonly amountMicros: bigint;
  readonly ceilingMicros: bigint;
  /** JSON. */
  readonly lines: unknown;
  readonly note: string | undefined;
}

export interface BillDraft {
  readonly totalMicros: bigint;
  readonly lines: unknown;
  readonly note: string | undefined;
}

/** A hundred million US dollars: what is more is a mistake. */
const AMOUNT_MICROS_MAX = 100_000_000_000_000n;
const LINES_BYTES_MAX = 16_384;
const ATTEMPTS_MAX = 10;

/** Step 1. Throws `invalid_request`; `conflict` where nothing is to be proposed. */
export async function proposeQuote(
  context: SessionContext,
  view: SessionView,
  draft: QuoteDraft,
): Promise<SessionQuote> {
  const { session, work, hold } = view;
  if (session.terms.shape !== "open_quote" || work.state !== "pending" || hold) {
    throw new Fault("conflict", "There is nothing to be quoted in this session.");
  }
  const { amountMicros, ceilingMicros, note } = draft;
  requireAmount(amountMicros);
  requireAmount(ceilingMicros);
  if (amountMicros > ceilingMicros) {
    throw invalid("max_credits", "The ceiling is below the estimate.");
  }
  const lines = linesText(draft.lines);
  const proposedAt = context.clock.now();
  const proposed = { sessionId: session.id, amountMicros, ceilingMicros, lines, note, proposedAt };
  const quote = await upsertQuote(context.database, proposed);
  if (!quote) throw new Fault("conflict", "A proposal was accepted already.");
  await tellLog(context, session.id, "quoted", {
    revision: quote.revision,
    amountMicros: amountMicros.toString(),
    ceilingMicros: ceilingMicros.toString(),
    ...(lines !== undefined && { lines: JSON.parse(lines) as unknown }),
    ...(note !== undefined && { note }),
  });
  context.changes.changed(session.id);
  return quote;
}

export interface AcceptQuote {
  /** Whether this is the proposal that the caller has in mind. */
  readonly isMeant: (quote: SessionQuote) => boolean;
  readonly silentBoundMicros: bigint | undefined;
}

/** Step 2. Accepting the same again changes nothing. */
export async function acceptQuote(
  context: SessionContext,
  caller: Caller,
  id: string,
  command: AcceptQuote,
): Promise<SessionView> {
  const view = await requireOwn(context, caller, id);
  const quote = await findQuote(context.database, id);
  if (!quote) throw new Fault("not_found", "Nothing was proposed yet.", { kind: "quote", id });
  if (!command.isMeant(quote)) throw mismatch();
  if (view.hold) return view;
  if (view.work.state !== "pending") throw notPending(view);
  const at = quote.acceptedAt ?? context.clock.now();
  const { silentBoundMicros } = command;
  const accepted = { revision: quote.revision, at, silentBoundMicros };
  if (!quote.acceptedAt && !(await markAccepted(context.database, id, accepted))) {
    const now = await findQuote(context.database, id);
    if (now?.revision !== quote.revision) throw mismatch();
  }
  return hold(context, caller, view, { ...quote, acceptedAt: at });
}

async function hold(
  context: SessionContext,
  caller: Caller,
  view: SessionView,
  quote: SessionQuote & { readonly acceptedAt: Date },
): Promise<SessionView> {
  const { id, chainId, feeBasisPoints } = view.session;
  const now = context.clock.now();
  const ceilingMicros = await ceilingOf(context.database, chainId);
  const budgets = budgetsOf(caller, { id: chainId, ceilingMicros }, now, budgetId);
  await context.ledger.ensureBudgets(budgets);
  const terms = {
    ...{ id, workId: id, accountId: walletOf(view.session.workspaceId), feeBasisPoints },
    ...{ budgetIds: budgets.map((budget) => budget.id), deadlineAt: undefined },
  };
  const amountMicros = quote.ceilingMicros;
  let current = view;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    if (current.hold) return current;
    if (current.work.state !== "pending" || current.log.closing) throw notPending(current);
    const lookAt = new Date(now.getTime() + SESSION_CLOCK.pendingMs);
    const next = { deadlineAt: lookAt, processId: context.processId };
    const { work } = decideSession(current, "agree", next);
    const committed = await context.ledger.commit({
      keyId: caller.keyId,
      work,
      steps: [{ kind: "open-hold", hold: terms, amountMicros }],
    });
    if (!committed.ok && committed.refusal.code !== "version_conflict") {
      await withdrawAcceptance(context.database, id, quote.acceptedAt);
      const at = context.clock.now();
      const asked = { neededMicros: amountMicros, chainId, budgets, at };
      throw await openingFault(context.database, committed.refusal, asked);
    }
    current = (await findSessionView(context.database, id)) ?? view;
  }
  throw new Error(`session ${id} lost every race for its quote`);
}

/** Step 3. Throws `not_active`, `invoice_exceeds_ceiling`, `conflict` for a second one. */
export async function submitBill(
  context: SessionContext,
  view: SessionView,
  draft: BillDraft,
): Promise<SessionView> {
  const { session, work, hold: held } = view;
  if (work.state !== "awaiting_invoice" || !held) {
    throw new Fault("not_active", "This session does not wait for a bill.");
  }
  const { totalMicros, note } = draft;
  requireAmount(totalMicros);
  if (totalMicros > held.amountMicros) {
    throw new Fault("invoice_exceeds_ceiling", "The bill is above what was agreed on.");
  }
  const lines = linesText(draft.lines);
  // Whoever ended it may have died before the log was told. Told already, nothing changes.
  await logEnd(context, view);
  const submittedAt = context.clock.now();
  const id = newId(context.clock, context.random);
  const invoice = { id, sessionId: session.id, totalMicros, lines, note, submittedAt };
  if (!(await insertInvoice(context.database, invoice))) {
    throw new Fault("conflict", "This session was billed already.");
  }
  const billed = await changeSession(context, view, "bill", {
    isWanted: (current) => current.work.state === "awaiting_invoice",
    lookAt: new Date(submittedAt.getTime() + SESSION_CLOCK.reviewMs),
  });
  const isPaid = !billed && (await wasPaid(context, session.id, totalMicros));
  if (!billed && !isPaid) {
    await deleteInvoice(context.database, id);
    throw new Fault("not_active", "This session does not wait for a bill any more.");
  }
  await tellLog(context, session.id, "invoiced", {
    invoiceId: id,
    totalMicros: totalMicros.toString(),
    ...(note !== undefined && { note }),
  });
  context.changes.changed(session.id);
  if (isPaid) return requireView(context, session.id);
  const bound = (await findQuote(context.database, session.id))?.silentBoundMicros;
  const isSilent = bound !== undefined && totalMicros <= bound;
  return isSilent ? settleBill(context, session.id, "settle") : requireView(context, session.id);
}

/** Whether the requester saw the bill and accepted it before it was noted that one is there. */
async function wasPaid(context: SessionContext, id: string, totalMicros: bigint): Promise<boolean> {
  const { work, hold: held } = await requireView(context, id);
  return work.state === "ended" && held?.capturedMicros === totalMicros;
}

/** Pays the bill, or sets everything free where there came none. What is over stays as it is. */
export async function settleBill(
  context: SessionContext,
  id: string,
  event: "settle" | "lapse",
): Promise<SessionView> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const view = await requireView(context, id);
    if (view.work.state !== "awaiting_invoice") return view;
    // A bill that came in this moment has its own time.
    if (event === "lapse" && view.invoice) return view;
    // What is settled is over: its log says so first, whoever died before telling it.
    await logEnd(context, view);
    const next = { deadlineAt: lookLater(context), processId: context.processId };
    const { work, steps } = decideSession(view, event, next);
    const committed = await context.ledger.commit({ keyId: undefined, work, steps });
    if (committed.ok) {
      const after = await requireView(context, id);
      const settledMicros = after.hold?.capturedMicros ?? 0n;
      await tellLog(context, id, "settled", { settledMicros: settledMicros.toString() });
      context.changes.changed(id);
      return after;
    }
    if (committed.refusal.code !== "version_conflict") {
      throw new Error(`settling session ${id} was refused: ${committed.refusal.code}`);
    }
  }
  throw new Error(`session ${id} lost every race to be settled`);
}

async function requireView({ database }: SessionContext, id: string): Promise<SessionView> {
  const view = await findSessionView(database, id);
  if (!view) throw noSession(id);
  return view;
}

export function notPending({ work }: SessionView): Fault {
  return new Fault("not_pending", `Session is not pending (status='${work.state}')`);
}

function mismatch(): Fault {
  return new Fault("quote_mismatch", "This is not what was proposed last. Look at it again.");
}

function requireAmount(micros: bigint): void {
  if (micros >= 0n && micros <= AMOUNT_MICROS_MAX) return;
  throw invalid("amount", "The amount is out of bounds.");
}

function linesText(lines: unknown): string | undefined {
  if (lines === undefined || lines === null) return undefined;
  const text = JSON.stringify(lines);
  if (Buffer.byteLength(text) <= LINES_BYTES_MAX) return text;
  throw invalid("line_items", `The items take up more than ${LINES_BYTES_MAX} bytes.`);
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
