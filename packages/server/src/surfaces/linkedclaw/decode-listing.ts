/** Listings as this wire writes them -> agents as they are inside (LinkedClaw contract §6.2). */
import { z } from "zod";
import type { AgentDraft, CapabilityDraft, SchemaDraft } from "../../domain/agent.ts";
import { Fault } from "../../domain/fault.ts";
import type { Price } from "../../domain/price.ts";
import { check, isObject } from "../shared/check.ts";
import { MICROS_PER_CREDIT } from "./credits.ts";

const Credits = z.int().min(0).max(10_000_000_000);
const Tier = z.object({
  tier_name: z.string().min(1).max(64).nullish(),
  quality: z.number().min(0).max(1).nullish(),
  // biome-ignore format: read as a list
  cost_shape: z.enum(["free", "per_call", "per_session", "per_message", "per_task", "open_quote", "itemized"]),
  cost_amount: Credits.nullish(),
});
const Meta = z.object({
  description: z.string().nullish(),
  schema_url: z.string().max(2048).nullish(),
  schema_digest: z.string().max(80).nullish(),
  output_schema_url: z.string().max(2048).nullish(),
  output_schema_digest: z.string().max(80).nullish(),
  // Ours: a schema that the server keeps for the provider, and says where.
  input_schema: z.record(z.string(), z.unknown()).nullish(),
  output_schema: z.record(z.string(), z.unknown()).nullish(),
  curve: z.array(Tier).max(16).nullish(),
  open_quote: z.boolean().nullish(),
  estimate_credits: Credits.nullish(),
  ceiling_credits: Credits.nullish(),
});
type Meta = z.output<typeof Meta>;
/** By slug. A map, since slugs are the caller's: `constructor` is one, and `__proto__` is a mistake to name. */
const Metas = z.preprocess(
  (value) => (isObject(value) ? new Map(Object.entries(value)) : value),
  z.map(z.string(), Meta, "expected an object"),
);

/** Kept for this wire's own clients and read by nobody else (contract A-37). */
const EXTRA = [
  "slot_fulfillment",
  "fork_policy",
  "sla_tier",
  "provider_type",
  "verify_method",
] as const;
const Extra = z.object(Object.fromEntries(EXTRA.map((name) => [name, z.unknown().optional()])));

const Listing = z
  .object({
    slug: z.string(),
    agent_name: z.string(),
    description: z.string(),
    capabilities: z.array(z.string()).max(64),
    capabilities_meta: Metas.nullish(),
    pricing_model: z.enum(["free", "per_call", "per_message", "per_session", "per_task"]).nullish(),
    price_credits: Credits.nullish(),
  })
  .and(Extra);
type Listing = z.output<typeof Listing>;

export function decodeListing(body: unknown): AgentDraft {
  const listing = check(Listing, body);
  return {
    slug: listing.slug,
    name: listing.agent_name,
    description: listing.description,
    capabilities: toCapabilities(listing),
    extra: toExtra(listing),
  };
}

/** The whole listing or a part of it; capabilities and what is said of them come together. */
export function decodeListingPatch(
  body: unknown,
  current: Readonly<Record<string, unknown>>,
): Partial<AgentDraft> {
  if (!isObject(body)) {
    throw new Fault("invalid_request", "The body must be an object.", { field: "body" });
  }
  // Who has nothing to say of a field may say so by null; what only this wire keeps may be null.
  const said = Object.fromEntries(
    Object.entries(body).filter(
      ([name, value]) => value !== null || EXTRA.some((extra) => extra === name),
    ),
  );
  return decodeListing({ ...(said.pricing_model ? withoutCurves(current) : current), ...said });
}

/** One price for everything takes the place of the prices that there were. */
function withoutCurves(current: Readonly<Record<string, unknown>>): object {
  const metas = Object.entries(current.capabilities_meta ?? {}).map(([slug, meta]) => {
    const { curve: _, ...rest } = meta as Meta;
    return [slug, rest];
  });
  return { ...current, capabilities_meta: Object.fromEntries(metas) };
}

