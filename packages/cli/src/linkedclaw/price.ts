/** Prices in words: of a capability, from its entry in `capabilities_meta`, and of a session. */
import { fieldsOf } from "../server.ts";

const PER: Readonly<Record<string, string>> = {
  per_call: "per call",
  per_session: "per session",
  per_message: "per message",
  per_task: "per task",
  itemized: "by invoice",
};

/** `50 per call`, `free`, or `on quote (about 200)`. */
export function priceOf(entry: Readonly<Record<string, unknown>> | undefined): string {
  if (entry?.open_quote === true) {
    const { estimate_credits: estimate } = entry;
    return typeof estimate === "number" ? `on quote (about ${estimate})` : "on quote";
  }
  const curve = Array.isArray(entry?.curve) ? entry.curve : [];
  const tiers = curve.map((tier) => {
    const { cost_shape: shape, cost_amount: amount } = fieldsOf(tier);
    return amountText(amount, shape);
  });
  return tiers.length > 0 ? tiers.join(", ") : "free";
}

/** What a session costs by its quote; `undefined` where nothing was agreed on. */
export function quoteText(quote: unknown, isOpenQuote: boolean): string | undefined {
  const { shape, amount_credits: amount, max_credits: max } = fieldsOf(quote);
  if (isOpenQuote && typeof max !== "number") return "on quote, none accepted yet";
  if (typeof max === "number") return `about ${amount}, at most ${max} credits`;
  return shape === undefined ? undefined : amountText(amount, shape);
}

function amountText(amount: unknown, shape: unknown): string {
  if (amount === 0 || shape === "free") return "free";
  return `${amount} ${PER[String(shape)] ?? String(shape)}`;
}
