/** Pieces to lines: what stands on one baseline, cut into segments where the gap is wider than a space. */
import type { Piece } from "./pages.ts";
import { isMarker, textOf } from "./words.ts";

export interface Segment {
  x: number;
  right: number;
  text: string;
}

export interface Line {
  y: number;
  x: number;
  right: number;
  size: number;
  isBold: boolean;
  isMono: boolean;
  segments: Segment[];
  pieces: readonly Piece[];
}

/** A gap of more than this many times the type's height parts two segments: justified text stays below. */
const SEGMENT_GAP = 1;
/** A gap of more than this is a space, where the page itself has none. */
const WORD_GAP = 0.15;
/** Sub- and superscripts stand within this many times the type's height of their line. */
const BASELINE_DRIFT = 0.45;

/** @returns the lines from top to bottom */
export function buildLines(pieces: readonly Piece[]): Line[] {
  const visible = pieces.filter(({ text }) => text.trim());
  const sorted = visible.toSorted((a, b) => a.y - b.y || a.x - b.x);
  const rows: Piece[][] = [];
  let base = Number.NEGATIVE_INFINITY;
  let size = 0;
  for (const piece of sorted) {
    const row = rows.at(-1);
    if (row && piece.y - base <= Math.max(size, piece.size) * BASELINE_DRIFT) {
      row.push(piece);
      // The line's baseline is that of its largest type, not of a footnote's number before it.
      if (piece.size > size) ({ y: base, size } = piece);
    } else {
      rows.push([piece]);
      ({ y: base, size } = piece);
    }
  }
  return rows.map((row) => toLine(row.toSorted((a, b) => a.x - b.x)));
}

function toLine(row: readonly Piece[]): Line {
  const segments = cutSegments(row);
  const size = commonest(row.map((piece) => [piece.size, letters(piece)]));
  const ofSize = row.filter((piece) => piece.size === size);
  const share = (chosen: readonly Piece[]) => total(chosen) / total(row);
  return {
    y: ofSize.reduce((sum, piece) => sum + piece.y, 0) / ofSize.length,
    x: segments[0]?.x ?? 0,
    right: segments.at(-1)?.right ?? 0,
    size,
    isBold: share(row.filter(({ isBold }) => isBold)) > 0.9,
    isMono: share(row.filter(({ isMono }) => isMono)) > 0.9,
    segments,
    pieces: row,
  };
}

function cutSegments(row: readonly Piece[]): Segment[] {
  const segments: (Segment & { pieces: Piece[] })[] = [];
  for (const piece of row) {
    const last = segments.at(-1);
    const gap = last ? piece.x - last.right : 0;
    // A list's marker stands well before its text, and still belongs to it.
    const isNew = gap > piece.size * SEGMENT_GAP && !isMarker(last?.text.trim() ?? "");
    if (!last || isNew) {
      segments.push({
        x: piece.x,
        right: piece.x + piece.width,
        text: piece.text,
        pieces: [piece],
      });
      continue;
    }
    const isApart = gap > piece.size * WORD_GAP;
    last.pieces.push(isApart ? { ...piece, text: ` ${piece.text}` } : piece);
    last.text += piece.text;
    last.right = Math.max(last.right, piece.x + piece.width);
  }
  return segments.map(({ x, right, pieces }) => ({ x, right, text: textOf(pieces) }));
}

function letters(piece: Piece): number {
  return piece.text.trim().length;
}

function total(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + letters(piece), 0);
}

/** The value with the most weight. */
export function commonest(weighted: readonly (readonly [value: number, weight: number])[]): number {
  const weights = new Map<number, number>();
  for (const [value, weight] of weighted) weights.set(value, (weights.get(value) ?? 0) + weight);
  let best: readonly [number, number] = [0, -1];
  for (const entry of weights) if (entry[1] > best[1]) best = entry;
  return best[0];
}
