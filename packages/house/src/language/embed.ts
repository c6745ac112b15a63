import { CapabilityError } from "../capability.ts";
import type { TaskContext } from "../workers/tasks.ts";
import { SENTENCE_MODEL } from "./sentence-facts.ts";
import { countTokens, embedTexts } from "./sentence-model.ts";

export interface EmbedRequest {
  texts: string[];
  /** Whether a text that is too long for the model may be cut. */
  truncate: boolean;
}

export interface Embeddings {
  vectors: number[][];
  /** Which of the texts were cut. */
  truncated: boolean[];
}

/** Six decimals keep the order of any two similarities that the model can tell apart. */
const DECIMALS = 1e6;

/** @throws CapabilityError `invalid_request` when a text is too long and may not be cut */
export async function embed(request: EmbedRequest, { signal }: TaskContext): Promise<Embeddings> {
  const tokens = await countTokens(request.texts);
  const truncated = tokens.map((count) => count > SENTENCE_MODEL.tokensMax);
  const first = truncated.indexOf(true);
  if (!request.truncate && first >= 0) {
    throw new CapabilityError(
      "invalid_request",
      `texts[${first}] has ${tokens[first]} tokens and the model reads ` +
        `${SENTENCE_MODEL.tokensMax}. Split it, or allow "truncate".`,
    );
  }
  const vectors = await embedTexts(request.texts, signal);
  const round = (value: number) => Math.round(value * DECIMALS) / DECIMALS;
  return { vectors: vectors.map((vector) => vector.map(round)), truncated };
}
