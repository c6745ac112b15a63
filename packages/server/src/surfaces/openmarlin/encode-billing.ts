/** Money as this wire tells it (contract §8). */
import { prefixed } from "@guildhall/protocol";
import type { MyReferrals, SettledUse } from "../../core/index.ts";
import type { StatementLine } from "../../domain/statement.ts";
import type { Topup } from "../../domain/topup.ts";
import type { TokenCount } from "../../domain/usage.ts";
import type { WalletBalance } from "../../domain/wallet.ts";
import { sha256 } from "../../lib/digest.ts";
import { type Credits, usdAmount } from "./credits.ts";

export function encodeBalance(
  workspaceId: string,
  { availableMicros }: WalletBalance,
  at: Date,
  credits: Credits,
): object {
  return {
    workspace_id: prefixed("ws", workspaceId),
    available_balance: credits.amount(availableMicros),
    updated_at: at.toISOString(),
  };
}

/** What a 402 says (contract §8.1): told apart by `error_code`. */
export function encodeShortage(
  workspaceId: string,
  money: { readonly availableMicros: bigint; readonly neededMicros: bigint },
  credits: Credits,
): object {
  const current = credits.amount(money.availableMicros);
  const required = credits.amount(money.neededMicros);
  return {
    error_code: "insufficient_balance",
    error: "insufficient_balance",
    message: `This needs ${required.amount} credits, and ${current.amount} are available.`,
    workspace_id: prefixed("ws", workspaceId),
    current_balance: current,
    required_balance: required,
  };
}

/** A work that was asked for. Its amounts are there once it is settled. */
export function encodeUsage(use: SettledUse, credits: Credits): object {
  const debit = credits.amount(use.chargedMicros);
  return {
    usage_event_id: prefixed("use", use.id),
    created_at: use.openedAt.toISOString(),
    capability: use.capability,
    status: use.usage,
    provider_id: use.agentSlug ?? null,
    request_id: prefixed("req", use.id),
    measured_units: { requests: 1, ...(use.tokens && encodeTokens(use.tokens)) },
    settlement:
      use.usage === "settled"
        ? {
            convertedFinalDebit: { ...debit, usdPerCredit: credits.usdPerCredit },
            finalTotal: usdAmount(use.chargedMicros),
            providerReportedSubtotal: usdAmount(use.chargedMicros - use.feeMicros),
            platformFeeTotal: usdAmount(use.feeMicros),
            ...debit,
          }
        : null,
  };
}

function encodeTokens({ input, cached, output }: TokenCount): object {
  return {
    input_tokens: Number(input),
    cached_tokens: Number(cached),
    output_tokens: Number(output),
  };
}

/** A line of the wallet's statement. Those that are posted add up to the balance. */
export function encodeLedgerEntry(line: StatementLine, credits: Credits): object {
  return {
    ledger_entry_id: ledgerEntryId(line.id),
    created_at: line.at.toISOString(),
    type: typeOf(line),
    status: line.kind === "expected" ? "pending" : "posted",
    amount: credits.amount(line.amountMicros),
    reference_id: referenceOf(line),
  };
}

const TOPUP_STATUS = {
  pending: "pending_payment",
  paid: "credit_applied",
  failed: "payment_failed",
} as const satisfies Record<Topup["state"], string>;

/** A top-up (contract §8.5). `publicUrl`: where its page is, where it is this server's own. */
export function encodeTopup(topup: Topup, credits: Credits, publicUrl: string): object {
  const { id, rail, paymentId, reference, transferId } = topup;
  return {
    topup_session_id: prefixed("topup", id),
    workspace_id: prefixed("ws", topup.workspaceId),
    requested_amount: credits.amount(topup.amountMicros),
    status: TOPUP_STATUS[topup.state],
    created_at: topup.createdAt.toISOString(),
    completed_at: topup.completedAt?.toISOString() ?? null,
    stripe_reference: rail === "stripe" ? (reference ?? paymentId) : null,
    checkout_url: topup.checkoutUrl ?? `${publicUrl}/dev/topup/${id}`,
    credited_ledger_entry_id: transferId === undefined ? null : ledgerEntryId(transferId),
  };
}

/** Whom a workspace has brought (contract §8.6). */
export function encodeReferrals({ code, counts }: MyReferrals, publicUrl: string): object {
  return {
    referral_code: code,
    referral_link: `${publicUrl}/r/${code}`,
    summary: {
      signed_up_count: counts.signedUp,
      qualified_count: counts.qualified,
      rewarded_count: counts.rewarded,
    },
  };
}

/** Transfers are named by whoever pays; an id of this wire fits into a path. */
export function ledgerEntryId(lineId: string): string {
  return prefixed("led", sha256(lineId).toString("hex").slice(0, ID_LENGTH));
}

const ID_LENGTH = 24;

function typeOf({ kind, reference, amountMicros }: StatementLine): string {
  if (kind === "work") return amountMicros < 0n ? "usage_debit" : "usage_credit";
  if (kind === "expected") return "usage_debit";
  if (kind !== "operation") return "adjustment";
  return OPERATION_TYPES.get(reference) ?? "adjustment";
}

const OPERATION_TYPES: ReadonlyMap<string, string> = new Map([
  ["topup", "topup_credit"],
  ["referral", "referral_reward"],
]);

function referenceOf({ kind, reference, topupId, id }: StatementLine): string {
  if (kind === "earlier") return "brought_forward";
  if (kind !== "operation") return prefixed("req", reference);
  return topupId === undefined ? id : prefixed("topup", topupId);
}
