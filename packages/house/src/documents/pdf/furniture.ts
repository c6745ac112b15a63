/** What stands on every page and is not part of the text: running heads, feet and page numbers. */

import { buildLines, type Line } from "./lines.ts";
import type { PdfPage, Piece } from "./pages.ts";

/** Running heads and feet stand in this share of the page, at its top and at its bottom. */
const MARGIN_SHARE = 0.1;
/** On fewer pages than this, a repetition may be chance. */
const PAGES_MIN = 3;

/** The pages without their furniture. */
export function removeFurniture(pages: readonly PdfPage[]): PdfPage[] {
  if (pages.length < 2) return [...pages];
  const seen = new Map<string, number>();
  const marginal = pages.map((page) => linesInMargin(page));
  for (const lines of marginal) {
    for (const key of new Set(lines.map(keyOf))) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const enough = Math.max(PAGES_MIN, pages.length * 0.4);
  const isFurniture = (line: Line) => {
    const pagesWithIt = seen.get(keyOf(line)) ?? 0;
    return pagesWithIt >= (isPageNumber(line) ? 2 : enough);
  };
  return pages.map((page, index) => {
    const gone = new Set<Piece>(
      (marginal[index] ?? []).filter(isFurniture).flatMap(({ pieces }) => pieces),
    );
    return { ...page, pieces: page.pieces.filter((piece) => !gone.has(piece)) };
  });
}

function linesInMargin(page: PdfPage): Line[] {
  const margin = page.height * MARGIN_SHARE;
  return buildLines(page.pieces.filter(({ y }) => y < margin || y > page.height - margin));
}

function textOf(line: Line): string {
  return line.segments.map(({ text }) => text).join(" ");
}

/** Page numbers change from page to page, so digits count as alike. */
function keyOf(line: Line): string {
  return textOf(line).replace(/\d+/g, "#");
}

function isPageNumber(line: Line): boolean {
  return /^\W*(?:page\s*)?\d{1,4}(?:\s*(?:\/|of)\s*\d{1,4})?\W*$/i.test(textOf(line));
}
