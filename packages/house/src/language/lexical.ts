/** Relevance by shared words: BM25 over the documents of one request, in any language. */

const K1 = 1.2;
const B = 0.75;

/** Words of scripts that have spaces; pairs of characters of those that have none. */
export function terms(text: string): string[] {
  const found: string[] = [];
  for (const [word] of text
    .normalize("NFKC")
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+/gu)) {
    if (!/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/u.test(word))
      found.push(stem(word));
    else {
      const letters = [...word];
      if (letters.length === 1) found.push(word);
      for (let at = 0; at + 1 < letters.length; at++)
        found.push(`${letters[at]}${letters[at + 1]}`);
    }
  }
  return found;
}

/** Enough of a stem that a plural finds its singular; wrong for no word that matters here. */
function stem(word: string): string {
  return word.length > 3 ? word.replace(/(?:ies|es|s)$/, "") : word;
}

/** How well each document answers the query by its words: 0 for none, 1 for the best possible. */
export function lexicalScores(query: string, documents: readonly string[]): number[] {
  const wanted = [...new Set(terms(query))];
  const counted = documents.map((document) => count(terms(document)));
  const lengths = counted.map((counts) => [...counts.values()].reduce((sum, n) => sum + n, 0));
  const meanLength = Math.max(1, lengths.reduce((sum, n) => sum + n, 0) / documents.length);
  const weights = wanted.map((term) => {
    const holders = counted.filter((counts) => counts.has(term)).length;
    return Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5));
  });
  // A document that has each word without end would score this much.
  const best = weights.reduce((sum, weight) => sum + weight, 0) * (K1 + 1);
  return counted.map((counts, document) => {
    const length = 1 - B + B * ((lengths[document] ?? 0) / meanLength);
    const score = wanted.reduce((sum, term, index) => {
      const n = counts.get(term) ?? 0;
      return sum + ((weights[index] ?? 0) * n * (K1 + 1)) / (n + K1 * length);
    }, 0);
    return best > 0 ? score / best : 0;
  });
}

function count(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
