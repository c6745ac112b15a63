/**
 * What a session is agreed to cost: by the listing's price, by a later tier of it, or by a price that the
 * requester names (LinkedClaw contract §6.3, §10.3, A-1, A-29, A-32).
 */
import { Fault } from "./fault.ts";
import { type CostShape, type Price, type PriceTier, shapesOf } from "./price.ts";

/** What was agreed on. */
export type SessionTerms =
  | { readonly shape: "free" }
  | {
      readonly shape: Exclude<CostShape, "per_call">;
      /** For the session, the task, or each message. */
      readonly amountMicros: bigint;
      /** Where it stands in the listing's price; absent for a price that the requester named. */
      readonly tierIndex: number | undefined;
      readonly tierName: string | undefined;
    }
  /** Billed after the work, within a ceiling. */
  | {
      readonly shape: "open_quote";
      readonly estimateMicros: bigint;
      /** Where the requester named it; else the provider proposes one. */
      readonly ceilingMicros: bigint | undefined;
    };

/** What is held when the session opens; `undefined` where nothing is agreed on yet. */
export function holdMicrosOf(terms: SessionTerms, messagesMax: number): bigint | undefined {
  switch (terms.shape) {
    case "free":
      return 0n;
    case "per_session":
    case "per_task":
      return terms.amountMicros;
    case "per_message":
      return terms.amountMicros * BigInt(messagesMax);
    case "open_quote":
      return terms.ceilingMicros;
  }
}

/** The tier of a price that a session begins with: its first one that is sold by the session. */
export function firstTerms(price: Price): SessionTerms {
  if (price.kind === "free") return { shape: "free" };
  if (price.kind === "open-quote") {
    const estimateMicros = price.estimateMicros ?? 0n;
    return { shape: "open_quote", estimateMicros, ceilingMicros: undefined };
  }
  const index = price.tiers.findIndex(isSessionTier);
  if (index < 0) {
    throw new Fault(
      "interaction_mode_not_supported",
      "This capability is sold by the call, not by the session.",
    );
  }
  return tierTerms(price.tiers, index);
}

/**
 * The terms of another leg in the same schedule. `next` is the tier after the present one, or again the
 * last. Throws `invalid_request` where there is no such tier.
 */
export function laterTerms(
  schedule: Price,
  current: SessionTerms,
  tier: number | "next",
): SessionTerms {
  if (schedule.kind === "free" && current.shape === "free") return current;
  if (schedule.kind !== "tiers") throw noTier("This capability has no tiers; offer a quote.");
  const { tiers } = schedule;
  if (tier !== "next") {
    const wanted = tiers[tier];
    if (!wanted || !isSessionTier(wanted)) throw noTier("There is no such tier for sessions.");
    return tierTerms(tiers, tier);
  }
  const from = "tierIndex" in current ? (current.tierIndex ?? -1) : -1;
  const later = tiers.findIndex((candidate, index) => index > from && isSessionTier(candidate));
  const last = tiers.findLastIndex(isSessionTier);
  if (last < 0) throw noTier("There is no tier for sessions.");
  return tierTerms(tiers, later < 0 ? last : later);
}

function isSessionTier({ shape }: PriceTier): boolean {
  return shapesOf("session").includes(shape);
}

function tierTerms(tiers: readonly PriceTier[], index: number): SessionTerms {
  const tier = tiers[index];
  if (!tier || tier.shape === "per_call") throw noTier("There is no such tier for sessions.");
  const { shape, amountMicros, name } = tier;
  return { shape, amountMicros, tierIndex: index, tierName: name };
}

/** A price that the requester names. */
export interface NamedQuote {
  readonly shape: SessionTerms["shape"];
  readonly amountMicros: bigint;
  readonly ceilingMicros: bigint | undefined;
}

/**
 * The terms of a price that the requester names. The provider may still decline it, but programs accept
 * by themselves: so it may not come to less than the listed price would, however many messages are
 * used of those that are paid for.
 */
export function namedTerms(quote: NamedQuote, price: Price, messagesMax: number): SessionTerms {
  if (quote.shape === "open_quote" && price.kind !== "open-quote") {
    throw new Fault(
      "interaction_mode_not_supported",
      "This capability has a listed price; it is not billed by its provider.",
    );
  }
  if (quote.shape !== "open_quote" && price.kind === "open-quote") {
    throw invalidQuote(
      "The provider of this capability proposes its price: ask for an open quote.",
    );
  }
  const terms = toTerms(quote);
  const offered = holdMicrosOf(terms, messagesMax) ?? 0n;
  if (quote.ceilingMicros !== undefined && offered > quote.ceilingMicros) {
    throw invalidQuote("The session may come to more than the most that you name.");
  }
  // A price by the message is least with one message; what is held for all of them is no measure.
  const messages = terms.shape === "per_message" ? 1 : messagesMax;
  const listed = price.kind === "tiers" ? cheapestMicros(price.tiers, messages) : 0n;
  if ((holdMicrosOf(terms, messages) ?? 0n) < listed)
    throw invalidQuote("That is below the listed price.");
  return terms;
}

function toTerms({ shape, amountMicros, ceilingMicros }: NamedQuote): SessionTerms {
  if (shape === "free") return { shape };
  if (shape !== "open_quote") {
    return { shape, amountMicros, tierIndex: undefined, tierName: undefined };
  }
  if (ceilingMicros === undefined || ceilingMicros < amountMicros) {
    throw invalidQuote("An open quote names a ceiling that is at least its amount.");
  }
  return { shape, estimateMicros: amountMicros, ceilingMicros };
}

/** What the cheapest way to buy so many messages comes to. */
function cheapestMicros(tiers: readonly PriceTier[], messagesMax: number): bigint {
  const totals = tiers.flatMap((tier, index) =>
    isSessionTier(tier) ? (holdMicrosOf(tierTerms(tiers, index), messagesMax) ?? 0n) : [],
  );
  if (totals.length === 0) {
    throw new Fault(
      "interaction_mode_not_supported",
      "This capability is sold by the call, not by the session.",
    );
  }
  return totals.reduce(least);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function noTier(message: string): Fault {
  return new Fault("invalid_request", message, { field: "tier" });
}

function invalidQuote(message: string): Fault {
  return new Fault("invalid_request", message, { field: "quote" });
}
