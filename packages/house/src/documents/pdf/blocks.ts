/**
 * Lines to blocks of Markdown, by what the page shows.
 *
 * 1. Tables are taken out first: their lines would read as broken paragraphs.
 * 2. Type larger than the text's is a heading, the largest the highest; so is a short bold line alone.
 * 3. A marker starts a list's item; what is indented below it goes on with it.
 * 4. Lines of the same kind close below each other are one paragraph, also across columns and pages.
 */
import { heading, renderTable } from "../markdown.ts";
import type { Region } from "./columns.ts";
import { commonest, type Line } from "./lines.ts";
import { tableAt } from "./tables.ts";
import { joinLines, plain, splitMarker, toInline, toParagraph } from "./words.ts";

/** Type this much larger than the text's makes a heading. */
const HEADING_RATIO = 1.12;
const HEADING_LENGTH_MAX = 200;
const BOLD_HEADING_LENGTH_MAX = 100;
/** Lines farther apart than this many heights of type are two paragraphs. */
const PARAGRAPH_GAP = 1.75;
/** Dots that lead the eye to a page's number. */
const LEADER = /(?:\s?\.){4,}\s*(\w{1,6})$/;
const INDENT_POINTS = 6;
/** A sentence that ends with so much of the line left ends its paragraph. */
const SHORT_LINE_SHARE = 0.2;

/** What is known of the whole document's type. */
export interface Typography {
  bodySize: number;
  /** Sizes of headings, the largest first. */
  headingSizes: number[];
  /** Whether the text itself is bold, so that bold says nothing. */
  isBodyBold: boolean;
}

export function typographyOf(lines: readonly Line[]): Typography {
  const length = (line: Line) => line.segments.reduce((sum, { text }) => sum + text.length, 0);
  const bodySize = commonest(lines.map((line) => [rounded(line.size), length(line)]));
  const isLarge = (line: Line) => rounded(line.size) > bodySize * HEADING_RATIO;
  const sizes = new Set(lines.filter(isLarge).map((line) => rounded(line.size)));
  const body = lines.filter((line) => rounded(line.size) === bodySize);
  const isBodyBold = body.filter((line) => line.isBold).length > body.length / 2;
  return { bodySize, headingSizes: [...sizes].sort((a, b) => b - a), isBodyBold };
}

/** To half points: the same type differs in the last digits from page to page. */
function rounded(size: number): number {
  return Math.round(size * 2) / 2;
}

type Block =
  | { kind: "heading"; level: number; text: string; last: Line }
  | { kind: "paragraph"; text: string; last: Line }
  | { kind: "item"; marker: string; level: number; x: number; text: string; last: Line }
  | { kind: "code"; x: number; lines: string[]; last: Line }
  | { kind: "table"; rows: string[][] };

/** The regions of all pages, in reading order, as blocks. */
export function buildBlocks(
  regions: readonly Region[],
  type: Typography,
  preserveTables: boolean,
): string[] {
  const blocks: Block[] = [];
  for (const region of regions) {
    const right = Math.max(...region.map((line) => line.right));
    for (let index = 0; index < region.length; index += 1) {
      const table = tableAt(region, index);
      if (table) {
        blocks.push({ kind: "table", rows: table.rows });
        index += table.lines - 1;
        continue;
      }
      const line = region[index];
      // The first line of a region has no gap above it: it may go on with the region before.
      if (line)
        addLine(blocks, line, { above: region[index - 1], below: region[index + 1], right }, type);
    }
  }
  return render(blocks, preserveTables);
}

/** Where a line stands in its region. */
interface Place {
  above: Line | undefined;
  below: Line | undefined;
  /** The right edge of the region's widest line. */
  right: number;
}

function addLine(blocks: Block[], line: Line, place: Place, type: Typography): void {
  const { above } = place;
  const text = line.segments.map((segment) => segment.text).join(" ");
  const last = blocks.at(-1);
  const gap = above ? (line.y - above.y) / line.size : undefined;
  const level = headingLevel(line, text, place, type);
  if (LEADER.test(text)) addEntry(blocks, line, text);
  else if (level !== undefined) {
    const goesOn = last?.kind === "heading" && last.level === level && (gap ?? 9) < PARAGRAPH_GAP;
    // A heading with a number of its own is a new one, however close.
    if (goesOn && !/^\d/.test(text))
      Object.assign(last, { text: joinLines(last.text, text), last: line });
    else blocks.push({ kind: "heading", level, text, last: line });
  } else if (line.isMono) addCode(blocks, line, gap);
  else if (!addItem(blocks, line, text) && !goOn(last, line, text, gap, place.right)) {
    blocks.push({ kind: "paragraph", text, last: line });
  }
}

function headingLevel(
  line: Line,
  text: string,
  { above, below }: Place,
  type: Typography,
): number | undefined {
  const { length } = plain(text);
  if (length > HEADING_LENGTH_MAX || !/\p{L}/u.test(text)) return undefined;
  const rank = type.headingSizes.indexOf(rounded(line.size));
  if (rank >= 0) return Math.min(rank + 1, 6);
  if (!line.isBold || type.isBodyBold || length > BOLD_HEADING_LENGTH_MAX) return undefined;
  if (rounded(line.size) < type.bodySize || /[.,;:]$/.test(text)) return undefined;
  // Bold lines in a row are emphasis, and a bold line within a paragraph is part of it.
  const isApart = !above || above.isBold || line.y - above.y > line.size * 1.4;
  const isAlone = !below?.isBold || below.y - line.y > line.size * PARAGRAPH_GAP;
  return isApart && isAlone ? Math.min(type.headingSizes.length + 1, 6) : undefined;
}

