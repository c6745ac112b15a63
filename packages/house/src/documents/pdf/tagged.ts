/** Tagged PDFs say themselves what is a heading, an item or a cell; then nothing has to be guessed. */
import { heading, joinBlocks, renderTable } from "../markdown.ts";
import type { PdfPage, Piece, Tag } from "./pages.ts";
import { joinLines, splitMarker, textOf, toInline, toParagraph } from "./words.ts";

/** Tags that say more than "a paragraph". Without any of them a page is better read by its looks. */
const TELLING = /^(?:H[1-6]?|L|Table|Title)$/;
/** Tags that hold nearly all text, or else the tree was left behind by an editor. */
const COVERED_SHARE_MIN = 0.9;
/** Trees as deep as this are a mistake or an attack. */
const DEPTH_MAX = 100;
const INLINE =
  /^(?:Span|Link|Em|Strong|Reference|Quote|Code|NonStruct|Private|Sub|Lbl|Annot|Ruby|Warichu)$/;

/** Whether every page with text can be read by its tags. */
export function isWellTagged(pages: readonly PdfPage[]): boolean {
  const written = pages.filter(({ pieces }) => pieces.some(({ text }) => text.trim()));
  const isTelling = written.some(
    ({ tags }) => tags && rolesOf(tags, 0).some((role) => TELLING.test(role)),
  );
  return isTelling && written.every((page) => coveredShare(page) >= COVERED_SHARE_MIN);
}

export function readTagged(page: PdfPage, preserveTables: boolean): string[] {
  const marks = new Map<string, Piece[]>();
  for (const piece of page.pieces) {
    if (piece.mark === undefined) continue;
    const pieces = marks.get(piece.mark) ?? [];
    pieces.push(piece);
    marks.set(piece.mark, pieces);
  }
  return page.tags ? blocksOf(page.tags, { marks, preserveTables, depth: 0 }) : [];
}

interface Reading {
  marks: ReadonlyMap<string, readonly Piece[]>;
  preserveTables: boolean;
  depth: number;
}

type Node = Tag["children"][number];

function isTag(node: Node): node is Tag {
  return "role" in node;
}

function tagsIn(tag: Tag): Tag[] {
  return tag.children.filter(isTag);
}

function rolesOf(tag: Tag, depth: number): string[] {
  if (depth > DEPTH_MAX) return [];
  return [tag.role, ...tagsIn(tag).flatMap((each) => rolesOf(each, depth + 1))];
}

function idsOf(tag: Tag, depth: number): string[] {
  if (depth > DEPTH_MAX) return [];
  return tag.children.flatMap((each) => (isTag(each) ? idsOf(each, depth + 1) : [each.id]));
}

function coveredShare({ pieces, tags }: PdfPage): number {
  const ids = new Set(tags ? idsOf(tags, 0) : []);
  const length = (chosen: readonly Piece[]) =>
    chosen.reduce((sum, { text }) => sum + text.trim().length, 0);
  return length(pieces.filter(({ mark }) => mark !== undefined && ids.has(mark))) / length(pieces);
}

function blocksOf(tag: Tag, reading: Reading): string[] {
  if (reading.depth > DEPTH_MAX) return [];
  const below = { ...reading, depth: reading.depth + 1 };
  const level = tag.role === "Title" ? 1 : Number(/^H([1-6])?$/.exec(tag.role)?.[1] ?? 1);
  if (/^(?:H[1-6]?|Title)$/.test(tag.role)) return [heading(level, toInline(textIn(tag, below)))];
  if (tag.role === "L") return [listOf(tag, below, 0)];
  if (tag.role === "Table") return [tableOf(tag, below)];
  if (tag.role === "Figure" && tag.alt) return [`*[Image: ${toInline(tag.alt)}]*`];
  if (tag.role === "BlockQuote") {
    return [joinBlocks(childBlocks(tag, below)).replace(/^/gm, "> ").replace(/^> $/gm, ">")];
  }
  return childBlocks(tag, below);
}

/** Runs of text and inline tags are paragraphs; other tags are blocks of their own. */
function childBlocks(tag: Tag, reading: Reading): string[] {
  const blocks: string[] = [];
  let run: Node[] = [];
  const flush = () => {
    const pieces = run.flatMap((node) => piecesIn(node, reading));
    if (pieces.length > 0) blocks.push(paragraph(pieces));
    run = [];
  };
  for (const node of tag.children) {
    const isBlock = isTag(node) && (!INLINE.test(node.role) || holdsBlocks(node, reading.depth));
    if (!isBlock) run.push(node);
    else {
      flush();
      blocks.push(...blocksOf(node, reading));
    }
  }
  flush();
  return blocks;
}

