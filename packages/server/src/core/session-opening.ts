/**
 * Opens a session.
 *
 *   1. Who is to serve it, and for what price: the listing's, or one that the requester names.
 *   2. The chain that it belongs to.
 *   3. It is written down; without its work it is nothing.
 *   4. One command opens the work and holds the most that it can cost. An open quote holds nothing yet.
 *
 * Each refusal has done nothing.
 */
import { LIMITS } from "@guildhall/protocol";
import { walletOf } from "../domain/account.ts";
import type { Agent } from "../domain/agent.ts";
import type { Budget } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import type { HoldTerms, Step, WorkChange } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import type { Price } from "../domain/price.ts";
import type { Session } from "../domain/session.ts";
import { SESSION_CLOCK } from "../domain/session-clock.ts";
import {
  firstTerms,
  holdMicrosOf,
  type NamedQuote,
  namedTerms,
  type SessionTerms,
} from "../domain/session-terms.ts";
import { budgetsOf } from "../domain/spending.ts";
import { newId } from "../lib/random.ts";
import { findAgent } from "../store/agent.ts";
import { findSessionView, insertSession } from "../store/session.ts";
import type { SessionView } from "../store/session-rows.ts";
import { countLiveWork, findOpenedWork } from "../store/work.ts";
import { findWorkspace } from "../store/workspace.ts";
import { type JoinedChain, joinChain } from "./chain.ts";
import { budgetId } from "./ledger.ts";
import { openingFault } from "./opening-refusal.ts";
import { sha256Hex } from "./run-context.ts";
import { requireUnrevoked, type SessionContext } from "./session-context.ts";
import { requireCapability } from "./work-opening.ts";

