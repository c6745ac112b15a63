/** Prices as `provider register --pricing` takes them, e.g. `"50 per_call"`. */
import { usageFailure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";

const SHAPES = ["per_session", "per_message", "per_call", "per_task"] as const;
const PRICING = new RegExp(`^(\\d{1,12})\\s+(${SHAPES.join("|")})$`);

export interface Pricing {
  readonly credits: number;
  readonly shape: string;
}

export function parsePricing(text: string): Pricing {
  const [, credits, shape] = PRICING.exec(text.trim()) ?? [];
  if (credits !== undefined && shape !== undefined) return { credits: Number(credits), shape };
  throw usageFailure(
    `--pricing is "<credits> <shape>", not "${text}".`,
    `For example --pricing "50 per_call"; shapes are ${SHAPES.join(", ")}.`,
  );
}

type Body = Readonly<Record<string, unknown>>;

/** The tiers that a price gives to each capability that has none of its own. */
export function curvesOf(body: Body, { credits, shape }: Pricing): Record<string, unknown> {
  const curve = [{ tier_name: "standard", quality: 1, cost_shape: shape, cost_amount: credits }];
  const meta = fieldsOf(body.capabilities_meta);
  const unpriced = capabilitiesOf(body).filter((name) => !isPriced(fieldsOf(meta[name])));
  return Object.fromEntries(unpriced.map((name) => [name, curve]));
}

/** The listing with these tiers. */
export function withCurves(body: Body, curves: Readonly<Record<string, unknown>>): Body {
  const meta = fieldsOf(body.capabilities_meta);
  const priced = Object.entries(curves).map(([name, curve]): [string, Body] => {
    return [name, { ...fieldsOf(meta[name]), curve }];
  });
  return { ...body, capabilities_meta: { ...meta, ...Object.fromEntries(priced) } };
}

/** Capabilities that anybody may have for nothing. */
export function freeCapabilities(body: Body): string[] {
  if (body.pricing_model !== undefined && body.pricing_model !== "free") return [];
  const meta = fieldsOf(body.capabilities_meta);
  return capabilitiesOf(body).filter((name) => !isPriced(fieldsOf(meta[name])));
}

function isPriced(entry: Body): boolean {
  return (Array.isArray(entry.curve) && entry.curve.length > 0) || entry.open_quote === true;
}

function capabilitiesOf(body: Body): string[] {
  return Array.isArray(body.capabilities) ? body.capabilities.map(String) : [];
}
