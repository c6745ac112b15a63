/** Top-ups: money that is being paid in. */
export type TopupRail = "dev";

export interface Topup {
  readonly id: string;
  readonly workspaceId: string;
  /** Who takes the payment. */
  readonly rail: TopupRail;
  /** The payment's name there: it counts once, for ever. */
  readonly paymentId: string;
  readonly amountMicros: bigint;
  readonly createdAt: Date;
  readonly state: "pending" | "paid";
}

const PAYMENT_ID = /^[A-Za-z0-9._:-]{1,200}$/;

export function isPaymentId(text: string): boolean {
  return PAYMENT_ID.test(text);
}

/** The name of the transfer that a payment leads to. */
export function topupName({ rail, paymentId }: Pick<Topup, "rail" | "paymentId">): string {
  return `${rail}:${paymentId}`;
}
