/** What the core answers -> our own API's words. Money is exact: dollars and micros, both as text. */
import { prefixed, usdOfMicros } from "@guildhall/protocol";
import type { MyReferrals, ServerStatus, Verdict, WalletTransfer } from "../../core/index.ts";
import type { SpendLimits } from "../../domain/budget.ts";
import type { Dispute } from "../../domain/dispute.ts";
import type { Key } from "../../domain/key.ts";
import type { Member } from "../../domain/member.ts";
import type { Payout } from "../../domain/payout.ts";
import type { Topup } from "../../domain/topup.ts";
import type { WalletBalance } from "../../domain/wallet.ts";

export function encodeMember(member: Member): object {
  return {
    user_id: prefixed("usr", member.workspaceId),
    workspace_id: member.workspaceId,
    email: member.email,
    handle: member.handle,
    role: member.role,
    state: member.suspendedAt ? "suspended" : "active",
  };
}

/** A member with every limit that holds from now on, also those that are none. */
export function encodeLimits(member: Member, limits: SpendLimits, ceilingMicros: bigint): object {
  const usd = (micros: bigint | undefined) => (micros === undefined ? null : usdOfMicros(micros));
  return {
    ...encodeMember(member),
    limits: {
      daily_usd: usd(limits.dailyMicros),
      monthly_usd: usd(limits.monthlyMicros),
      prepaid_usd: usd(limits.prepaidMicros),
      chain_ceiling_usd: usd(ceilingMicros),
    },
  };
}

export function encodeKey(key: Key): object {
  return {
    key_id: key.id,
    kind: key.kind,
    hint: key.hint,
    label: key.label,
    agent_id: key.agentId === undefined ? null : prefixed("agt", key.agentId),
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    state: key.revokedAt ? "revoked" : "active",
  };
}

export function encodeBalance(balance: WalletBalance): object {
  return {
    posted_usd: usdOfMicros(balance.postedMicros),
    held_usd: usdOfMicros(balance.heldMicros),
    available_usd: usdOfMicros(balance.availableMicros),
    posted_micros: balance.postedMicros.toString(),
    held_micros: balance.heldMicros.toString(),
    available_micros: balance.availableMicros.toString(),
    is_frozen: balance.isFrozen,
  };
}

export function encodeTransfer(transfer: WalletTransfer): object {
  return {
    transfer_id: transfer.id,
    kind: transfer.operation,
    direction: transfer.isIncoming ? "in" : "out",
    amount_usd: usdOfMicros(transfer.amountMicros),
    amount_micros: transfer.amountMicros.toString(),
    at: transfer.at.toISOString(),
  };
}

export function encodeTopup(topup: Topup): object {
  return {
    topup_id: topup.id,
    state: topup.state,
    usd: usdOfMicros(topup.amountMicros),
    rail: topup.rail,
    payment_id: topup.paymentId,
    created_at: topup.createdAt.toISOString(),
    completed_at: topup.completedAt?.toISOString() ?? null,
    checkout_url: topup.checkoutUrl ?? null,
    failure: topup.failure ?? null,
  };
}

export function encodeReferrals({ code, counts }: MyReferrals, publicUrl: string): object {
  return {
    code,
    link: `${publicUrl}/r/${code}`,
    signed_up: counts.signedUp,
    qualified: counts.qualified,
    rewarded: counts.rewarded,
  };
}

export function encodeDispute(dispute: Dispute, email?: string): object {
  const usd = (micros: bigint | undefined) => (micros === undefined ? null : usdOfMicros(micros));
  return {
    dispute_id: dispute.id,
    state: dispute.state,
    usd: usdOfMicros(dispute.amountMicros),
    taken_usd: usd(dispute.takenMicros),
    lost_usd: usd(dispute.lostMicros),
    topup_id: dispute.topupId,
    rail: dispute.rail,
    rail_id: dispute.railId,
    ...(email !== undefined && { email }),
    opened_at: dispute.openedAt.toISOString(),
    closed_at: dispute.closedAt?.toISOString() ?? null,
    released_at: dispute.releasedAt?.toISOString() ?? null,
  };
}

export function encodePayout(payout: Payout): object {
  return {
    payout_id: payout.id,
    state: payout.state,
    usd: usdOfMicros(payout.amountMicros),
    created_at: payout.createdAt.toISOString(),
    changed_at: payout.changedAt.toISOString(),
  };
}

export function encodeStatus(status: ServerStatus): object {
  return {
    server: {
      version: status.serverVersion,
      node: status.nodeVersion,
      started_at: status.startedAt.toISOString(),
      processes: status.processes,
    },
    storage: {
      host: status.databaseHost,
      version: status.version,
      migration: status.migration,
    },
    providers_online: status.providersOnline,
    queue: { ledger: status.ledgerWaiting },
    work: status.liveWork,
    work_abandoned: status.abandonedWork,
    holds: {
      held_usd: usdOfMicros(status.heldMicros),
      held_micros: status.heldMicros.toString(),
    },
  };
}

export function encodeVerdict({ ok, driftMicros, problems, ...counts }: Verdict): object {
  const found = ok ? {} : { problems };
  return { ok, ...counts, drift_micros: driftMicros.toString(), ...found };
}