function holdsBlocks(tag: Tag, depth: number): boolean {
  return rolesOf(tag, depth)
    .slice(1)
    .some((role) => !INLINE.test(role));
}

function paragraph(pieces: readonly Piece[]): string {
  const visible = pieces.filter(({ text }) => text.trim());
  const isCode = visible.length > 0 && visible.every(({ isMono }) => isMono);
  const lines = linesOf(pieces);
  if (isCode && lines.length > 1) return ["```", ...lines, "```"].join("\n");
  return toParagraph(lines.reduce(joinLines, ""));
}

function linesOf(pieces: readonly Piece[]): string[] {
  const lines: Piece[][] = [[]];
  for (const piece of pieces) {
    lines.at(-1)?.push(piece);
    if (piece.endsLine) lines.push([]);
  }
  return lines.map(textOf).filter(Boolean);
}

function piecesIn(node: Node, reading: Reading): readonly Piece[] {
  if (!isTag(node)) return reading.marks.get(node.id) ?? [];
  if (reading.depth > DEPTH_MAX) return [];
  const below = { ...reading, depth: reading.depth + 1 };
  return node.children.flatMap((each) => piecesIn(each, below));
}

function textIn(tag: Tag, reading: Reading): string {
  return linesOf(piecesIn(tag, reading)).reduce(joinLines, "");
}

function listOf(list: Tag, reading: Reading, level: number): string {
  return tagsIn(list)
    .flatMap((item) => {
      // A list directly within a list is one level further in.
      if (item.role === "L") return [listOf(item, reading, level + 1)];
      const label = tagsIn(item).find(({ role }) => role === "Lbl");
      const body = tagsIn(item).filter((each) => each !== label);
      const nested = body.flatMap((each) => (each.role === "L" ? [each] : listsIn(each, 0)));
      const text = [...item.children]
        .filter((each) => each !== label)
        .flatMap((each) => linesOf(piecesOutsideLists(each, reading)))
        .reduce(joinLines, "");
      const own = splitMarker(`${label ? textIn(label, reading) : ""} ${text}`.trim());
      const line = `${"   ".repeat(level)}${own?.marker ?? "-"} ${toInline(own?.rest ?? text)}`;
      return [...(text ? [line] : []), ...nested.map((each) => listOf(each, reading, level + 1))];
    })
    .join("\n");
}

function listsIn(tag: Tag, depth: number): Tag[] {
  if (depth > DEPTH_MAX) return [];
  return tagsIn(tag).flatMap((each) => (each.role === "L" ? [each] : listsIn(each, depth + 1)));
}

function piecesOutsideLists(node: Node, reading: Reading): readonly Piece[] {
  if (!isTag(node)) return piecesIn(node, reading);
  if (node.role === "L" || reading.depth > DEPTH_MAX) return [];
  const below = { ...reading, depth: reading.depth + 1 };
  return node.children.flatMap((each) => piecesOutsideLists(each, below));
}

function tableOf(table: Tag, reading: Reading): string {
  const rows = rowsIn(table, 0).map((row) =>
    tagsIn(row)
      .filter(({ role }) => role === "TD" || role === "TH")
      .map((cell) => {
        const pieces = piecesIn(cell, reading).filter(({ text }) => text.trim());
        const x = Math.min(...pieces.map((piece) => piece.x));
        return { x, text: toInline(textIn(cell, reading)) };
      }),
  );
  const caption = tagsIn(table).find(({ role }) => role === "Caption");
  return joinBlocks([
    caption ? `**${toInline(textIn(caption, reading))}**` : "",
    renderTable(alignRows(rows), reading.preserveTables),
  ]);
}

/** Puts the cells of rows that are short, because others span, below the cells they stand below. */
function alignRows(rows: readonly { x: number; text: string }[][]): string[][] {
  const full = rows.reduce((most, row) => (row.length > most.length ? row : most), []);
  return rows.map((row) => {
    if (row.length === full.length) return row.map(({ text }) => text);
    const cells = full.map(() => "");
    let next = 0;
    row.forEach(({ x, text }, index) => {
      // There must be room for the cells that follow.
      const last = full.length - (row.length - index);
      while (next < last && nearer(x, full[next + 1]?.x, full[next]?.x)) next += 1;
      cells[next] = text;
      next += 1;
    });
    return cells;
  });
}

function nearer(
  x: number,
  one = Number.POSITIVE_INFINITY,
  other = Number.POSITIVE_INFINITY,
): boolean {
  return Math.abs(x - one) < Math.abs(x - other);
}

function rowsIn(tag: Tag, depth: number): Tag[] {
  if (depth > DEPTH_MAX) return [];
  return tagsIn(tag).flatMap((each) => (each.role === "TR" ? [each] : rowsIn(each, depth + 1)));
}
