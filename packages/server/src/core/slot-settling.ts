/**
 * Moves a slot on, once for each event.
 *
 *   1. How it ends is written first; the first that says so stays, and its score is what counts.
 *   2. One command changes its state and moves its money, on the version the decision was made on.
 *
 * Two that want to end the same slot race at step 2, and one of them learns that it came too late.
 */
import type { Broadcast } from "../domain/broadcast.ts";
import { Fault } from "../domain/fault.ts";
import { decideSlot, SLOT_TRANSITIONS, type Slot, type SlotEvent } from "../domain/slot.ts";
import { findBroadcast } from "../store/broadcast.ts";
import { findSlot, keepSlotEnding, type SlotEnding, type SlotEndingKind } from "../store/slot.ts";
import { announce, BROADCAST_LIMITS, type BroadcastContext } from "./broadcast-context.ts";

export interface SlotMove {
  readonly event: SlotEvent;
  /** The key of whoever asked, if one did. */
  readonly keyId: string | undefined;
  readonly decider: SlotEnding["decider"];
  readonly score?: number | undefined;
  /** JSON text. */
  readonly notes?: string | undefined;
  /** Of a submission. */
  readonly reviewBy?: Date | undefined;
}

const ATTEMPTS_MAX = 8;

/**
 * `late` when the slot was not any more in a state in which this could happen. Its broadcast may wait
 * for it: `advanceBroadcast` is the caller's next step, or else the sweeper's.
 */
export async function moveSlot(
  context: BroadcastContext,
  first: Slot,
  move: SlotMove,
): Promise<"ok" | "late"> {
  let slot: Slot | undefined = first;
  let mayReopen = true;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    if (!slot || SLOT_TRANSITIONS[slot.state][move.event] === null) return "late";
    const broadcast = await findBroadcast(context.database, slot.broadcastId);
    if (!broadcast) throw new Error(`slot ${slot.id} has no broadcast`);
    const refusal = await commitMove(context, broadcast, slot, move, mayReopen);
    if (refusal === undefined) {
      announce(context, broadcast.id);
      return "ok";
    }
    if (refusal === "not_reopened") mayReopen = false;
    slot = await findSlot(context.database, slot.id);
  }
  throw new Error(`moving slot ${first.id} lost every race`);
}

/** `undefined` when it was done; otherwise what has to be looked at again. */
async function commitMove(
  context: BroadcastContext,
  broadcast: Broadcast,
  slot: Slot,
  move: SlotMove,
  mayReopen: boolean,
): Promise<"moved_on" | "not_reopened" | undefined> {
  const ending = await keepEnding(context, slot, move);
  const { work, steps } = decideSlot(broadcast, slot, move.event, {
    score: ending?.score,
    reviewBy: move.reviewBy,
    isReopened: mayReopen && isReopened(context, broadcast, slot),
  });
  const committed = await context.ledger.commit({ keyId: move.keyId, work, steps });
  if (committed.ok) return undefined;
  switch (committed.refusal.code) {
    case "version_conflict":
      return "moved_on";
    case "account_frozen":
    case "insufficient_funds":
    case "budget_exceeded":
      // Only holding the seat's money again can be refused so: then it goes back instead.
      return "not_reopened";
    case "key_revoked":
      throw new Fault("unauthenticated", "The key is revoked or expired.");
    case "workspace_suspended":
      throw new Fault("suspended", "The workspace is suspended.");
    default:
      throw new Error(`moving slot ${slot.id} was refused: ${committed.refusal.code}`);
  }
}

/** What is written of an end before it happens; nothing of a submission. */
async function keepEnding(
  { database, clock }: BroadcastContext,
  slot: Slot,
  { event, decider, score, notes }: SlotMove,
): Promise<SlotEnding | undefined> {
  const next = SLOT_TRANSITIONS[slot.state][event];
  if (next === null || next === "submitted" || next === "accepted") return undefined;
  const ending: SlotEndingKind = next;
  return keepSlotEnding(database, {
    slotId: slot.id,
    ...{ ending, decider, score, notes },
    at: clock.now(),
  });
}

/** A seat is given again while there is time, and somebody to give it to. */
function isReopened({ clock }: BroadcastContext, broadcast: Broadcast, slot: Slot): boolean {
  const isOpen = broadcast.state === "open" && clock.now() < broadcast.deadlineAt;
  return isOpen && slot.round < BROADCAST_LIMITS.roundsMax;
}
