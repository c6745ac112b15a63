/** Tables that are drawn by placing text: rows of segments whose places line up. */

import type { Region } from "./columns.ts";
import type { Line, Segment } from "./lines.ts";
import { joinLines, splitMarker } from "./words.ts";

export interface TableLines {
  /** How many of the region's lines it takes, from the one it starts at. */
  lines: number;
  rows: string[][];
}

interface Span {
  x: number;
  right: number;
}

/** Two rows that happen to line up are no table unless their gaps are wide, in heights of type. */
const WIDE_GAP = 2;
/** Space between rows that is this much larger than between lines says which lines are one row. */
const ROW_GAP_RATIO = 1.3;
/** Lines of one cell are not farther apart than this, in heights of type. */
const LINE_GAP_MAX = 1.6;
/** Farther below than this, in heights of type, something else begins. */
const ROW_GAP_MAX = 4;

/** The table that starts at `start`, if one does. */
export function tableAt(region: Region, start: number): TableLines | undefined {
  const first = region[start];
  if (!first || !isRow(first)) return undefined;
  let end = start + 1;
  while (end < region.length && belongs(region, start, end)) end += 1;
  // What follows the last row with several cells is not of the table.
  while (end > start + 1 && (region[end - 1]?.segments.length ?? 0) < 2) end -= 1;
  const lines = region.slice(start, end);
  const columns = columnsOf(lines);
  if (!isTable(lines, columns)) return undefined;
  return { lines: lines.length, rows: toRows(lines, columns) };
}

function isRow(line: Line): boolean {
  return line.segments.length > 1 && !splitMarker(line.segments[0]?.text ?? "") && !line.isMono;
}

/** Whether the line at `index` goes on with the table: a row, or the rest of a cell. */
function belongs(region: Region, start: number, index: number): boolean {
  const line = region[index];
  const before = region[index - 1];
  if (!line || !before || line.y - before.y > line.size * ROW_GAP_MAX) return false;
  if (isRow(line)) return true;
  const [segment] = line.segments;
  const columns = columnsOf(region.slice(start, index));
  const column = columns.findIndex((each) => overlaps(each, segment));
  const holder = columns[column];
  if (!segment || !holder || line.segments.length > 1) return false;
  const fits = segment.x >= holder.x - 3 && segment.right <= (columns[column + 1]?.x ?? Infinity);
  if (!fits) return false;
  const isClose = line.y - before.y < line.size * LINE_GAP_MAX;
  const next = region[index + 1];
  const isBeforeRow = next !== undefined && isRow(next);
  // Text below the first column may as well be the paragraph after the table.
  return column > 0 ? isClose || isBeforeRow : isClose && isBeforeRow;
}

function overlaps(span: Span, segment: Segment | undefined): boolean {
  return segment !== undefined && segment.x < span.right && segment.right > span.x;
}

/** The columns are what is left when the segments of all full rows are laid over each other. */
function columnsOf(lines: readonly Line[]): Span[] {
  const counts = lines.map(({ segments }) => segments.length).filter((count) => count > 1);
  const usual = counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)] ?? 2;
  const spans = lines
    .filter(({ segments }) => segments.length >= usual)
    .flatMap(({ segments }) => segments.map(({ x, right }) => ({ x, right })))
    .toSorted((a, b) => a.x - b.x);
  const columns: Span[] = [];
  for (const span of spans) {
    const last = columns.at(-1);
    if (last && span.x < last.right + 1) last.right = Math.max(last.right, span.right);
    else columns.push(span);
  }
  return columns;
}

function isTable(lines: readonly Line[], columns: readonly Span[]): boolean {
  const rows = lines.filter(({ segments }) => segments.length > 1);
  if (columns.length < 2 || rows.length < 2) return false;
  if (rows.length > 2 || columns.length > 2) return true;
  return rows.every(({ segments: [left, right], size }) => {
    return left && right && right.x - left.right > size * WIDE_GAP;
  });
}

function toRows(lines: readonly Line[], columns: readonly Span[]): string[][] {
  const goesOn = continuation(lines);
  const rows: string[][] = [];
  lines.forEach((line, index) => {
    const cells = columns.map(() => "");
    for (const segment of line.segments) {
      const column = nearest(columns, segment);
      cells[column] = [cells[column], segment.text].filter(Boolean).join(" ");
    }
    const last = rows.at(-1);
    if (last && goesOn(index)) {
      cells.forEach((cell, column) => {
        last[column] = joinLines(last[column] ?? "", cell);
      });
    } else rows.push(cells);
  });
  return rows;
}

/** Tells, by the space above it, whether a line goes on with the row before. */
function continuation(lines: readonly Line[]): (index: number) => boolean {
  const gapAbove = (index: number) => (lines[index]?.y ?? 0) - (lines[index - 1]?.y ?? 0);
  const gaps = lines.slice(1).map((_, index) => gapAbove(index + 1));
  const sorted = gaps.toSorted((a, b) => a - b);
  const small = sorted[0] ?? 0;
  const large = sorted[Math.floor(sorted.length * 0.75)] ?? 0;
  if (small > 0 && large / small >= ROW_GAP_RATIO) {
    return (index) => gapAbove(index) < (small + large) / 2;
  }
  // Where all lines are equally far apart, a line with one cell can only be the rest of another.
  return (index) => (lines[index]?.segments.length ?? 0) < 2;
}

function nearest(columns: readonly Span[], segment: Segment): number {
  const shared = columns.map(({ x, right }) => {
    return Math.min(right, segment.right) - Math.max(x, segment.x);
  });
  return shared.indexOf(Math.max(...shared));
}
