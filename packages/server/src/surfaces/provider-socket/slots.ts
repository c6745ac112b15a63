/** Broadcasts in the native provider protocol: `protocol/slot-frames.ts` says what it is. */
import type { ProviderSlotFrame, ServerSlotFrame } from "@guildhall/protocol";
import type { SlotSays, SlotTelling, ToldBroadcast } from "../../core/index.ts";
import type { Clock } from "../../lib/clock.ts";

/** `undefined` for what this wire's programs do not want to hear. */
export function encodeSlotTelling(telling: SlotTelling, clock: Clock): ServerSlotFrame | undefined {
  switch (telling.kind) {
    case "announced": {
      const { broadcast, until } = telling;
      return {
        type: "announce",
        ...encodeFacts(broadcast),
        deadline: broadcast.deadlineAt.toISOString(),
        offerMs: msUntil(until, clock),
        ...(broadcast.slotKeys && { keys: broadcast.slotKeys }),
      };
    }
    case "withdrawn": {
      const { broadcastId, code, message } = telling;
      return { type: "withdrawn", broadcast: broadcastId, code, message };
    }
    case "slot":
      return encodeSlot(telling, clock);
    case "filled": {
      const { slotId, outcome, message } = telling;
      return { type: "filled", slot: slotId, outcome, ...(message !== "" && { message }) };
    }
    case "revoked":
      return { type: "revoked", slot: telling.slotId, reason: telling.reason };
  }
}

/** Who accepted by a request of its own also answers by one, and would do the work twice. */
function encodeSlot(
  telling: Extract<SlotTelling, { kind: "slot" }>,
  clock: Clock,
): ServerSlotFrame | undefined {
  if (!telling.isByLink) return undefined;
  const { slotId, slotKey, broadcast, chainId, executeBy } = telling;
  return {
    type: "slot",
    slot: slotId,
    ...(slotKey !== undefined && { key: slotKey }),
    chain: chainId,
    ...encodeFacts(broadcast),
    deadline: executeBy.toISOString(),
    remainingMs: msUntil(executeBy, clock),
  };
}

function encodeFacts(broadcast: ToldBroadcast) {
  const { broadcastId, capability, instruction, params, resultSchema, payment } = broadcast;
  return {
    broadcast: broadcastId,
    ...{ capability, instruction, payment },
    ...(params !== undefined && { params }),
    ...(resultSchema !== undefined && { schema: resultSchema }),
    slotMicros: broadcast.slotMicros.toString(),
    stakeMicros: broadcast.stakeMicros.toString(),
    requester: broadcast.requesterWorkspaceId,
  };
}

function msUntil(at: Date, clock: Clock): number {
  return Math.max(0, at.getTime() - clock.now().getTime());
}

export function toSlotSays(frame: ProviderSlotFrame): SlotSays {
  switch (frame.type) {
    case "claim":
      return { kind: "slot-claimed", broadcastId: frame.broadcast, slotKey: frame.key };
    case "pass": {
      const isBusy = frame.code === "provider_busy";
      return { kind: "slot-passed", broadcastId: frame.broadcast, isBusy };
    }
    case "fill":
      return { kind: "slot-filled", slotId: frame.slot, result: frame.result };
    case "give-up": {
      const { slot: slotId, code, message } = frame;
      return { kind: "slot-given-up", slotId, broadcastId: undefined, code, message };
    }
  }
}
