/**
 * Top-ups: money that is being paid in.
 *
 * A top-up is paid when its transfer is in the books, and by nothing else. Until then it may fail: not
 * paid in time, declined, or paid otherwise than it was asked for. Where money arrives after all, it
 * counts: what somebody paid is theirs.
 */
import { Fault } from "./fault.ts";

/** Who takes the payment: this server itself, without money, or Stripe. */
export type TopupRail = "dev" | "stripe";
export type TopupState = "pending" | "paid" | "failed";
export type TopupEvent = "pay" | "fail";
export type TopupFailure = "expired" | "declined" | "amount_mismatch";

/** Every state times every event. `null` means that nothing happens. */
export const TOPUP_TRANSITIONS: Record<TopupState, Record<TopupEvent, TopupState | null>> = {
  pending: { pay: "paid", fail: "failed" },
  paid: { pay: null, fail: null },
  failed: { pay: "paid", fail: null },
};

export interface Topup {
  readonly id: string;
  readonly workspaceId: string;
  readonly rail: TopupRail;
  /** The payment's name on its rail: it counts once, for ever. */
  readonly paymentId: string;
  readonly amountMicros: bigint;
  readonly createdAt: Date;
  /** The rail's page where it is paid; the development rail's is this server's own. */
  readonly checkoutUrl: string | undefined;
  /** The rail's word for the money that came, once it did. */
  readonly reference: string | undefined;
  readonly state: TopupState;
  readonly failure: TopupFailure | undefined;
  /** The transfer that paid it. */
  readonly transferId: string | undefined;
  /** When it was paid or failed. */
  readonly completedAt: Date | undefined;
}

/** What is not paid by then has failed. As long as Stripe keeps a page of its own open. */
const PAYABLE_MS = 24 * 3_600_000;

const PAYMENT_ID = /^[A-Za-z0-9._:-]{1,200}$/;

export function isPaymentId(text: string): boolean {
  return PAYMENT_ID.test(text);
}

/** The name of the transfer that a payment leads to. */
export function topupName({ rail, paymentId }: Pick<Topup, "rail" | "paymentId">): string {
  return `${rail}:${paymentId}`;
}

/** When a top-up fails unless it is paid. */
export function topupExpiry({ createdAt }: Pick<Topup, "createdAt">): Date {
  return new Date(createdAt.getTime() + PAYABLE_MS);
}

/**
 * The top-up as it stands at `at`. On the development rail time alone makes one fail; another rail may
 * know of a payment that this server has not heard of, and is asked first.
 */
export function topupAsOf(topup: Topup, at: Date): Topup {
  const expiry = topupExpiry(topup);
  if (topup.rail !== "dev" || topup.state !== "pending" || at < expiry) return topup;
  return { ...topup, state: "failed", failure: "expired", completedAt: expiry };
}

/** Half a dollar: Stripe takes no less. */
const STRIPE_MICROS_MIN = 500_000n;
/** Stripe's amounts are whole cents. */
const MICROS_PER_CENT = 10_000n;

/** Throws `invalid_request` for an amount that the rail cannot take exactly. */
export function checkRailAmount(rail: TopupRail, amountMicros: bigint): void {
  if (rail === "dev") return;
  if (amountMicros % MICROS_PER_CENT === 0n && amountMicros >= STRIPE_MICROS_MIN) return;
  throw new Fault("invalid_request", "Cards pay whole US cents, and no less than 0.50 USD.", {
    field: "amount",
  });
}
