/**
 * Slots: seats of a broadcast that an agent has taken.
 *
 *   1. A slot opens when a seat is taken. It has the seat's money, and the agent's stake where one is
 *      asked for.
 *   2. The agent hands its result in before the execution deadline, or says that it failed.
 *   3. The result is approved or rejected; approved by time, when nobody says anything for 72 hours.
 *   4. Approved, the agent is paid and has its stake back. Rejected, failed or not handed in, the
 *      stake goes to the requester, and the seat is free again.
 */
import { HOUSE_ACCOUNTS, walletOf } from "./account.ts";
import { BROADCAST_PAYMENT, type Broadcast, type Seat, seatHold } from "./broadcast.ts";
import { paymentMicros, seatMicros } from "./broadcast-payment.ts";
import type { HoldTerms, Step, WorkChange } from "./command.ts";
import { Fault } from "./fault.ts";

export type SlotState =
  | "accepted"
  | "submitted"
  | "approved"
  | "rejected"
  | "failed"
  | "expired"
  | "cancelled";
/** `pass` is a result that its schema approves as it comes in. */
export type SlotEvent = "submit" | "pass" | "approve" | "reject" | "fail" | "expire" | "cancel";

/** Every state times every event. `null` means the event is refused in that state. */
// biome-ignore format: read as a table
export const SLOT_TRANSITIONS: Record<SlotState, Record<SlotEvent, SlotState | null>> = {
  accepted:  { submit: "submitted", pass: "approved", approve: null,       reject: null,       fail: "failed", expire: "expired",  cancel: "cancelled" },
  submitted: { submit: null,        pass: null,       approve: "approved", reject: "rejected", fail: null,     expire: "approved", cancel: null },
  approved:  { submit: null,        pass: null,       approve: null,       reject: null,       fail: null,     expire: null,       cancel: null },
  rejected:  { submit: null,        pass: null,       approve: null,       reject: null,       fail: null,     expire: null,       cancel: null },
  failed:    { submit: null,        pass: null,       approve: null,       reject: null,       fail: null,     expire: null,       cancel: null },
  expired:   { submit: null,        pass: null,       approve: null,       reject: null,       fail: null,     expire: null,       cancel: null },
  cancelled: { submit: null,        pass: null,       approve: null,       reject: null,       fail: null,     expire: null,       cancel: null },
};

export interface Slot extends Seat {
  readonly id: string;
  readonly broadcastId: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly providerWorkspaceId: string;
  readonly keyId: string | undefined;
  readonly slotKey: string | undefined;
  /** Taken over the agent's connection, where it is told to begin and answers. */
  readonly byLink: boolean;
  readonly stakeBudgetIds: readonly string[];
  readonly executeBy: Date;
  readonly createdAt: Date;
  readonly state: SlotState;
  readonly version: number;
  /** `undefined` once the slot has ended. */
  readonly deadlineAt: Date | undefined;
}

/** The name of the transfer by which a stake is lost. */
export const STAKE_FORFEIT = "stake";

/** States in which an agent has lost its stake. Whom the requester cancels has done nothing wrong. */
const FORFEITING: ReadonlySet<SlotState> = new Set(["rejected", "failed", "expired"]);

export function isSlotOver(state: SlotState): boolean {
  return Object.values(SLOT_TRANSITIONS[state]).every((next) => next === null);
}

/** The work until the execution deadline, which is never after the broadcast's own. */
export function executeBy(broadcast: Broadcast, now: Date): Date {
  const limit = now.getTime() + broadcast.executeSeconds * 1000;
  return new Date(Math.min(limit, broadcast.deadlineAt.getTime()));
}

/** When a result that nobody judged is approved. */
export function reviewBy(broadcast: Broadcast, submittedAt: Date): Date {
  return new Date(submittedAt.getTime() + broadcast.reviewSeconds * 1000);
}

