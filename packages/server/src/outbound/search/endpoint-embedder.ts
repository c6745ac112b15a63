/** Embeddings from an OpenAI-compatible endpoint (`POST {url}/embeddings`). */
import { request } from "undici";
import type { Embedder, Endpoint } from "./embedder.ts";

const TIMEOUT_MS = 10_000;

/** `embed` throws when the endpoint refuses, takes longer than ten seconds or answers nonsense. */
export function createEndpointEmbedder(endpoint: Endpoint): Embedder {
  return {
    batchMax: 32,
    similarityMin: -1,
    async embed(texts) {
      const { statusCode, body } = await request(`${endpoint.url}/embeddings`, {
        method: "POST",
        headers: headersFor(endpoint),
        body: JSON.stringify({ model: endpoint.model, input: texts, encoding_format: "float" }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`the embeddings endpoint answered ${statusCode}`);
      return vectorsIn(JSON.parse(text), texts.length);
    },
  };
}

export function headersFor({ key }: Endpoint): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  return key === undefined ? headers : { ...headers, authorization: `Bearer ${key}` };
}

function vectorsIn(answer: unknown, count: number): readonly Float32Array[] {
  const data = (answer as { data?: unknown } | null)?.data;
  if (!Array.isArray(data) || data.length !== count) {
    throw new Error(`the embeddings endpoint did not answer with ${count} vectors`);
  }
  const vectors = new Array<Float32Array | undefined>(count);
  for (const [position, entry] of data.entries()) {
    const { embedding, index = position } = entry as { embedding?: unknown; index?: number };
    if (Array.isArray(embedding) && embedding.every(Number.isFinite)) {
      vectors[index] = Float32Array.from(embedding as number[]);
    }
  }
  return Array.from(vectors, (vector) => {
    if (!vector || vector.length !== vectors[0]?.length || vector.length === 0) {
      throw new Error("the embeddings endpoint answered with something that is not a vector");
    }
    return vector;
  });
}
