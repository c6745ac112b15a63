/** What is true of the sentence model, for those who need not load it. */
export const SENTENCE_MODEL = {
  name: "universal-sentence-encoder-lite",
  dimensions: 512,
  /** The model looks at so many tokens of a text and at none after them (measured). */
  tokensMax: 128,
} as const;
