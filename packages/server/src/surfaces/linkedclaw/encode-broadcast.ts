/** Broadcasts and mandates -> this wire's gig tasks (LinkedClaw contract §6.5, §6.8). */
import { prefixed } from "@guildhall/protocol";
import type { BroadcastView, SlotView, TakenSlot } from "../../core/index.ts";
import type { Broadcast, BroadcastState } from "../../domain/broadcast.ts";
import type { Mandate, MandateState } from "../../domain/mandate.ts";
import type { SlotState } from "../../domain/slot.ts";
import { balanceCredits, chargeCredits } from "./credits.ts";

/** This wire has four words for our six states: what is closing is closed to those who look. */
// biome-ignore format: read as a table
const STATUS = {
  open:       "open",
  cancelling: "cancelled",
  expiring:   "expired",
  completed:  "completed",
  cancelled:  "cancelled",
  expired:    "expired",
} as const satisfies Record<BroadcastState, string>;

// biome-ignore format: read as a table
const RESULT_STATUS = {
  accepted:  "accepted",
  submitted: "pending_verification",
  approved:  "approved",
  rejected:  "rejected",
  failed:    "failed",
  expired:   "expired",
  cancelled: "cancelled",
} as const satisfies Record<SlotState, string>;

export function encodeTask(view: BroadcastView): Record<string, unknown> {
  const { broadcast, isOwn, heldMicros, slots } = view;
  const count = (...states: SlotState[]): number =>
    states.reduce((sum, state) => sum + (view.counts.get(state) ?? 0), 0);
  return {
    ...encodeManifest(view),
    status: STATUS[broadcast.state],
    accepted_count: count("accepted", "submitted", "approved"),
    completed_count: count("approved", "rejected"),
    approved_count: count("approved"),
    rejected_count: count("rejected"),
    requester_user_id: prefixed("usr", broadcast.workspaceId),
    created_at: broadcast.createdAt.toISOString(),
    ...(isOwn && {
      mandate_id: prefixed("mnd", broadcast.mandateId),
      chain_id: prefixed("chn", broadcast.chainId),
      escrow_held: balanceCredits(heldMicros),
    }),
    results: slots.map(encodeResult),
  };
}

/** What was asked for, as it was asked. */
function encodeManifest({ broadcast, request }: BroadcastView): Record<string, unknown> {
  return {
    task_id: prefixed("gig", broadcast.id),
    capability: broadcast.capability,
    instruction: request.instruction,
    task_params: JSON.parse(request.params),
    result_schema: parseOrNull(request.resultSchema),
    target_providers: broadcast.target,
    credits_per_provider: chargeCredits(broadcast.slotMicros),
    deadline: broadcast.deadlineAt.toISOString(),
    partition_type: broadcast.partition,
    ...(broadcast.slotKeys && { slots: broadcast.slotKeys }),
    payment_type: broadcast.payment,
    required_stake: chargeCredits(broadcast.stakeMicros),
    verifier_method: verifierOf(broadcast),
  };
}

function verifierOf({ verifier }: Broadcast): string | null {
  return verifier === "schema" ? "output_schema" : null;
}

function encodeResult({ slot, result, ending, paidMicros }: SlotView): object {
  const isWaiting = slot.state === "submitted";
  return {
    result_id: prefixed("res", slot.id),
    status: RESULT_STATUS[slot.state],
    agent_id: prefixed("agt", slot.agentId),
    slot_key: slot.slotKey ?? null,
    result_data: parseOrNull(result?.result),
    ...(result && result.result === undefined && { result_omitted: true }),
    quality_score: ending?.score ?? null,
    notes: parseOrNull(ending?.notes),
    decided_by: ending?.decider ?? null,
    credits_paid: chargeCredits(paidMicros),
    accepted_at: slot.createdAt.toISOString(),
    execute_deadline: slot.executeBy.toISOString(),
    submitted_at: result?.submittedAt.toISOString() ?? null,
    auto_approve_at: isWaiting ? (slot.deadlineAt?.toISOString() ?? null) : null,
    decided_at: ending?.at.toISOString() ?? null,
    receipt_id: slot.deadlineAt ? null : prefixed("rct", slot.id),
  };
}

/** What an agent that took a seat is told: all that it needs for its work. */
export function encodeTaken({ slot, broadcast, request, params }: TakenSlot): object {
  return {
    result_id: prefixed("res", slot.id),
    status: RESULT_STATUS[slot.state],
    execute_deadline: slot.executeBy.toISOString(),
    task_id: prefixed("gig", broadcast.id),
    slot_key: slot.slotKey ?? null,
    capability: broadcast.capability,
    instruction: request.instruction,
    task_params: params,
    result_schema: parseOrNull(request.resultSchema),
    credits_per_provider: chargeCredits(broadcast.slotMicros),
    chain_id: prefixed("chn", broadcast.chainId),
  };
}

export function encodeSubmitted({
  slot,
}: {
  readonly slot: { readonly id: string; readonly state: SlotState };
}): object {
  return { result_id: prefixed("res", slot.id), status: RESULT_STATUS[slot.state] };
}

export function encodeMandate(
  mandate: Mandate & {
    readonly body: string;
    readonly signingKeyId: string;
    readonly signature: string;
  },
  status: MandateState,
  spentMicros: bigint,
): object {
  const { delegateAgentId } = mandate;
  return {
    mandate_id: prefixed("mnd", mandate.id),
    status,
    kind: "gig_pa",
    principal_agent_id: prefixed("agt", mandate.principalAgentId),
    gig_pa_agent_id: delegateAgentId ? prefixed("agt", delegateAgentId) : null,
    max_credits: balanceCredits(mandate.maxMicros),
    // Held and spent by the tasks under it.
    spent_credits: balanceCredits(spentMicros),
    expires_at: mandate.expiresAt.toISOString(),
    created_at: mandate.createdAt.toISOString(),
    revoked_at: mandate.revokedAt?.toISOString() ?? null,
    // Checked offline with the published keys, as receipts are.
    mandate: JSON.parse(mandate.body),
    key_id: mandate.signingKeyId,
    signature: mandate.signature,
  };
}

function parseOrNull(text: string | undefined): unknown {
  return text === undefined ? null : JSON.parse(text);
}