function addCode(blocks: Block[], line: Line, gap: number | undefined): void {
  const last = blocks.at(-1);
  // In type of one width, a letter takes some 0.6 of its height: the indent is a number of them.
  const indent = (from: number) =>
    " ".repeat(Math.max(0, Math.round((line.x - from) / (line.size * 0.6))));
  const text = line.segments.map((segment) => plain(segment.text)).join("  ");
  if (last?.kind === "code" && (gap === undefined || gap < PARAGRAPH_GAP * 1.5)) {
    last.lines.push(indent(last.x) + text);
    last.last = line;
  } else blocks.push({ kind: "code", x: line.x, lines: [text], last: line });
}

/** An entry of a table of contents, whose dots lead to its page, is an item of a list. */
function addEntry(blocks: Block[], line: Line, text: string): void {
  const level = levelOf(blocks, line);
  const entry = text.replace(LEADER, " … $1");
  blocks.push({ kind: "item", marker: "-", level, x: line.x, text: entry, last: line });
}

/** The level of an item, by how far it is indented among the items before it. */
function levelOf(blocks: readonly Block[], line: Line): number {
  const last = blocks.at(-1);
  if (last?.kind !== "item") return 0;
  const items = blocks
    .slice(lastIndexOtherThanItem(blocks) + 1)
    .filter((block) => block.kind === "item");
  const alike = items.findLast((item) => Math.abs(item.x - line.x) < INDENT_POINTS);
  return alike?.level ?? (line.x > last.x ? last.level + 1 : 0);
}

/** Starts a list's item where the line has a marker. */
function addItem(blocks: Block[], line: Line, text: string): boolean {
  const split = splitMarker(text);
  if (!split) return false;
  const level = levelOf(blocks, line);
  const { marker, rest } = split;
  blocks.push({ kind: "item", marker, level, x: line.x, text: rest, last: line });
  return true;
}

function lastIndexOtherThanItem(blocks: readonly Block[]): number {
  return blocks.findLastIndex(({ kind }) => kind !== "item");
}

/** Adds the line to the block before, where it is the rest of it. */
function goOn(
  last: Block | undefined,
  line: Line,
  text: string,
  gap: number | undefined,
  right: number,
): boolean {
  if (last?.kind !== "paragraph" && last?.kind !== "item") return false;
  const isSameType = rounded(last.last.size) === rounded(line.size);
  if (!isSameType || !isClose(last.text, text, gap)) return false;
  if (last.kind === "item" && gap !== undefined && line.x < last.x + 2) return false;
  // Books leave no space between paragraphs: a short last line or an indented first one parts them.
  const indent = line.x - last.last.x;
  const isIndented = indent > INDENT_POINTS && indent < line.size * 4;
  const isShort = last.last.right < right - (right - last.last.x) * SHORT_LINE_SHARE;
  const hasEnded = /[.!?:"”。！？]$/.test(plain(last.text));
  if (last.kind === "paragraph" && gap !== undefined && hasEnded && (isIndented || isShort)) {
    return false;
  }
  last.text = joinLines(last.text, text);
  last.last = line;
  return true;
}

/** Without a gap to measure, at the top of a column, a sentence that has not ended goes on. */
function isClose(before: string, text: string, gap: number | undefined): boolean {
  if (gap !== undefined) return gap < PARAGRAPH_GAP;
  return !/[.!?:。！？"”]$/.test(before) && /^[\p{Ll}\p{Lo}(]/u.test(text);
}

function render(blocks: readonly Block[], preserveTables: boolean): string[] {
  const rendered: string[] = [];
  blocks.forEach((block, index) => {
    const text = renderBlock(block, preserveTables);
    // The items of one list stand close together: they are one block.
    if (isSameList(blocks, index)) rendered.push(`${rendered.pop()}\n${text}`);
    else rendered.push(text);
  });
  return rendered;
}

/** Whether the item goes on with the list before: bullets and numbers are two lists. */
function isSameList(blocks: readonly Block[], index: number): boolean {
  const block = blocks[index];
  if (block?.kind !== "item") return false;
  for (let before = index - 1; before >= 0; before -= 1) {
    const item = blocks[before];
    if (item?.kind !== "item") return false;
    const isBullet = item.marker === "-";
    if (item.level <= block.level) return block.level > 0 || isBullet === (block.marker === "-");
  }
  return false;
}

function renderBlock(block: Block, preserveTables: boolean): string {
  switch (block.kind) {
    case "heading":
      return heading(block.level, toInline(block.text));
    case "item":
      return `${"   ".repeat(block.level)}${block.marker} ${toInline(block.text)}`;
    case "code":
      return ["```", ...block.lines.map(plain), "```"].join("\n");
    case "table":
      return renderTable(
        block.rows.map((row) => row.map(toInline)),
        preserveTables,
      );
    default:
      return toParagraph(block.text);
  }
}
