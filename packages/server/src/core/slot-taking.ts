/**
 * Takes a seat of a broadcast for an agent.
 *
 *   1. Whether it may: the broadcast gives seats, the agent does what is asked, and has none yet.
 *   2. A free seat is chosen; the row that says who wants it is written.
 *   3. One command closes the seat's hold and opens the slot with its own, and with the agent's stake.
 *
 * Two that want the same seat meet at step 3: the hold closes once, and the other one looks again.
 */
import { walletOf } from "../domain/account.ts";
import type { Agent } from "../domain/agent.ts";
import { type Broadcast, type Seat, seatOf } from "../domain/broadcast.ts";
import type { Budget } from "../domain/budget.ts";
import type { Caller } from "../domain/caller.ts";
import type { Refusal } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import { executeBy, isSlotOver, type Slot, takingSteps } from "../domain/slot.ts";
import { limitBudgetsOf } from "../domain/spending.ts";
import { newId, randomBelow } from "../lib/random.ts";
import { findBroadcast, findSeating } from "../store/broadcast.ts";
import { insertSlot, listSlotsOfAgent } from "../store/slot.ts";
import { announce, BROADCAST_LIMITS, type BroadcastContext } from "./broadcast-context.ts";
import { budgetId } from "./ledger.ts";
import { openingFault } from "./opening-refusal.ts";

export interface TakeSlot {
  readonly broadcastId: string;
  readonly agentId: string;
  /** Which seat, where they have names. */
  readonly slotKey: string | undefined;
  /** Whether the agent asked over its connection, and will answer there. */
  readonly byLink: boolean;
}

/** As often as all seats of a broadcast can be taken by others between looking and taking. */
const ATTEMPTS_MAX = 2 * BROADCAST_LIMITS.targetMax;

/**
 * The agent's slot: the one it has, or a new one. Throws `not_found`, `forbidden` for the requester's
 * own agents, `capability_not_supported`, `broadcast_full`, `broadcast_closed`, `insufficient_stake`.
 */
export async function takeSlot(
  context: BroadcastContext,
  caller: Caller,
  command: TakeSlot,
): Promise<Slot> {
  const agent = await requireWorker(context, caller, command.agentId);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const broadcast = await findBroadcast(context.database, command.broadcastId);
    if (!broadcast) throw noSuchBroadcast(command.broadcastId);
    checkFit(broadcast, agent);
    const slots = await listSlotsOfAgent(context.database, broadcast.id, agent.id);
    const live = slots.find(({ state }) => !isSlotOver(state));
    if (live) return sameSlot(live, command);
    await checkOpen(context, broadcast, slots);
    const seat = await chooseSeat(context, broadcast, command.slotKey);
    const taken = await takeSeat(context, caller, { command, agent, broadcast, seat, slots });
    if (taken) return taken;
  }
  throw new Fault("overloaded", "Too many want this at once.", { retryAfterSeconds: 1 });
}

export function noSuchBroadcast(id: string): Fault {
  return new Fault("not_found", "No such task.", { kind: "broadcast", id });
}

export async function requireWorker(
  { agents }: BroadcastContext,
  caller: Caller,
  agentId: string,
): Promise<Agent> {
  const agent = await agents.requireOwned(caller, agentId);
  if (agent.suspendedAt) throw new Fault("suspended", "This agent is suspended by the operator.");
  return agent;
}

function checkFit(broadcast: Broadcast, agent: Agent): void {
  if (agent.workspaceId === broadcast.workspaceId) {
    throw new Fault("forbidden", "One's own agents do not work on one's own task.");
  }
  if (!agent.capabilities.some(({ slug }) => slug === broadcast.capability)) {
    throw new Fault("capability_not_supported", "This agent does not offer that capability.");
  }
}

/** An agent has one slot at a time, and may try again a few times where one came to nothing. */
async function checkOpen(
  { clock, mandates }: BroadcastContext,
  broadcast: Broadcast,
  slots: readonly Slot[],
): Promise<void> {
  if (slots.some(({ state }) => state === "approved")) {
    throw new Fault("conflict", "This agent's result was approved already.");
  }
  const isOpen = broadcast.state === "open" && clock.now() < broadcast.deadlineAt;
  if (!isOpen || (await mandates.isRevoked(broadcast.mandateId))) throw closed();
  if (slots.length >= BROADCAST_LIMITS.slotsPerAgentMax) {
    throw new Fault("conflict", "This agent has tried often enough.");
  }
}

function closed(): Fault {
  return new Fault("broadcast_closed", "The task takes nobody any more.");
}

/** The live slot of an agent that asks again; for another seat, it would need another agent. */
function sameSlot(slot: Slot, { slotKey }: TakeSlot): Slot {
  if (slotKey === undefined || slotKey === slot.slotKey) return slot;
  throw new Fault("conflict", "This agent has another slot of the task already.");
}

