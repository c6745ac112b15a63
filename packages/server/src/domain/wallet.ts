/** Wallets: what a workspace has, and what comes and goes other than for work. */
import { MICROS_PER_USD } from "@guildhall/protocol";
import { Fault } from "./fault.ts";

/** A wallet at one moment. */
export interface WalletBalance {
  readonly postedMicros: bigint;
  /** Promised to work that is open. */
  readonly heldMicros: bigint;
  readonly availableMicros: bigint;
  /** Set while a payment is disputed: nothing leaves. */
  readonly isFrozen: boolean;
}

/**
 * References of transfers that are not for work. A work's reference is its id, so the two cannot be
 * confused. The partial indexes on transfers have the same list.
 */
export const OPERATIONS = [
  "play",
  "credit",
  "voucher",
  "topup",
  "payout",
  "referral",
  "reversal",
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Transfer {
  /** The work, or an operation. */
  readonly reference: string;
  readonly name: string;
  readonly seq: bigint;
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amountMicros: bigint;
  readonly at: Date;
}

/** How people name a transfer: `credit:66f2…`. A reference has no colon, so the first one parts them. */
export function transferId({ reference, name }: Pick<Transfer, "reference" | "name">): string {
  return `${reference}:${name}`;
}

/** What `transferId` made, taken apart; `undefined` where it made nothing like it. */
export function parseTransferId(text: string): { reference: string; name: string } | undefined {
  const colon = text.indexOf(":");
  if (colon < 1 || colon === text.length - 1) return undefined;
  return { reference: text.slice(0, colon), name: text.slice(colon + 1) };
}

/** One operation moves at most a million US dollars: a slip of the finger is not to be a fortune. */
export const OPERATION_MICROS_MAX = 1_000_000n * MICROS_PER_USD;

/** Throws `invalid_request` for an amount that no operation moves. */
export function checkOperationAmount(amountMicros: bigint): void {
  if (amountMicros > 0n && amountMicros <= OPERATION_MICROS_MAX) return;
  throw new Fault("invalid_request", "The amount must be above zero and at most 1000000 USD.", {
    field: "usd",
  });
}
