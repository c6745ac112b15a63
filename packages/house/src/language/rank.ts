/**
 * Orders documents by how well they answer a query: by meaning (cosine of the sentence model, best
 * passage of each document) and by words (BM25), added with fixed weights.
 */
import type { TaskContext } from "../workers/tasks.ts";
import { lexicalScores } from "./lexical.ts";
import { embedTexts } from "./sentence-model.ts";

export interface RankRequest {
  query: string;
  documents: string[];
}

/** A score from 0 to 1 for each document, in the order of the request. */
export type Ranking = number[];

const MEANING_WEIGHT = 0.6;
/** About what the model reads of a text, in characters. */
const PASSAGE_CHARACTERS = 500;
/** Passages of all documents together: some 6 s of work on one core. */
const PASSAGES_MAX = 512;

export async function rank(
  { query, documents }: RankRequest,
  { signal }: TaskContext,
): Promise<Ranking> {
  const passagesEach = Math.max(1, Math.floor(PASSAGES_MAX / documents.length));
  const passages = documents.map((document) => cutPassages(document, passagesEach));
  const [asked = [], ...vectors] = await embedTexts([query, ...passages.flat()], signal);
  const lexical = lexicalScores(query, documents);
  const weight = MEANING_WEIGHT * readableShare(query);
  let next = 0;
  return passages.map((own, index) => {
    const cosines = own.map(() => dot(asked, vectors[next++] ?? []));
    const meaning = Math.max(0, ...cosines);
    const score = weight * meaning + (1 - weight) * (lexical[index] ?? 0);
    return Math.round(Math.min(1, score) * 1e6) / 1e6;
  });
}

/**
 * The share of a query that the model can read. It knows Latin letters; where it sees only unknown
 * characters, every text means the same to it, and the words alone have to decide.
 */
function readableShare(query: string): number {
  const letters = [...query].filter((letter) => /[\p{L}\p{N}]/u.test(letter));
  const known = letters.filter((letter) => /[\p{sc=Latin}\p{N}]/u.test(letter));
  return letters.length > 0 ? known.length / letters.length : 0;
}

/** Passages of about one length, cut between words, spread over the whole document. */
function cutPassages(document: string, most: number): string[] {
  const passages: string[] = [];
  let rest = document;
  while (rest.length > PASSAGE_CHARACTERS) {
    const space = rest.lastIndexOf(" ", PASSAGE_CHARACTERS);
    const at = space > PASSAGE_CHARACTERS / 2 ? space : PASSAGE_CHARACTERS;
    passages.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  passages.push(rest);
  const step = passages.length / Math.min(passages.length, most);
  return passages.filter(
    (_, index) => Math.floor(index % step) === 0 && Math.floor(index / step) < most,
  );
}

/** The cosine of two vectors of length 1. */
function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