/** Takes a seat: its money moves from the broadcast's hold to the slot's, and the stake is held. */
export function takingSteps(broadcast: Broadcast, slot: Slot): readonly Step[] {
  const steps: Step[] = [
    { kind: "close-hold", hold: seatHold(broadcast, slot) },
    { kind: "open-hold", hold: slotHold(broadcast, slot), amountMicros: seatMicros(broadcast) },
  ];
  if (broadcast.stakeMicros === 0n) return steps;
  const stake = { hold: stakeHold(slot), amountMicros: broadcast.stakeMicros };
  return [...steps, { kind: "open-hold", ...stake }];
}

export function slotHold(broadcast: Broadcast, slot: Slot): HoldTerms {
  return {
    id: "hold",
    workId: slot.id,
    accountId: walletOf(broadcast.workspaceId),
    feeBasisPoints: broadcast.feeBasisPoints,
    budgetIds: broadcast.budgetIds,
    deadlineAt: reviewBy(broadcast, slot.executeBy),
  };
}

/** The agent's own money, under its own key's and workspace's limits: it may be lost. */
function stakeHold(slot: Slot): HoldTerms {
  return {
    id: "stake",
    workId: slot.id,
    accountId: walletOf(slot.providerWorkspaceId),
    feeBasisPoints: 0,
    budgetIds: slot.stakeBudgetIds,
    deadlineAt: undefined,
  };
}

export interface SlotDecision {
  /** Of an approval. */
  readonly score?: number | undefined;
  /** Of a submission: the work's next deadline. */
  readonly reviewBy?: Date | undefined;
  /** Whether the seat is free again where the slot came to nothing. */
  readonly isReopened: boolean;
}

/** What an event does to a slot: its next state and the steps that go with it. Throws `conflict`. */
export function decideSlot(
  broadcast: Broadcast,
  slot: Slot,
  event: SlotEvent,
  decision: SlotDecision,
): { work: WorkChange; steps: readonly Step[] } {
  const state = SLOT_TRANSITIONS[slot.state][event];
  if (state === null) {
    throw new Fault("conflict", `The result is ${slot.state}; it cannot ${event} any more.`);
  }
  const isOver = isSlotOver(state);
  return {
    work: {
      id: slot.id,
      shape: "slot",
      expectedVersion: slot.version,
      state,
      deadlineAt: isOver ? undefined : decision.reviewBy,
      processId: undefined,
      attempt: 1,
    },
    steps: isOver ? endingSteps(broadcast, slot, state, decision) : [],
  };
}

function endingSteps(
  broadcast: Broadcast,
  slot: Slot,
  state: SlotState,
  { score, isReopened }: SlotDecision,
): readonly Step[] {
  const hold = slotHold(broadcast, slot);
  const steps: Step[] = [];
  const amountMicros = state === "approved" ? paymentMicros(broadcast, score) : 0n;
  if (amountMicros > 0n) {
    steps.push({
      kind: "capture-hold",
      hold,
      amountMicros,
      toAccountId: walletOf(slot.providerWorkspaceId),
      feeAccountId: HOUSE_ACCOUNTS.fees,
      name: BROADCAST_PAYMENT,
    });
  }
  steps.push({ kind: "close-hold", hold }, ...stakeSteps(broadcast, slot, state));
  if (state === "approved" || !isReopened) return steps;
  const again = { seat: slot.seat, round: slot.round + 1 };
  const seat = { hold: seatHold(broadcast, again), amountMicros: seatMicros(broadcast) };
  return [...steps, { kind: "open-hold", ...seat }];
}

function stakeSteps(broadcast: Broadcast, slot: Slot, state: SlotState): readonly Step[] {
  if (broadcast.stakeMicros === 0n) return [];
  const hold = stakeHold(slot);
  const close: Step = { kind: "close-hold", hold };
  if (!FORFEITING.has(state)) return [close];
  const forfeit: Step = {
    kind: "capture-hold",
    hold,
    amountMicros: broadcast.stakeMicros,
    toAccountId: walletOf(broadcast.workspaceId),
    feeAccountId: HOUSE_ACCOUNTS.fees,
    name: STAKE_FORFEIT,
  };
  return [forfeit, close];
}
