/**
 * Broadcasts: one request that several agents answer, each paid for an accepted result.
 *
 *   1. A broadcast opens with all its money held: a hold for each seat, or one pot for the winner.
 *   2. An agent that takes a seat makes it a slot (domain/slot.ts): the seat's hold closes and the
 *      slot's own opens with the same amount, in one command. So a seat is taken once, whoever races.
 *   3. A seat whose slot came to nothing is free again, until the deadline.
 *   4. When all results are approved, at the deadline, or when it is cancelled, no seat is given any
 *      more and free seats go back. Results that wait for their verdict keep their money.
 *   5. Once no slot is live it is over, and the winner is paid where there is one.
 *
 * This file decides; the ledger compares and sets.
 */
import { HOUSE_ACCOUNTS, walletOf } from "./account.ts";
import type { SchemaReference } from "./agent.ts";
import {
  type ApprovedResult,
  type PaymentTerms,
  potMicros,
  prizeOf,
  seatMicros,
} from "./broadcast-payment.ts";
import type { HoldTerms, Step, WorkChange } from "./command.ts";
import { Fault } from "./fault.ts";

/** `cancelling` and `expiring` give no seats any more and wait for the verdicts that are due. */
export type BroadcastState =
  | "open"
  | "cancelling"
  | "expiring"
  | "completed"
  | "cancelled"
  | "expired";
export type BroadcastEvent = "complete" | "cancel" | "expire" | "finish";

/** Every state times every event. `null` means the event is refused in that state. */
// biome-ignore format: read as a table
export const BROADCAST_TRANSITIONS: Record<BroadcastState, Record<BroadcastEvent, BroadcastState | null>> = {
  open:       { complete: "completed", cancel: "cancelling", expire: "expiring", finish: null },
  cancelling: { complete: null,        cancel: null,         expire: null,       finish: "cancelled" },
  expiring:   { complete: null,        cancel: null,         expire: null,       finish: "expired" },
  completed:  { complete: null,        cancel: null,         expire: null,       finish: null },
  cancelled:  { complete: null,        cancel: null,         expire: null,       finish: null },
  expired:    { complete: null,        cancel: null,         expire: null,       finish: null },
};

export type Partition = "homogeneous" | "heterogeneous" | "slotted";
/** Who says that a result is good: the requester, or the schema by itself. */
export type Verifier = "requester" | "schema";

export interface Broadcast extends PaymentTerms {
  readonly id: string;
  readonly workspaceId: string;
  readonly mandateId: string;
  readonly capability: string;
  readonly chainId: string;
  /** The work that was being done when this was asked for, or `undefined` at a chain's root. */
  readonly parentId: string | undefined;
  readonly keyId: string | undefined;
  readonly resultSchema: SchemaReference | undefined;
  readonly verifier: Verifier;
  readonly partition: Partition;
  /** A slotted broadcast's seats have names, in the order of the seats. */
  readonly slotKeys: readonly string[] | undefined;
  readonly stakeMicros: bigint;
  readonly feeBasisPoints: number;
  readonly budgetIds: readonly string[];
  readonly requestDigest: string;
  /** How long an agent has for its work once it took a seat, and a requester for a verdict. */
  readonly executeSeconds: number;
  readonly reviewSeconds: number;
  readonly deadlineAt: Date;
  readonly createdAt: Date;
  readonly state: BroadcastState;
  readonly version: number;
}

/** A place of a broadcast, free or taken. Seats count from 1. */
export interface Seat {
  readonly seat: number;
  /** How often it was, or is about to be, taken. */
  readonly round: number;
}

/** The name of the transfer that pays for a result, or the winner. */
export const BROADCAST_PAYMENT = "payment";

const SEAT = /^seat-(\d+)\.(\d+)$/;

export function isBroadcastOver(state: BroadcastState): boolean {
  return Object.values(BROADCAST_TRANSITIONS[state]).every((next) => next === null);
}

/** The hold of a free seat. A seat that is free again has a new one. */
export function seatHold(broadcast: Broadcast, { seat, round }: Seat): HoldTerms {
  return holdOf(broadcast, `seat-${seat}.${round}`);
}

/** Which seat a hold's id is of; `undefined` where it is no seat's. */
export function seatOf(holdId: string): Seat | undefined {
  const [, seat, round] = SEAT.exec(holdId) ?? [];
  return seat === undefined ? undefined : { seat: Number(seat), round: Number(round) };
}