async function chooseSeat(
  { database, random }: BroadcastContext,
  broadcast: Broadcast,
  slotKey: string | undefined,
): Promise<Seat> {
  const { openHoldIds } = await findSeating(database, broadcast.id);
  const free = openHoldIds.flatMap((id) => seatOf(id) ?? []);
  const wanted = slotKey === undefined ? free : free.filter(isNamed(broadcast, slotKey));
  const seat = wanted[wanted.length > 1 ? randomBelow(random, wanted.length) : 0];
  if (!seat) throw new Fault("broadcast_full", "Every slot of the task is taken.");
  return seat;
}

function isNamed({ slotKeys }: Broadcast, slotKey: string): (seat: Seat) => boolean {
  const index = slotKeys?.indexOf(slotKey) ?? -1;
  if (index < 0) {
    throw new Fault("invalid_request", "The task has no slot of that key.", { field: "slot_key" });
  }
  return ({ seat }) => seat === index + 1;
}

interface Taking {
  readonly command: TakeSlot;
  readonly agent: Agent;
  readonly broadcast: Broadcast;
  readonly seat: Seat;
  /** The agent's earlier ones. */
  readonly slots: readonly Slot[];
}

/** `undefined` where another one was faster and it has to look again. */
async function takeSeat(
  context: BroadcastContext,
  caller: Caller,
  { command, agent, broadcast, seat, slots }: Taking,
): Promise<Slot | undefined> {
  const { database, clock, ledger } = context;
  const now = clock.now();
  const budgets = stakeBudgets(caller, broadcast, now);
  const slot: Slot = {
    id: newId(clock, context.random),
    ...seat,
    broadcastId: broadcast.id,
    workspaceId: broadcast.workspaceId,
    agentId: agent.id,
    providerWorkspaceId: agent.workspaceId,
    keyId: caller.keyId,
    slotKey: broadcast.slotKeys?.[seat.seat - 1],
    byLink: command.byLink,
    stakeBudgetIds: budgets.map(({ id }) => id),
    executeBy: executeBy(broadcast, now),
    createdAt: now,
    state: "accepted",
    version: 0,
    deadlineAt: executeBy(broadcast, now),
  };
  await Promise.all([insertSlot(database, slot), ledger.ensureBudgets(budgets)]);
  const opening = {
    workspaceId: broadcast.workspaceId,
    operation: "broadcasts.accept",
    // So that an agent that asks twice at once gets one slot.
    idempotencyKey: `${broadcast.id}/${agent.id}/${slots.length}`,
    requestHash: undefined,
  };
  const committed = await ledger.commit({
    keyId: caller.keyId,
    work: {
      ...{ id: slot.id, shape: "slot", expectedVersion: 0, state: slot.state },
      ...{ deadlineAt: slot.deadlineAt, processId: undefined, attempt: 1, opening },
    },
    steps: takingSteps(broadcast, slot),
  });
  if (committed.ok) {
    announce(context, broadcast.id);
    return { ...slot, version: committed.version };
  }
  const { code } = committed.refusal;
  // It may have got another slot at the same moment, which it finds when it looks again.
  if (code === "hold_closed" || code === "already_opened") return undefined;
  throw await refusalOf(context, broadcast, committed.refusal, budgets);
}

/** The agent's owner may lose its stake, so its own limits hold for it. */
function stakeBudgets(caller: Caller, { stakeMicros }: Broadcast, now: Date): readonly Budget[] {
  if (stakeMicros === 0n) return [];
  const { keyId, keyLimits, workspaceId, workspaceLimits } = caller;
  return [
    ...(keyId ? limitBudgetsOf("key", keyId, keyLimits, now, budgetId) : []),
    ...limitBudgetsOf("workspace", workspaceId, workspaceLimits, now, budgetId),
  ];
}

/** What is said of the requester's money is that the task is closed: it is nobody else's business. */
async function refusalOf(
  { database, clock }: BroadcastContext,
  broadcast: Broadcast,
  refusal: Refusal,
  budgets: readonly Budget[],
): Promise<Fault> {
  const isMoney = refusal.code === "insufficient_funds" || refusal.code === "account_frozen";
  if (isMoney) {
    if (refusal.accountId === walletOf(broadcast.workspaceId)) return closed();
    return new Fault("insufficient_stake", "The wallet does not have the stake that this takes.");
  }
  if (refusal.code === "budget_exceeded" && !budgets.some(({ id }) => id === refusal.budgetId)) {
    return closed();
  }
  const { chainId, stakeMicros: neededMicros } = broadcast;
  return openingFault(database, refusal, { neededMicros, chainId, budgets, at: clock.now() });
}
