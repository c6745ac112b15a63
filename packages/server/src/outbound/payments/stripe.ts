/**
 * Payments by Stripe Checkout: a page of Stripe's for each top-up, and Stripe's signed reports of what
 * became of it. Amounts are whole US cents there.
 */
import Stripe from "stripe";
import type { CardPayments, Checkout, PaymentReport } from "../../core/ports.ts";
import type { DisputeState } from "../../domain/dispute.ts";
import { Fault } from "../../domain/fault.ts";

export interface StripeSettings {
  readonly secretKey: string;
  /** Of the endpoint that Stripe reports to. */
  readonly webhookSecret: string;
  /** Stripe's own, or one that speaks like it. */
  readonly apiUrl: string;
}

const MICROS_PER_CENT = 10_000n;
/** Stripe answers in less than a second; a person is waiting. */
const ANSWER_MS_MAX = 20_000;
const RETRIES_MAX = 2;
/** How old a report may be when it comes. Stripe signs each attempt anew. */
const TOLERANCE_SECONDS = 300;
const COME_BACK_SECONDS = 30;
const WHAT_IS_SOLD = "Guildhall credit";

export function createStripePayments(settings: StripeSettings): CardPayments {
  const { protocol, hostname, port } = new URL(settings.apiUrl);
  const stripe = new Stripe(settings.secretKey, {
    host: hostname,
    protocol: protocol === "http:" ? "http" : "https",
    ...(port !== "" && { port }),
    timeout: ANSWER_MS_MAX,
    maxNetworkRetries: RETRIES_MAX,
    telemetry: false,
  });
  const { sessions } = stripe.checkout;
  return {
    async openCheckout({ topupId, amountMicros, paidUrl, cancelledUrl }) {
      const session = await answered(
        sessions.create(
          {
            mode: "payment",
            // Cards are paid at once. Ways that take days would outlive a top-up.
            allowed_payment_method_types: ["card"],
            // What is paid is what was asked for, in dollars.
            adaptive_pricing: { enabled: false },
            client_reference_id: topupId,
            metadata: { topup_id: topupId },
            payment_intent_data: { metadata: { topup_id: topupId } },
            line_items: [{ quantity: 1, price_data: priceOf(amountMicros) }],
            success_url: paidUrl,
            cancel_url: cancelledUrl,
          },
          { idempotencyKey: `topup-${topupId}` },
        ),
      );
      if (!session.url) throw new Error("Stripe made a page without an address");
      return { paymentId: session.id, url: session.url };
    },

    findCheckout: (paymentId) => found(sessions.retrieve(paymentId)),

    async findCheckoutByReference(reference) {
      const { data } = await answered(sessions.list({ payment_intent: reference, limit: 1 }));
      return data[0] && toCheckout(data[0]);
    },

    async closeCheckout(paymentId) {
      try {
        return toCheckout(await sessions.expire(paymentId));
      } catch (error) {
        // Somebody paid, or Stripe closed it, since it was looked at.
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw unreachable(error);
        return found(sessions.retrieve(paymentId));
      }
    },

    async readReport(body, signature, at) {
      try {
        const receivedMs = at.getTime();
        const { webhookSecret } = settings;
        return toReport(
          stripe.webhooks.constructEvent(
            ...([body, signature ?? "", webhookSecret, TOLERANCE_SECONDS] as const),
            undefined,
            receivedMs,
          ),
        );
      } catch (cause) {
        const message = "This report is not signed by Stripe, or was signed too long ago.";
        throw new Fault("invalid_request", message, { field: "stripe-signature" }, { cause });
      }
    },
  };
}

function priceOf(amountMicros: bigint) {
  return {
    currency: "usd",
    unit_amount: Number(amountMicros / MICROS_PER_CENT),
    product_data: { name: WHAT_IS_SOLD },
  };
}

/** Waits for Stripe. Throws `overloaded` where it cannot be reached or has too much to do. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unreachable(error);
  }
}

async function found(answer: Promise<Stripe.Checkout.Session>): Promise<Checkout | undefined> {
  try {
    return toCheckout(await answer);
  } catch (error) {
    if ((error as { code?: unknown }).code === "resource_missing") return undefined;
    throw unreachable(error);
  }
}

/** A refusal of Stripe's is a mistake of ours or of the operator's, and is logged as it came. */
function unreachable(cause: unknown): unknown {
  const { errors } = Stripe;
  const isOutage =
    cause instanceof errors.StripeConnectionError ||
    cause instanceof errors.StripeAPIError ||
    cause instanceof errors.StripeRateLimitError;
  if (!isOutage) return cause;
  const facts = { retryAfterSeconds: COME_BACK_SECONDS };
  return new Fault("overloaded", "Stripe cannot be reached just now.", facts, { cause });
}

function toCheckout(session: Stripe.Checkout.Session): Checkout {
  return {
    paymentId: session.id,
    state: stateOf(session),
    amountMicros: microsOf(session.amount_total, session.currency),
    reference: idOf(session.payment_intent),
  };
}

function stateOf({ status, payment_status: paid }: Stripe.Checkout.Session): Checkout["state"] {
  if (paid === "paid") return "paid";
  if (status === "expired") return "expired";
  return status === "complete" ? "waiting" : "open";
}

function toReport(event: Stripe.Event): PaymentReport | undefined {
  switch (event.type) {
    case "checkout.session.completed":
    case "checkout.session.async_payment_succeeded":
    case "checkout.session.expired":
      return { kind: "checkout", checkout: toCheckout(event.data.object) };
    case "checkout.session.async_payment_failed":
      return {
        kind: "checkout",
        checkout: { ...toCheckout(event.data.object), state: "declined" },
      };
    case "charge.dispute.created":
    case "charge.dispute.updated":
    case "charge.dispute.funds_withdrawn":
    case "charge.dispute.funds_reinstated":
    case "charge.dispute.closed":
      return toDispute(event.data.object);
    default:
      return undefined;
  }
}

/** Inquiries, which take no money, are none: Stripe reports a dispute when one becomes of them. */
const DISPUTE_STATES: ReadonlyMap<string, DisputeState> = new Map([
  ["needs_response", "open"],
  ["under_review", "open"],
  ["won", "won"],
  ["prevented", "won"],
  ["warning_closed", "won"],
  ["lost", "lost"],
]);

function toDispute(dispute: Stripe.Dispute): PaymentReport | undefined {
  const state = DISPUTE_STATES.get(dispute.status);
  const reference = idOf(dispute.payment_intent);
  if (state === undefined || reference === undefined) return undefined;
  const amountMicros = microsOf(dispute.amount, dispute.currency);
  return { kind: "dispute", railId: dispute.id, state, reference, amountMicros };
}

function microsOf(cents: number | null, currency: string | null): bigint | undefined {
  if (currency !== "usd" || cents === null || !Number.isSafeInteger(cents) || cents <= 0) {
    return undefined;
  }
  return BigInt(cents) * MICROS_PER_CENT;
}

function idOf(reference: string | { readonly id: string } | null): string | undefined {
  return typeof reference === "string" ? reference : reference?.id;
}
