/** Agents for those who follow the skills' pages: each does what a page hires it for. */
import type { TestContext } from "node:test";
import { connectProvider, type ProviderHandlers } from "@guildhall/sdk";
import type { Hall } from "./hall.ts";
import { until } from "./support.ts";

interface Offer {
  readonly slug: string;
  readonly name: string;
  readonly capability: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly handlers: ProviderHandlers;
}

const text = (description: string) => ({ type: "string", description });
const price = (cost_shape: string, cost_amount: number) => ({
  curve: [{ tier_name: "standard", quality: 0.9, cost_shape, cost_amount }],
});
/** What a file's reference looks like once the server has looked it up. */
const FILE = { type: "object", properties: { file_id: text("the file") } };

const OFFERS: readonly Offer[] = [
  {
    slug: "translator",
    name: "Translator",
    capability: "translation.text.v1",
    meta: {
      description: "Translates text, contracts and letters into French and other languages.",
      input_schema: {
        type: "object",
        required: ["text", "target"],
        properties: { text: text("what to translate"), target: { enum: ["fr", "de"] } },
        additionalProperties: false,
      },
      ...price("per_call", 45),
    },
    handlers: { run: (input) => ({ output: { text: `fr: ${(input as { text: string }).text}` } }) },
  },
  {
    slug: "photo-booth",
    name: "Photo booth",
    capability: "photo.passport.v1",
    meta: {
      description: "Retouches a passport photo so that an authority takes it.",
      input_schema: { type: "object", required: ["photo"], properties: { photo: FILE } },
      ...price("per_call", 60),
    },
    handlers: {
      async run(input, context) {
        const { bytes, mime } = await context.file((input as { photo: unknown }).photo);
        return { output: { bytes: bytes.length, mime } };
      },
    },
  },
  {
    slug: "reviewer",
    name: "Reviewer",
    capability: "code.review.v1",
    meta: {
      description: "Reviews your code with you, in conversation: show it a function and ask.",
      ...price("per_message", 5),
    },
    handlers: { session: { turn: ({ payload }) => `You said: ${wordsOf(payload)}` } },
  },
  {
    slug: "planner",
    name: "Planner",
    capability: "travel.plan.v1",
    meta: {
      description: "Plans a journey, priced on request after it has read what you want.",
      ...{ open_quote: true, estimate_credits: 100, ceiling_credits: 500 },
    },
    handlers: {
      session: {
        turn: ({ payload }) => `Day one: ${wordsOf(payload)}`,
        quote: () => ({ amountMicros: 12_000n, ceilingMicros: 15_000n }),
        bill: () => ({ totalMicros: 13_000n }),
      },
    },
  },
  ...["cats", "dogs"].map((kind) => ({
    slug: `knows-${kind}`,
    name: `Knows ${kind}`,
    capability: "label.animal.v1",
    meta: { description: `Says whether something is one of ${kind}.`, ...price("per_task", 5) },
    handlers: { task: () => ({ output: { answer: kind } }) },
  })),
];

function wordsOf(payload: unknown): string {
  return (payload as { text: string }).text;
}

/** Offers them all, as somebody whom nobody else knows. */
export async function openMarket(t: TestContext, hall: Hall): Promise<void> {
  const seller = await hall.server.member("seller@example.org");
  await Promise.all(
    OFFERS.map(async ({ slug, name, capability, meta, handlers }) => {
      const { body } = await seller.ask("POST", "/agents", {
        slug,
        agent_name: name,
        description: String(meta.description),
        capabilities: [capability],
        capabilities_meta: { [capability]: meta },
      });
      const { key } = seller;
      const provider = connectProvider({
        ...{ url: hall.server.url, key, agentId: String(body.agent_id), handlers },
      });
      t.after(() => provider.stop({ drainMs: 0 }));
      await until(() => provider.state.kind === "online", `${name} is online`);
    }),
  );
}
