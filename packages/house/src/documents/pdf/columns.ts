/** Pages in columns: the gutter between them, and the order in which their regions are read. */
import { buildLines, type Line } from "./lines.ts";
import type { Piece } from "./pages.ts";

/** Lines that are read one below the other. */
export type Region = Line[];

const RULES = {
  /** Fewer lines are a table or an address block rather than columns. */
  linesMin: 10,
  sideLinesMin: 4,
  /** The gutter lies in this part of the text's width, and is at least this wide in points. */
  fromShare: 0.2,
  toShare: 0.8,
  gutterPoints: 7,
  /** Titles and figures may cross the gutter; running text does not. */
  crossingShareMax: 0.35,
  /** Running text fills its column; the cells of a table do not. */
  fillShareMin: 0.6,
  depthMax: 3,
} as const;

/** The regions of a page in reading order: down one column, then down the next. */
export function readingOrder(pieces: readonly Piece[], depth = 0): Region[] {
  const lines = buildLines(pieces);
  const gutter = depth < RULES.depthMax ? findGutter(lines) : undefined;
  if (gutter === undefined) return lines.length > 0 ? [lines] : [];
  const regions: Region[] = [];
  let band: Piece[] = [];
  const flush = () => {
    for (const isLeft of [true, false]) {
      const side = band.filter((piece) => piece.x + piece.width / 2 < gutter === isLeft);
      regions.push(...readingOrder(side, depth + 1));
    }
    band = [];
  };
  for (const line of lines) {
    if (!crosses(line, gutter)) band.push(...line.pieces);
    else {
      flush();
      regions.push([line]);
    }
  }
  flush();
  return joinCrossing(regions, gutter);
}

/** Lines across the gutter that follow each other are one region again. */
function joinCrossing(regions: readonly Region[], gutter: number): Region[] {
  const joined: Region[] = [];
  let wasCrossing = false;
  for (const region of regions) {
    const [first] = region;
    const isCrossing = region.length === 1 && first !== undefined && crosses(first, gutter);
    const last = joined.at(-1);
    if (isCrossing && wasCrossing && last) last.push(first);
    else joined.push([...region]);
    wasCrossing = isCrossing;
  }
  return joined;
}

function crosses(line: Line, x: number): boolean {
  return line.segments.some((segment) => segment.x < x - 1 && segment.right > x + 1);
}

function findGutter(lines: readonly Line[]): number | undefined {
  if (lines.length < RULES.linesMin) return undefined;
  const left = Math.min(...lines.map(({ x }) => x));
  const right = Math.max(...lines.map((line) => line.right));
  const width = right - left;
  let best: { x: number; crossing: number } | undefined;
  const end = left + width * RULES.toShare;
  for (let x = left + width * RULES.fromShare; x <= end; x += 2) {
    const crossing = lines.filter((line) => isBlocked(line, x)).length;
    if (!best || crossing < best.crossing) best = { x, crossing };
  }
  if (!best || best.crossing > lines.length * RULES.crossingShareMax) return undefined;
  const { x } = best;
  const open = lines.filter((line) => !isBlocked(line, x));
  const fills = [
    open.map((line) => fill(line, left, x)).filter((share) => share > 0),
    open.map((line) => fill(line, x, right)).filter((share) => share > 0),
  ];
  const isFilled = fills.every(
    (shares) => shares.length >= RULES.sideLinesMin && median(shares) >= RULES.fillShareMin,
  );
  return isFilled ? x : undefined;
}

/** Whether text of the line comes within half a gutter of `x`. */
function isBlocked(line: Line, x: number): boolean {
  const half = RULES.gutterPoints / 2;
  return line.segments.some((segment) => segment.x < x + half && segment.right > x - half);
}

/** The share of the space between `from` and `to` that the line's text covers there. */
function fill(line: Line, from: number, to: number): number {
  const inside = line.segments.filter(
    ({ x, right }) => (x + right) / 2 > from && (x + right) / 2 < to,
  );
  return inside.reduce((sum, { x, right }) => sum + right - x, 0) / (to - from);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
