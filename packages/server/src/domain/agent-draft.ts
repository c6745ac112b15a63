/** What a provider may say about its agent. The limits keep a listing readable and a page of them small. */
import type { AgentDraft, CapabilityDraft } from "./agent.ts";
import { Fault } from "./fault.ts";

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const CAPABILITY_SLUG = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
const NAME_CHARS_MAX = 120;
const DESCRIPTION_CHARS_MAX = 4096;
/** LinkedClaw contract §13. */
const CAPABILITY_DESCRIPTION_CHARS_MAX = 1024;
const CAPABILITIES_MAX = 64;
const TIERS_MAX = 16;
/** A million US dollars: beyond it a price is a mistake. */
const AMOUNT_MICROS_MAX = 1_000_000_000_000n;

/** Throws `invalid_request` naming the first field that is wrong. */
export function checkAgentDraft(draft: AgentDraft): void {
  require(SLUG.test(draft.slug), "slug", "1 to 64 lower-case letters, digits and inner dashes");
  requireText(draft.name, "agent_name", NAME_CHARS_MAX);
  requireText(draft.description, "description", DESCRIPTION_CHARS_MAX);
  const count = draft.capabilities.length;
  require(count >= 1 &&
    count <= CAPABILITIES_MAX, "capabilities", `1 to ${CAPABILITIES_MAX} of them`);
  const slugs = new Set(draft.capabilities.map(({ slug }) => slug));
  require(slugs.size === count, "capabilities", "each named once");
  for (const capability of draft.capabilities) checkCapability(capability);
}

function checkCapability({ slug, description, price }: CapabilityDraft): void {
  const field = `capabilities_meta.${slug}`;
  require(CAPABILITY_SLUG.test(
    slug,
  ), "capabilities", "names of up to 128 letters, digits, dots, dashes and underscores");
  requireText(description, `${field}.description`, CAPABILITY_DESCRIPTION_CHARS_MAX);
  if (price.kind === "tiers") {
    const { tiers } = price;
    require(tiers.length >= 1 && tiers.length <= TIERS_MAX, `${field}.curve`, "1 to 16 tiers");
    for (const { amountMicros } of tiers) requireAmount(amountMicros, `${field}.curve`);
  }
  if (price.kind === "open-quote") {
    const { estimateMicros = 0n, ceilingMicros = AMOUNT_MICROS_MAX } = price;
    requireAmount(estimateMicros, `${field}.estimate_credits`);
    requireAmount(ceilingMicros, `${field}.ceiling_credits`);
    require(estimateMicros <=
      ceilingMicros, `${field}.estimate_credits`, "no more than ceiling_credits");
  }
}

function requireAmount(micros: bigint, field: string): void {
  require(micros >= 0n &&
    micros <= AMOUNT_MICROS_MAX, field, "an amount from nothing to a million US dollars");
}

function requireText(text: string, field: string, charsMax: number): void {
  // Characters as people count them, not the units that JavaScript keeps some of them in two of.
  const isShort = text.length <= charsMax || Array.from(text).length <= charsMax;
  require(text.trim().length > 0 && isShort, field, `1 to ${charsMax} characters`);
}

function require(isFine: boolean, field: string, rule: string): void {
  if (!isFine) throw new Fault("invalid_request", `${field} must be ${rule}.`, { field });
}
