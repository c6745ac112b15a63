/** What core asks of whoever takes payments by card. */
import type { DisputeState } from "../domain/dispute.ts";

/** Takes payments by card, on pages of its own. What it says of a payment is as new as its answer. */
export interface CardPayments {
  /**
   * Opens the page where a top-up is paid. The same top-up again is the same page.
   *
   * @throws {Fault} `overloaded` where the rail does not answer
   */
  openCheckout(asked: {
    readonly topupId: string;
    readonly amountMicros: bigint;
    /** Where the person ends up, whether they paid or not. */
    readonly paidUrl: string;
    readonly cancelledUrl: string;
  }): Promise<{ readonly paymentId: string; readonly url: string }>;
  /** How a payment stands; `undefined` where the rail knows none of this name. Throws `overloaded`. */
  findCheckout(paymentId: string): Promise<Checkout | undefined>;
  /** The payment that this money was paid for. Throws `overloaded`. */
  findCheckoutByReference(reference: string): Promise<Checkout | undefined>;
  /** Takes the page down, unless it was paid: says how it stands then. Throws `overloaded`. */
  closeCheckout(paymentId: string): Promise<Checkout | undefined>;
  /**
   * What the rail reports, where it concerns us; `undefined` for all else that it has to say.
   *
   * @throws {Fault} `invalid_request` where it is not signed by the rail, or was signed long ago
   */
  readReport(
    body: string,
    signature: string | undefined,
    at: Date,
  ): Promise<PaymentReport | undefined>;
}

/** A payment by card, as the rail says that it stands. */
export interface Checkout {
  readonly paymentId: string;
  /** `waiting`: the person is done, and the money is on its way. */
  readonly state: "open" | "waiting" | "paid" | "expired" | "declined";
  /** What is or was to be paid; `undefined` where that is not US dollars. */
  readonly amountMicros: bigint | undefined;
  /** The rail's word for the money, once there is any. */
  readonly reference: string | undefined;
}

export type PaymentReport =
  | { readonly kind: "checkout"; readonly checkout: Checkout }
  | {
      readonly kind: "dispute";
      readonly railId: string;
      readonly state: DisputeState;
      /** The money that was called back. */
      readonly reference: string;
      readonly amountMicros: bigint | undefined;
    };
