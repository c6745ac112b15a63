/**
 * What a capability costs, and in which shapes of work it can be bought: the two follow from each
 * other (LinkedClaw contract §6.3).
 */
import { Fault } from "./fault.ts";

/** What one payment buys. */
export type CostShape = "per_call" | "per_session" | "per_message" | "per_task";

/** One quality at one price. The first tier of a price is the default one. */
export interface PriceTier {
  readonly name: string;
  /** 0 to 1, the seller's own word. */
  readonly quality: number | undefined;
  readonly shape: CostShape;
  readonly amountMicros: bigint;
}

export type Price =
  | { readonly kind: "free" }
  | { readonly kind: "tiers"; readonly tiers: readonly PriceTier[] }
  /** The provider proposes a price after it has seen what is asked. */
  | {
      readonly kind: "open-quote";
      readonly estimateMicros: bigint | undefined;
      readonly ceilingMicros: bigint | undefined;
    };

export const FREE: Price = { kind: "free" };

export type InteractionMode = "invoke" | "session";

// biome-ignore format: read as a table
const MODES: Readonly<Record<CostShape, readonly InteractionMode[]>> = {
  per_call:    ["invoke"],
  per_session: ["session"],
  per_message: ["session"],
  per_task:    ["invoke", "session"],
};

/** What can be bought in this way, beside what is free. */
export function shapesOf(mode: InteractionMode): readonly CostShape[] {
  return (Object.keys(MODES) as CostShape[]).filter((shape) => MODES[shape].includes(mode));
}

/** In which ways work at this price can be done: the union over its tiers. */
export function modesOf(price: Price): readonly InteractionMode[] {
  if (price.kind === "free") return ["invoke", "session"];
  if (price.kind === "open-quote") return ["session"];
  const modes = new Set(price.tiers.flatMap((tier) => MODES[tier.shape]));
  return (["invoke", "session"] as const).filter((mode) => modes.has(mode));
}

/**
 * What one run costs, in micros: the first tier that a run can be bought at.
 * Throws `interaction_mode_not_supported` where there is none.
 */
export function runPriceMicros(price: Price): bigint {
  if (price.kind === "free") return 0n;
  const tiers = price.kind === "tiers" ? price.tiers : [];
  const tier = tiers.find(({ shape }) => MODES[shape].includes("invoke"));
  if (!tier) {
    throw new Fault(
      "interaction_mode_not_supported",
      "This capability is sold by the session, not by the call.",
    );
  }
  return tier.amountMicros;
}

/** The number by which offers are sorted: the cheapest tier, nothing for free, the estimate of an open quote. */
export function sortPriceMicros(price: Price): bigint {
  if (price.kind === "free") return 0n;
  if (price.kind === "open-quote") return price.estimateMicros ?? price.ceilingMicros ?? 0n;
  const amounts = price.tiers.map(({ amountMicros }) => amountMicros);
  return amounts.sort((a, b) => Number(a - b))[0] ?? 0n;
}