/** A request for a session. */
export interface OpenSession {
  readonly agentId: string;
  readonly capability: string;
  readonly messagesMax: number;
  /** A price that the requester names instead of the listing's. */
  readonly quote: NamedQuote | undefined;
  /** The requester asks for a proposal; only where the capability is sold so. */
  readonly isOpenQuote: boolean;
  readonly referredBy: string | undefined;
  readonly mandateId: string | undefined;
  readonly chainId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

const OPERATION = "sessions.open";

export async function openSession(
  context: SessionContext,
  caller: Caller,
  command: OpenSession,
): Promise<SessionView> {
  try {
    return await openNew(context, caller, command);
  } catch (refusal) {
    // What would be refused now may have been opened before.
    const { idempotencyKey } = command;
    if (!idempotencyKey || !(refusal instanceof Fault)) throw refusal;
    const { workspaceId } = caller;
    const opening = { workspaceId, operation: OPERATION, idempotencyKey };
    const opened = await findOpenedWork(context.database, opening);
    if (!opened) throw refusal;
    return replay(context, opened, hashOf(command));
  }
}

async function openNew(
  context: SessionContext,
  caller: Caller,
  command: OpenSession,
): Promise<SessionView> {
  const agent = await findAgent(context.database, command.agentId);
  if (!agent)
    throw new Fault("not_found", "No such agent.", { kind: "agent", id: command.agentId });
  const { database } = context;
  const capability = await requireCapability(database, agent, caller, command.capability);
  const owner = await findWorkspace(database, agent.workspaceId);
  if (owner?.suspendedAt) {
    throw new Fault("provider_offline", "The agent cannot be hired at present.");
  }
  const terms = termsOf(command, capability.price);
  await requireUnrevoked(context, caller, command.mandateId);
  await requireRoom(context, caller);
  const now = context.clock.now();
  const id = newId(context.clock, context.random);
  const chain = await joinChain(context, caller, command.chainId, id);
  const session = toSession(context, { id, agent, caller, command, terms, chain, now });
  const prepared = await prepareSession(context, caller, session, chain, {
    operation: OPERATION,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.idempotencyKey ? hashOf(command) : undefined,
  });
  const committed = await context.ledger.commit({
    keyId: caller.keyId,
    offer: { agentId: agent.id, revision: agent.revision },
    work: prepared.work,
    steps: prepared.steps,
  });
  if (!committed.ok) {
    const { refusal } = committed;
    // Its price may be another since it was read.
    if (refusal.code === "offer_changed") return openNew(context, caller, command);
    if (refusal.code === "already_opened") return replay(context, refusal, hashOf(command));
    throw await openingFault(database, refusal, { ...prepared.asked, at: context.clock.now() });
  }
  const view = await findSessionView(database, id);
  if (!view) throw new Error(`session ${id} was opened and is not there`);
  return view;
}

/** Step 1. */
function termsOf({ quote, isOpenQuote, messagesMax }: OpenSession, price: Price): SessionTerms {
  if (isOpenQuote && price.kind !== "open-quote") {
    throw new Fault(
      "interaction_mode_not_supported",
      "This capability has a listed price; it is not sold by open quote.",
    );
  }
  if (quote && !isOpenQuote) return namedTerms(quote, price, messagesMax);
  return firstTerms(price);
}

/** Throws `rate_limited` where the workspace has as many open sessions as it may. */
export async function requireRoom(context: SessionContext, { workspaceId }: Caller): Promise<void> {
  const { openMax } = context.settings;
  if ((await countLiveWork(context.database, "session", workspaceId)) < openMax) return;
  throw new Fault("rate_limited", `A workspace has at most ${openMax} open sessions.`, {
    retryAfterSeconds: 60,
  });
}

/** What of a new session a command opens, once its rows are written. */
export interface PreparedSession {
  readonly work: WorkChange;
  readonly steps: readonly Step[];
  /** For wording a refusal. */
  readonly asked: {
    readonly neededMicros: bigint;
    readonly chainId: string;
    readonly budgets: readonly Budget[];
  };
}

/** Steps 3 and 4 but the command itself. */
export async function prepareSession(
  context: SessionContext,
  caller: Caller,
  session: Session,
  chain: JoinedChain,
  opening: Omit<NonNullable<WorkChange["opening"]>, "workspaceId">,
): Promise<PreparedSession> {
  const { id, workspaceId, createdAt } = session;
  const heldMicros = holdMicrosOf(session.terms, session.messagesMax);
  const isPaid = heldMicros !== undefined && heldMicros > 0n;
  const budgets = isPaid ? budgetsOf(caller, chain, createdAt, budgetId) : [];
  const [chainBudget, ...limits] = budgets;
  await insertSession(context.database, {
    session,
    isRoot: chain.isNew,
    chainBudget: chain.isNew ? chainBudget : undefined,
  });
  await context.ledger.ensureBudgets(chain.isNew ? limits : budgets);
  const hold: HoldTerms = {
    id,
    workId: id,
    accountId: walletOf(workspaceId),
    feeBasisPoints: session.feeBasisPoints,
    budgetIds: budgets.map((budget) => budget.id),
    // A session has no end that is known when it opens.
    deadlineAt: undefined,
  };
  return {
    work: {
      id,
      shape: "session",
      expectedVersion: 0,
      state: "pending",
      deadlineAt: new Date(createdAt.getTime() + SESSION_CLOCK.pendingMs),
      processId: context.processId,
      attempt: 0,
      opening: { workspaceId, ...opening },
    },
    steps: heldMicros === undefined ? [] : [{ kind: "open-hold", hold, amountMicros: heldMicros }],
    asked: { neededMicros: heldMicros ?? 0n, chainId: chain.id, budgets },
  };
}

function toSession(
  context: SessionContext,
  from: {
    readonly id: string;
    readonly agent: Agent;
    readonly caller: Caller;
    readonly command: OpenSession;
    readonly terms: SessionTerms;
    readonly chain: JoinedChain;
    readonly now: Date;
  },
): Session {
  const { id, agent, caller, command, terms, chain, now } = from;
  const { messagesMax } = command;
  if (messagesMax < 1 || messagesMax > LIMITS.sessionMessagesMax) {
    const message = `A session is for 1 to ${LIMITS.sessionMessagesMax} messages.`;
    throw new Fault("invalid_request", message, { field: "max_messages" });
  }
  return {
    id,
    workspaceId: caller.workspaceId,
    agentId: agent.id,
    providerWorkspaceId: agent.workspaceId,
    capability: command.capability,
    chainId: chain.id,
    parentId: chain.parentId,
    previousId: undefined,
    keyId: caller.keyId,
    terms,
    schedule: scheduleOf(agent, command.capability),
    messagesMax,
    feeBasisPoints: context.feeBasisPoints,
    referredBy: command.referredBy,
    mandateId: command.mandateId,
    createdAt: now,
  };
}

function scheduleOf(agent: Agent, slug: string): Price {
  return agent.capabilities.find((offered) => offered.slug === slug)?.price ?? { kind: "free" };
}

/** The same key with the same body is the same request, whatever became of it. */
async function replay(
  context: SessionContext,
  opened: { readonly workId: string; readonly requestHash: string | undefined },
  requestHash: string,
): Promise<SessionView> {
  if (opened.requestHash !== requestHash) {
    throw new Fault("idempotency_conflict", "This idempotency key came with another request.");
  }
  const view = await findSessionView(context.database, opened.workId);
  if (!view) throw new Error(`work ${opened.workId} has an idempotency key but no session`);
  return view;
}

function hashOf(command: OpenSession): string {
  const { agentId, capability, messagesMax, quote, isOpenQuote, mandateId, chainId } = command;
  const named = quote && [quote.shape, `${quote.amountMicros}`, `${quote.ceilingMicros ?? ""}`];
  const asked = [agentId, capability, messagesMax, named ?? null, isOpenQuote];
  return sha256Hex(JSON.stringify([...asked, mandateId ?? null, chainId ?? null]));
}