function toExtra(listing: Listing): Readonly<Record<string, unknown>> {
  const values: Readonly<Record<string, unknown>> = listing;
  return Object.fromEntries(
    EXTRA.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}

function toCapabilities(listing: Listing): CapabilityDraft[] {
  const metas = listing.capabilities_meta ?? new Map<string, Meta>();
  for (const slug of metas.keys()) {
    if (listing.capabilities.includes(slug)) continue;
    throw invalid("capabilities_meta", `names "${slug}", which is not among capabilities`);
  }
  return listing.capabilities.map((slug) => {
    const meta = metas.get(slug) ?? {};
    const field = `capabilities_meta.${slug}`;
    return {
      slug,
      // Listings from before descriptions were asked for have only one for everything.
      description: meta.description ?? (metas.has(slug) ? "" : firstOf(listing.description)),
      price: toPrice(meta, listing, field),
      inputSchema: toSchema(meta.input_schema, meta.schema_url, meta.schema_digest, field),
      outputSchema: toSchema(
        meta.output_schema,
        meta.output_schema_url,
        meta.output_schema_digest,
        field,
      ),
    };
  });
}

function toPrice(meta: Meta, listing: Listing, field: string): Price {
  const curve = meta.curve ?? legacyCurve(listing);
  if (meta.open_quote) {
    if (meta.curve?.length) throw invalid(field, "has both a curve and an open quote");
    return toOpenQuote(meta);
  }
  const paid = curve.filter((tier) => tier.cost_shape !== "free" && !isQuoted(tier));
  if (paid.length !== curve.length && curve.length > 1) {
    throw invalid(`${field}.curve`, "mixes free or open-quote tiers with others");
  }
  if (curve.some(isQuoted)) return toOpenQuote(meta);
  if (paid.length === 0) return { kind: "free" };
  return {
    kind: "tiers",
    tiers: paid.map((tier) => ({
      name: tier.tier_name ?? "standard",
      quality: tier.quality ?? undefined,
      shape: tier.cost_shape as "per_call",
      amountMicros: BigInt(tier.cost_amount ?? 0) * MICROS_PER_CREDIT,
    })),
  };
}

function firstOf(text: string): string {
  return Array.from(text).slice(0, 1024).join("");
}

/** This wire has two words for a price that is proposed after a brief (contract §6.3). */
function isQuoted({ cost_shape: shape }: z.output<typeof Tier>): boolean {
  return shape === "open_quote" || shape === "itemized";
}

function toOpenQuote({ estimate_credits: estimate, ceiling_credits: ceiling }: Meta): Price {
  return {
    kind: "open-quote",
    estimateMicros: toMicros(estimate),
    ceilingMicros: toMicros(ceiling),
  };
}

/** One price for everything, as listings once had it. */
function legacyCurve(listing: Listing): z.output<typeof Tier>[] {
  const { pricing_model: shape, price_credits: amount } = listing;
  if (!shape || shape === "free") return [];
  if (typeof amount !== "number") throw invalid("price_credits", "is missing");
  return [{ cost_shape: shape, cost_amount: amount }];
}

function toSchema(
  document: object | null | undefined,
  url: string | null | undefined,
  digest: string | null | undefined,
  field: string,
): SchemaDraft | undefined {
  if (document) return { document };
  if (!url) return undefined;
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(digest ?? "")?.[1]?.toLowerCase();
  if (!hex) throw invalid(`${field}.schema_digest`, "must be sha256:<64 hex> beside a schema_url");
  if (!isHttpsOrLoopback(url)) throw invalid(`${field}.schema_url`, "must be an https address");
  return { url, digest: hex };
}

/** Loopback is for development; the client that fetches it decides whether it may. */
function isHttpsOrLoopback(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username || password) return false;
  return (
    protocol === "https:" ||
    (protocol === "http:" && /^(?:127(?:\.\d+){3}|localhost)$/.test(hostname))
  );
}

function toMicros(credits: number | null | undefined): bigint | undefined {
  return credits === null || credits === undefined
    ? undefined
    : BigInt(credits) * MICROS_PER_CREDIT;
}

function invalid(field: string, rule: string): Fault {
  return new Fault("invalid_request", `${field} ${rule}.`, { field });
}
