/** The `count` best of many scored rows, without sorting them all. */
export interface ScoredRow {
  readonly row: number;
  readonly score: number;
}

/** Rows with equal scores keep the order in which they were offered. */
export class Best {
  readonly #count: number;
  readonly #kept: ScoredRow[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  offer(row: number, score: number): void {
    const kept = this.#kept;
    const last = kept.at(-1);
    if (kept.length === this.#count && (!last || score <= last.score)) return;
    let at = kept.length;
    while (at > 0 && score > (kept[at - 1]?.score ?? score)) at -= 1;
    kept.splice(at, 0, { row, score });
    if (kept.length > this.#count) kept.pop();
  }

  /** Best first. */
  rows(): readonly ScoredRow[] {
    return this.#kept;
  }
}
