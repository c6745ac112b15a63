/**
 * Receipts: what was done, by whom, for how much. A receipt is a pure function of work that has
 * ended and of its transfers, so it can be made again at any time and says the same.
 */
import type { Broadcast } from "./broadcast.ts";
import { seatMicros } from "./broadcast-payment.ts";
import type { Run } from "./run.ts";
import type { SessionReason, SessionStanding } from "./session.ts";
import { type Slot, STAKE_FORFEIT } from "./slot.ts";

/** A transfer as the books have it. */
export interface BookedTransfer {
  readonly step: string;
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amountMicros: bigint;
  readonly at: Date;
}

/** What is signed. Amounts are decimal text: JSON numbers lose the last digits of large ones. */
export interface Receipt {
  readonly version: 1;
  readonly receipt_id: string;
  readonly kind: "run" | "session" | "slot";
  readonly work_id: string;
  readonly chain_id: string;
  readonly agent_id: string;
  readonly capability: string;
  readonly requester_workspace_id: string;
  readonly provider_workspace_id: string;
  readonly state: string;
  readonly error_code: string | null;
  readonly held_micros: string;
  readonly charged_micros: string;
  readonly returned_micros: string;
  readonly transfers: readonly {
    readonly step: string;
    readonly from: string;
    readonly to: string;
    readonly amount_micros: string;
  }[];
  /** Of a session there is no one input. */
  readonly input_sha256: string | null;
  readonly output_sha256: string | null;
  readonly opened_at: string;
  readonly finished_at: string;
  /** Of a slot: the broadcast, what the result was judged, and what the agent lost of its stake. */
  readonly broadcast_id?: string;
  readonly score?: number | null;
  readonly stake_forfeited_micros?: string;
  /** Of a session: messages that counted, and turns that were answered. */
  readonly messages_used?: number;
  readonly messages_answered?: number;
}

export interface RunEnding {
  readonly errorCode: string | undefined;
  readonly outputDigest: string | undefined;
  readonly finishedAt: Date;
}

/** The receipt of a run that has ended. */
export function receiptOf(
  run: Run,
  ending: RunEnding,
  transfers: readonly BookedTransfer[],
): Receipt {
  const chargedMicros = sumOf(transfers);
  return {
    version: 1,
    receipt_id: run.id,
    kind: "run",
    work_id: run.id,
    chain_id: run.chainId,
    agent_id: run.agentId,
    capability: run.capability,
    requester_workspace_id: run.workspaceId,
    provider_workspace_id: run.providerWorkspaceId,
    state: run.state,
    error_code: ending.errorCode ?? null,
    held_micros: run.priceMicros.toString(),
    charged_micros: chargedMicros.toString(),
    returned_micros: (run.priceMicros - chargedMicros).toString(),
    transfers: transfers.map(toLine),
    input_sha256: run.inputDigest,
    output_sha256: ending.outputDigest ?? null,
    opened_at: run.createdAt.toISOString(),
    finished_at: endedAt(run.createdAt, ending.finishedAt),
  };
}

export interface SessionEnd {
  readonly reason: SessionReason | undefined;
  readonly outputDigest: string | undefined;
  readonly finishedAt: Date;
}

/** How the end of a session sounds as an error, where it is one. */
const SESSION_ERRORS: Readonly<Partial<Record<SessionReason, string>>> = {
  requester_cancelled: "cancelled",
  provider_offline: "provider_offline",
  provider_rejected: "work_declined",
  expired: "acceptance_timeout",
};

/** The receipt of a session that has ended. */
export function sessionReceiptOf(
  { session, work, log, hold }: SessionStanding,
  end: SessionEnd,
  transfers: readonly BookedTransfer[],
): Receipt {
  const chargedMicros = sumOf(transfers);
  const heldMicros = hold?.amountMicros ?? 0n;
  return {
    version: 1,
    receipt_id: session.id,
    kind: "session",
    work_id: session.id,
    chain_id: session.chainId,
    agent_id: session.agentId,
    capability: session.capability,
    requester_workspace_id: session.workspaceId,
    provider_workspace_id: session.providerWorkspaceId,
    state: work.state,
    error_code: (end.reason && SESSION_ERRORS[end.reason]) ?? null,
    messages_used: log.used,
    messages_answered: log.answered,
    held_micros: heldMicros.toString(),
    charged_micros: chargedMicros.toString(),
    returned_micros: (heldMicros - chargedMicros).toString(),
    transfers: transfers.map(toLine),
    input_sha256: null,
    output_sha256: end.outputDigest ?? null,
    opened_at: session.createdAt.toISOString(),
    finished_at: endedAt(session.createdAt, end.finishedAt),
  };
}

export interface SlotEnd {
  readonly score: number | undefined;
  readonly resultDigest: string | undefined;
  readonly finishedAt: Date;
  readonly transfers: readonly BookedTransfer[];
  /** The broadcast's, where this slot has won it. */
  readonly prize: readonly BookedTransfer[];
}

/** The receipt of a slot that has ended. */
export function slotReceiptOf(broadcast: Broadcast, slot: Slot, end: SlotEnd): Receipt {
  const forfeits = end.transfers.filter(({ step }) => step === STAKE_FORFEIT);
  const payments = [...end.transfers, ...end.prize].filter(({ step }) => step !== STAKE_FORFEIT);
  const chargedMicros = sumOf(payments);
  const heldMicros = seatMicros(broadcast) + sumOf(end.prize);
  return {
    version: 1,
    receipt_id: slot.id,
    kind: "slot",
    work_id: slot.id,
    broadcast_id: broadcast.id,
    chain_id: broadcast.chainId,
    agent_id: slot.agentId,
    capability: broadcast.capability,
    requester_workspace_id: slot.workspaceId,
    provider_workspace_id: slot.providerWorkspaceId,
    state: slot.state,
    error_code: null,
    score: end.score ?? null,
    held_micros: heldMicros.toString(),
    charged_micros: chargedMicros.toString(),
    returned_micros: (heldMicros - chargedMicros).toString(),
    stake_forfeited_micros: sumOf(forfeits).toString(),
    transfers: [...end.transfers, ...end.prize].map(toLine),
    input_sha256: broadcast.requestDigest,
    output_sha256: end.resultDigest ?? null,
    opened_at: slot.createdAt.toISOString(),
    finished_at: endedAt(slot.createdAt, end.finishedAt),
  };
}

/** When it ended. Never before it was opened, which another machine's clock may have told. */
function endedAt(openedAt: Date, finishedAt: Date): string {
  return (finishedAt < openedAt ? openedAt : finishedAt).toISOString();
}

function sumOf(transfers: readonly BookedTransfer[]): bigint {
  return transfers.reduce((sum, { amountMicros }) => sum + amountMicros, 0n);
}

function toLine(transfer: BookedTransfer): Receipt["transfers"][number] {
  return {
    step: transfer.step,
    from: transfer.fromAccountId,
    to: transfer.toAccountId,
    amount_micros: transfer.amountMicros.toString(),
  };
}
