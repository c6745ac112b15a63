/** What is offered for hire: one capability of one agent, and what a conversation with it costs at most. */
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, type Card, cardOf } from "../api.ts";
import { fetchAgent, requireCapability } from "../commands/show.ts";
import { priceOf } from "../price.ts";

export interface Offer {
  readonly agentId: string;
  readonly agentName: string;
  readonly slug: string;
  readonly capability: string;
  /** `5 per message`. */
  readonly price: string;
  /** The price is named after a brief. */
  readonly isOpenQuote: boolean;
  /** What is held for so many messages, in credits. */
  creditsFor(messages: number): number;
}

/** Looks at an agent and at what it says of a capability. Refuses what cannot be talked to. */
export async function fetchOffer(
  api: Api,
  agentId: string,
  capability: string | undefined,
): Promise<Offer> {
  const answer = await fetchAgent(api, agentId);
  const card = cardOf(answer);
  const modes = fieldsOf(fieldsOf(answer).interaction_modes);
  const name = capability ?? onlyCapability(card, modes);
  const entry = requireCapability(card, name);
  if (!isTalkedTo(modes, name)) {
    throw new Failure(
      "interaction_mode_not_supported",
      `${name} of ${card.agent_name} is not done in conversation.`,
      { hint: `Have it done at once: linkedclaw invoke ${card.agent_id} --capability ${name}` },
    );
  }
  const tier = fieldsOf(Array.isArray(entry.curve) ? entry.curve[0] : undefined);
  const amount = typeof tier.cost_amount === "number" ? tier.cost_amount : 0;
  return {
    agentId: card.agent_id,
    agentName: card.agent_name,
    slug: card.slug,
    capability: name,
    price: priceOf(entry),
    isOpenQuote: entry.open_quote === true,
    creditsFor: (messages) => (tier.cost_shape === "per_message" ? amount * messages : amount),
  };
}

function onlyCapability(card: Card, modes: Readonly<Record<string, unknown>>): string {
  const [first, ...others] = card.capabilities.filter((name) => isTalkedTo(modes, name));
  if (first !== undefined && others.length === 0) return first;
  throw new Failure("usage_error", `Say for what: ${card.agent_name} offers several things.`, {
    exitCode: 2,
    hint: `--capability ${[first, ...others].filter(Boolean).join(" or ") || "…"}`,
  });
}

function isTalkedTo(modes: Readonly<Record<string, unknown>>, capability: string): boolean {
  const { modes: own } = fieldsOf(modes[capability]);
  return Array.isArray(own) && own.includes("session");
}
