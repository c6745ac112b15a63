import { type Capability, type CapabilityContext, objectSchema } from "../capability.ts";

interface Input {
  query: string;
  documents: string[];
  top_k?: number;
}

const SCORE = { type: "number", minimum: 0, maximum: 1 };

export const RERANKER: Capability = {
  slug: "reranker",
  summary: "Orders texts by how well they answer a query.",
  description:
    "Orders 1 to 128 documents by how well they answer a query, best first. Call it to pick the few " +
    "passages worth reading out of many search results. Takes `query`, `documents` and, if wanted, " +
    "`top_k`. Gives `results` (`index` in the request, `score` from 0 to 1, `document`) and `response` " +
    "(`id` and `score`, the same in short). Meaning (an English sentence model) and shared words (BM25) " +
    "count together; for queries in other scripts, such as Chinese, words alone decide. Scores compare " +
    "the documents of one call, not those of two.",
  inputSchema: objectSchema(
    {
      query: { type: "string", minLength: 1, maxLength: 4096 },
      documents: {
        type: "array",
        minItems: 1,
        maxItems: 128,
        items: { type: "string", minLength: 1, maxLength: 8192 },
      },
      top_k: {
        type: "integer",
        minimum: 1,
        maximum: 128,
        description: "How many results, at most.",
      },
    },
    ["query", "documents"],
    [
      {
        query: "How do I reset my password?",
        documents: [
          "Opening hours are nine to five.",
          "Use the link 'forgot password' to reset it.",
        ],
        top_k: 1,
      },
    ],
  ),
  outputSchema: objectSchema(
    {
      results: {
        type: "array",
        items: {
          type: "object",
          properties: {
            index: { type: "integer", minimum: 0 },
            score: SCORE,
            document: { type: "string" },
          },
          required: ["index", "score", "document"],
          additionalProperties: false,
        },
      },
      response: {
        type: "array",
        items: {
          type: "object",
          properties: { id: { type: "integer", minimum: 0 }, score: SCORE },
          required: ["id", "score"],
          additionalProperties: false,
        },
      },
    },
    ["results", "response"],
    [],
  ),
  priceCredits: 10,
  async run({ query, documents, top_k = documents.length }: Input, context: CapabilityContext) {
    const scores = await context.compute("rank", { query, documents });
    const results = documents
      .map((document, index) => ({ index, score: scores[index] ?? 0, document }))
      .sort((a, b) => b.score - a.score)
      .slice(0, top_k);
    return { results, response: results.map(({ index, score }) => ({ id: index, score })) };
  },
};
