/** What is made of measured values. */

/** The value in the middle. Throws where there is none. */
export function median(values: readonly number[]): number {
  return middle(values.toSorted((a, b) => a - b));
}

/** The one in the middle of a sorted list. Throws where there is none. */
export function middle<T>(sorted: readonly T[]): T {
  const found = sorted[Math.floor(sorted.length / 2)];
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}

/** The value below which such a share of the sorted ones is; 0 where there are none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

/** With three digits after the point. */
export function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
