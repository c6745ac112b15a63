/** What turns texts into vectors: the model that comes along, or an endpoint of the operator's. */
export interface Embedder {
  /** One vector a text, of any length but zero unless the text says nothing to the model. */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
  /** Texts that one call should have at most. */
  readonly batchMax: number;
  /** Cosines below this are chance. Depends on the model; -1 where that is not known. */
  readonly similarityMin: number;
}

/** An OpenAI-compatible service: `url` is what `/embeddings` or `/chat/completions` is appended to. */
export interface Endpoint {
  readonly url: string;
  readonly key: string | undefined;
  readonly model: string;
}
