/**
 * BM25 over terms. Rows are small integers that the caller hands out and may use again, so that
 * scores lie in one flat array. Own, because a search must be able to ask for some rows only and
 * to stay within milliseconds over 100,000 listings; it is forty lines of arithmetic.
 */
import { Best, type ScoredRow } from "./best.ts";

/** How fast a repeated word stops counting, and how much a long listing is held against it. */
const SATURATION = 1.2;
const LENGTH_PENALTY = 0.4;
/** Distinct terms of one query that are looked at: enough for a paragraph. */
const QUERY_TERMS_MAX = 64;

interface Postings {
  readonly rows: number[];
  readonly counts: number[];
}

export class LexicalIndex {
  readonly #postings = new Map<string, Postings>();
  /** Number of terms by row; 0 where there is none. */
  #lengths = new Float64Array(1024);
  #scores = new Float64Array(1024);
  #rowCount = 0;
  #totalLength = 0;

  /** The row must be free. `terms` says how often each occurs; a fraction is fine. */
  add(row: number, terms: ReadonlyMap<string, number>): void {
    this.#reserve(row);
    let length = 0;
    for (const [term, count] of terms) {
      length += count;
      let postings = this.#postings.get(term);
      if (!postings) {
        postings = { rows: [], counts: [] };
        this.#postings.set(term, postings);
      }
      postings.rows.push(row);
      postings.counts.push(count);
    }
    this.#lengths[row] = length;
    this.#totalLength += length;
    this.#rowCount += 1;
  }

  /** With the same terms that the row was added with: the index does not keep them. */
  remove(row: number, terms: Iterable<string>): void {
    for (const term of terms) {
      const postings = this.#postings.get(term);
      const at = postings ? postings.rows.lastIndexOf(row) : -1;
      if (!postings || at === -1) continue;
      postings.rows.splice(at, 1);
      postings.counts.splice(at, 1);
      if (postings.rows.length === 0) this.#postings.delete(term);
    }
    this.#totalLength -= this.#lengths[row] ?? 0;
    this.#lengths[row] = 0;
    this.#rowCount -= 1;
  }

  /** The best rows that `isAllowed`, best first; each has at least one of the terms. */
  search(terms: Iterable<string>, count: number, isAllowed?: Uint8Array): readonly ScoredRow[] {
    const scores = this.#scores.fill(0);
    const touched: number[] = [];
    for (const term of [...new Set(terms)].slice(0, QUERY_TERMS_MAX)) {
      const postings = this.#postings.get(term);
      if (postings) this.#score(postings, scores, touched);
    }
    const best = new Best(count);
    for (const row of touched) {
      if (!isAllowed || isAllowed[row] === 1) best.offer(row, scores[row] ?? 0);
    }
    return best.rows();
  }

  #score({ rows, counts }: Postings, scores: Float64Array, touched: number[]): void {
    const rarity = Math.log(1 + (this.#rowCount - rows.length + 0.5) / (rows.length + 0.5));
    const meanLength = this.#totalLength / this.#rowCount;
    for (const [at, row] of rows.entries()) {
      const count = counts[at] ?? 0;
      const relativeLength = (this.#lengths[row] ?? 0) / meanLength;
      const damping = SATURATION * (1 - LENGTH_PENALTY + LENGTH_PENALTY * relativeLength);
      const before = scores[row] ?? 0;
      if (before === 0) touched.push(row);
      scores[row] = before + (rarity * count * (SATURATION + 1)) / (count + damping);
    }
  }

  #reserve(row: number): void {
    if (row < this.#lengths.length) return;
    const capacity = Math.max(row + 1, this.#lengths.length * 2);
    const lengths = new Float64Array(capacity);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    this.#scores = new Float64Array(capacity);
  }
}