export function potHold(broadcast: Broadcast): HoldTerms {
  return holdOf(broadcast, "pot");
}

function holdOf(broadcast: Broadcast, id: string): HoldTerms {
  return {
    id,
    workId: broadcast.id,
    accountId: walletOf(broadcast.workspaceId),
    feeBasisPoints: broadcast.feeBasisPoints,
    budgetIds: broadcast.budgetIds,
    deadlineAt: broadcast.deadlineAt,
  };
}

/**
 * The names of a slotted broadcast's seats: what its params list as `slots`, if they are as many texts,
 * each another; else their numbers. Throws `invalid_request` where they list something else.
 */
export function slotKeysOf(
  partition: Partition,
  params: Readonly<Record<string, unknown>>,
  target: number,
): readonly string[] | undefined {
  if (partition !== "slotted") return undefined;
  const { slots } = params;
  if (slots === undefined) return Array.from({ length: target }, (_, index) => `${index + 1}`);
  const keys = Array.isArray(slots) ? slots.filter(isSlotKey) : [];
  if (keys.length === target && new Set(keys).size === target) return keys;
  throw new Fault("invalid_request", `The slots of a task are ${target} names, each another.`, {
    field: "slots",
  });
}

const SLOT_KEY_CHARACTERS_MAX = 128;

function isSlotKey(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= SLOT_KEY_CHARACTERS_MAX;
}

/** All of its money, held at once. */
export function openingSteps(broadcast: Broadcast): readonly Step[] {
  const seats = Array.from({ length: broadcast.target }, (_, index): Step => {
    const hold = seatHold(broadcast, { seat: index + 1, round: 1 });
    return { kind: "open-hold", hold, amountMicros: seatMicros(broadcast) };
  });
  const amountMicros = potMicros(broadcast);
  if (amountMicros === 0n) return seats;
  return [...seats, { kind: "open-hold", hold: potHold(broadcast), amountMicros }];
}

/** What an event does to a broadcast: its next state and the steps that go with it. Throws `conflict`. */
export function decideBroadcast(
  broadcast: Broadcast,
  event: BroadcastEvent,
  about: { readonly freeSeats: readonly Seat[]; readonly approved: readonly ApprovedResult[] },
): { work: WorkChange; steps: readonly Step[] } {
  const state = BROADCAST_TRANSITIONS[broadcast.state][event];
  if (state === null) {
    throw new Fault("conflict", `The task is ${broadcast.state}; it cannot ${event} any more.`);
  }
  const closing = about.freeSeats.map(
    (seat): Step => ({ kind: "close-hold", hold: seatHold(broadcast, seat) }),
  );
  const isOver = isBroadcastOver(state);
  return {
    work: {
      id: broadcast.id,
      shape: "broadcast",
      expectedVersion: broadcast.version,
      state,
      deadlineAt: isOver ? undefined : broadcast.deadlineAt,
      processId: undefined,
      attempt: 1,
    },
    steps: [...closing, ...potSteps(broadcast, event, state, about)],
  };
}

/** What becomes of the pot. A cancelled broadcast takes the shares of its free seats back at once. */
function potSteps(
  broadcast: Broadcast,
  event: BroadcastEvent,
  state: BroadcastState,
  {
    freeSeats,
    approved,
  }: { readonly freeSeats: readonly Seat[]; readonly approved: readonly ApprovedResult[] },
): readonly Step[] {
  if (potMicros(broadcast) === 0n) return [];
  const hold = potHold(broadcast);
  if (event === "cancel" && freeSeats.length > 0) {
    const amountMicros = broadcast.slotMicros * BigInt(freeSeats.length);
    return [{ kind: "reduce-hold", hold, amountMicros }];
  }
  if (!isBroadcastOver(state)) return [];
  const prize = prizeOf(broadcast, state === "cancelled", approved);
  const close: Step = { kind: "close-hold", hold };
  if (!prize) return [close];
  const pay: Step = {
    kind: "capture-hold",
    hold,
    amountMicros: prize.amountMicros,
    toAccountId: walletOf(prize.providerWorkspaceId),
    feeAccountId: HOUSE_ACCOUNTS.fees,
    name: BROADCAST_PAYMENT,
  };
  return [pay, close];
}
