import { type Capability, type CapabilityContext, objectSchema } from "../capability.ts";
import { SENTENCE_MODEL } from "./sentence-facts.ts";

interface Input {
  texts: string[];
  truncate?: boolean;
}

const { dimensions, name, tokensMax } = SENTENCE_MODEL;

export const EMBEDDINGS: Capability = {
  slug: "embeddings",
  summary: "Turns English texts into vectors for search and comparison.",
  description:
    `Turns 1 to 128 texts into vectors of ${dimensions} numbers and length 1, so that the dot product ` +
    "of two says how alike they are in meaning. Call it for semantic search, clustering or finding " +
    "duplicates. Takes `texts` and `truncate` (default true). Gives `shape` [texts, numbers], `data` " +
    `(a vector a text, in order), \`model\` and \`truncated\`. The model reads the first ${tokensMax} tokens ` +
    "(some 500 characters) of each text; longer ones are cut and marked in `truncated`, or refused if " +
    "`truncate` is false. It is trained on English: other languages in Latin letters work poorly, and " +
    "others not at all.",
  inputSchema: objectSchema(
    {
      texts: {
        type: "array",
        minItems: 1,
        maxItems: 128,
        items: { type: "string", minLength: 1, maxLength: 8192 },
      },
      truncate: {
        type: "boolean",
        default: true,
        description: `Cut texts of more than ${tokensMax} tokens. If false, they are refused.`,
      },
    },
    ["texts"],
    [{ texts: ["The cat sits on the mat.", "A feline rests on a rug."] }],
  ),
  outputSchema: objectSchema(
    {
      shape: { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 2 },
      data: { type: "array", items: { type: "array", items: { type: "number" } } },
      model: { type: "string" },
      truncated: { type: "array", items: { type: "boolean" } },
    },
    ["shape", "data", "model", "truncated"],
    [],
  ),
  priceCredits: 5,
  async run({ texts, truncate = true }: Input, context: CapabilityContext) {
    const { vectors, truncated } = await context.compute("embed", { texts, truncate });
    return { shape: [vectors.length, dimensions], data: vectors, model: name, truncated };
  },
};
