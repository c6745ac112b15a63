/**
 * Broadcasts on this wire's provider socket (LinkedClaw contract §7.4, §7.5). A GIG_TASK_BID says only
 * that the agent is interested: it accepts and hands in over HTTP.
 */
import { prefixed } from "@guildhall/protocol";
import type { SlotSays, SlotTelling, ToldBroadcast } from "../../../core/index.ts";
import type { Clock } from "../../../lib/clock.ts";
import { chargeCredits } from "../credits.ts";
import { fieldOf, idOf, type RelayFrame, textOf } from "./frames.ts";

const TEXT_MAX = 2_000;

export interface GigTaskFrame {
  readonly type: string;
  /** The same work is the same frame, on whichever connection it is sent again. */
  readonly id: string;
  readonly fields: RelayFrame;
}

/** `undefined` for what this wire has no word for. */
export function encodeGigTask(telling: SlotTelling, clock: Clock): GigTaskFrame | undefined {
  if (telling.kind === "announced") {
    const { broadcast, until } = telling;
    return {
      type: "GIG_TASK_OFFER",
      id: `frm_${broadcast.broadcastId}`,
      fields: {
        ...encodeFacts(broadcast),
        ...(broadcast.slotKeys && { slots: broadcast.slotKeys }),
        deadline: broadcast.deadlineAt.toISOString(),
        offer_deadline_ms: Math.max(0, until.getTime() - clock.now().getTime()),
      },
    };
  }
  if (telling.kind !== "slot") return undefined;
  return {
    type: "GIG_TASK_EXECUTE",
    id: `frm_${telling.slotId}`,
    fields: {
      ...encodeFacts(telling.broadcast),
      result_id: prefixed("res", telling.slotId),
      slot_key: telling.slotKey ?? null,
      chain_id: prefixed("chn", telling.chainId),
      execute_deadline: telling.executeBy.toISOString(),
    },
  };
}

function encodeFacts(broadcast: ToldBroadcast): RelayFrame {
  return {
    task_id: prefixed("gig", broadcast.broadcastId),
    capability: broadcast.capability,
    instruction: broadcast.instruction,
    task_params: broadcast.params ?? {},
    ...(broadcast.resultSchema !== undefined && { result_schema: broadcast.resultSchema }),
    credits_per_provider: chargeCredits(broadcast.slotMicros),
    required_stake: chargeCredits(broadcast.stakeMicros),
    payment_type: broadcast.payment,
  };
}

/** What a provider's frame comes to, or what is wrong with it; `noted` is what needs nothing done. */
export type HeardGigTask = { readonly says: SlotSays } | { readonly problem: string } | "noted";

/** A bid only says that the agent is interested. */
export function hearBid(frame: RelayFrame): HeardGigTask {
  const broadcastId = idOf(frame, "task_id", "gig");
  const isAccepted = fieldOf(frame, "accept");
  if (broadcastId === "") return { problem: "task_id is not the id of a gig task." };
  if (typeof isAccepted !== "boolean") return { problem: "accept is neither true nor false." };
  if (isAccepted) return "noted";
  return { says: { kind: "slot-passed", broadcastId, isBusy: false } };
}

export function hearGigTaskError(frame: RelayFrame): HeardGigTask {
  const slotId = idOf(frame, "result_id", "res") || undefined;
  const broadcastId = idOf(frame, "task_id", "gig") || undefined;
  if (!slotId && !broadcastId) {
    return { problem: "There is neither the result_id of a seat nor the task_id of a gig task." };
  }
  const code = textOf(frame, "code", 64);
  const message = textOf(frame, "message", TEXT_MAX);
  return { says: { kind: "slot-given-up", slotId, broadcastId, code, message } };
}
