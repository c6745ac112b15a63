/**
 * Brings a broadcast on by whatever is due: all results approved, its deadline, a cancellation.
 *
 * Anybody may call it at any time, in any process, and again after a crash: it looks where the
 * broadcast stands and does the next step, each one command on the version it looked at.
 */
import {
  type Broadcast,
  type BroadcastEvent,
  decideBroadcast,
  isBroadcastOver,
  seatOf,
} from "../domain/broadcast.ts";
import type { ApprovedResult } from "../domain/broadcast-payment.ts";
import { Fault } from "../domain/fault.ts";
import type { Slot } from "../domain/slot.ts";
import { findBroadcast, findSeating } from "../store/broadcast.ts";
import { listApprovedResults, listSlotsIn } from "../store/slot.ts";
import { announce, type BroadcastContext } from "./broadcast-context.ts";
import { moveSlot, type SlotMove } from "./slot-settling.ts";

/** A step may find that another process was faster, and each broadcast has but a few steps. */
const STEPS_MAX = 20;

export async function advanceBroadcast(context: BroadcastContext, id: string): Promise<void> {
  for (let step = 1; step <= STEPS_MAX; step++) {
    const broadcast = await findBroadcast(context.database, id);
    if (!broadcast || isBroadcastOver(broadcast.state)) return;
    const approved = await listApprovedResults(context.database, id);
    const event = await dueEvent(context, broadcast, approved);
    if (!event) return;
    await tryEvent(context, broadcast, event, approved, undefined);
  }
  context.log.warn({ broadcastId: id }, "a broadcast did not come to rest; the sweeper goes on");
}

/** Ends a slot, and brings its broadcast on where that was what it waited for. */
export async function endSlot(
  context: BroadcastContext,
  slot: Slot,
  move: SlotMove,
): Promise<"ok" | "late"> {
  const outcome = await moveSlot(context, slot, move);
  if (outcome === "ok") await advanceBroadcast(context, slot.broadcastId);
  return outcome;
}

/** What is due now, if anything is. */
async function dueEvent(
  context: BroadcastContext,
  broadcast: Broadcast,
  approved: readonly ApprovedResult[],
): Promise<BroadcastEvent | undefined> {
  if (broadcast.state === "open") {
    if (approved.length >= broadcast.target) return "complete";
    return context.clock.now() >= broadcast.deadlineAt ? "expire" : undefined;
  }
  if (broadcast.state === "cancelling") await cancelUnfinished(context, broadcast);
  const { liveSlots } = await findSeating(context.database, broadcast.id);
  return liveSlots === 0 ? "finish" : undefined;
}

/** Who has not handed anything in goes without, and has its stake back. */
async function cancelUnfinished(context: BroadcastContext, broadcast: Broadcast): Promise<void> {
  for (const slot of await listSlotsIn(context.database, broadcast.id, "accepted")) {
    await moveSlot(context, slot, { event: "cancel", keyId: undefined, decider: "requester" });
  }
}

/**
 * Does one event, and says whether it was done: not where the broadcast, or one of its seats, has
 * moved on meanwhile. `keyId` is whoever's asked.
 */
export async function tryEvent(
  context: BroadcastContext,
  broadcast: Broadcast,
  event: BroadcastEvent,
  approved: readonly ApprovedResult[],
  keyId: string | undefined,
): Promise<boolean> {
  // Seats and live slots of one moment: a seat that is taken after it refuses the command.
  const { openHoldIds, liveSlots } = await findSeating(context.database, broadcast.id);
  if (event === "finish" && liveSlots > 0) return false;
  const freeSeats = openHoldIds.flatMap((id) => seatOf(id) ?? []);
  const { work, steps } = decideBroadcast(broadcast, event, { freeSeats, approved });
  const committed = await context.ledger.commit({ keyId, work, steps });
  if (committed.ok) {
    announce(context, broadcast.id);
    return true;
  }
  switch (committed.refusal.code) {
    case "version_conflict":
    case "hold_closed":
      return false;
    case "key_revoked":
      throw new Fault("unauthenticated", "The key is revoked or expired.");
    case "workspace_suspended":
      throw new Fault("suspended", "The workspace is suspended.");
    default:
      throw new Error(`"${event}" of broadcast ${broadcast.id}: ${committed.refusal.code}`);
  }
}
