/** Writing Markdown: what must be escaped, and tables. */
import { DOCUMENT_LIMITS } from "./limits.ts";

export type Table = readonly (readonly string[])[];

/**
 * Escapes what would be read as markup inside a line of text, and nothing that would not: most
 * readers are language models, which pay for every backslash.
 */
export function escapeInline(text: string): string {
  return (
    text
      .replace(/\\(?=[!-/:-@[-`{-~])|`|&(?=#?\w+;)|<(?=[a-z/!?])/gi, "\\$&")
      // Brackets are a link only with an address, or a reference, behind them.
      .replace(/\[(?=[^\]]{0,1000}\][([:])/g, "\\[")
      .replace(/(?<!\s)\*|\*(?!\s|$)/g, "\\*")
      // Underscores inside words and lone tildes are text to every reader of GFM.
      .replace(/(?<![\p{L}\p{N}])_(?!\s)|(?<!\s)_(?![\p{L}\p{N}])/gu, "\\_")
      .replace(/~~/g, "\\~~")
  );
}

/** Escapes text that stands as a paragraph of its own, so that it stays one. */
export function escapeParagraph(text: string): string {
  return escapeStart(escapeInline(text));
}

/** Escapes what at a line's start would make it a heading, an item, a quotation or a rule. */
export function escapeStart(text: string): string {
  return text
    .replace(/^(\s*)(#{1,6}\s|[-+]\s|>|={3,}|-{3,})/, "$1\\$2")
    .replace(/^(\s*\d{1,9})([.)]\s)/, "$1\\$2");
}

export function heading(level: number, text: string): string {
  const line = oneLine(text);
  return line ? `${"#".repeat(Math.min(6, Math.max(1, level)))} ${line}` : "";
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/**
 * A GFM table whose first row is its header. Rows are made equally long, and columns and rows without
 * any text are left out. The cells are Markdown already.
 */
export function markdownTable(rows: Table): string {
  const filled = trimTable(rows);
  const [header, ...body] = filled;
  if (!header) return "";
  const line = (row: readonly string[]) => `| ${row.map(tableCell).join(" | ")} |`;
  return [line(header), `|${" --- |".repeat(header.length)}`, ...body.map(line)].join("\n");
}

/** The rows as a list, for readers who cannot use tables: each says its columns by name. */
export function tableAsList(rows: Table): string {
  const [header, ...body] = trimTable(rows);
  if (!header) return "";
  if (body.length === 0) return `- ${header.map(oneLine).filter(Boolean).join("; ")}`;
  const named = (cell: string, column: number) => {
    const name = oneLine(header[column] ?? "");
    return name ? `${name}: ${oneLine(cell)}` : oneLine(cell);
  };
  const item = (row: readonly string[]) =>
    `- ${row
      .map((cell, column) => (oneLine(cell) ? named(cell, column) : ""))
      .filter(Boolean)
      .join("; ")}`;
  return body.map(item).join("\n");
}

/** @param preserve whether tables are wanted as tables */
export function renderTable(rows: Table, preserve: boolean): string {
  return preserve ? markdownTable(rows) : tableAsList(rows);
}

function tableCell(text: string): string {
  return text
    .trim()
    .replace(/\\?\|/g, "\\|")
    .replace(/\s*\r?\n\s*/g, "<br>");
}

/** Equally long rows, without the rows and columns that are empty. */
function trimTable(rows: Table): string[][] {
  const used: boolean[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      if (column < DOCUMENT_LIMITS.tableColumnsMax && cell.trim()) used[column] = true;
    });
  }
  const columns = [...used.keys()].filter((column) => used[column]);
  return rows
    .map((row) => columns.map((column) => row[column] ?? ""))
    .filter((row) => row.some((cell) => cell.trim()));
}

/** Blocks with a blank line between them. */
export function joinBlocks(blocks: readonly string[]): string {
  return blocks.filter((block) => block.trim()).join("\n\n");
}

/** Cuts at a line's end so that the text as JSON has at most `bytesMax` bytes. */
export function cutToBytes(markdown: string, bytesMax: number): string {
  if (markdown.length <= bytesMax && jsonBytes(markdown) <= bytesMax) return markdown;
  let low = 0;
  let high = Math.min(markdown.length, bytesMax);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(markdown.slice(0, middle)) <= bytesMax) low = middle;
    else high = middle - 1;
  }
  const lineEnd = markdown.lastIndexOf("\n", low);
  // Half a line is better than nothing where the whole text is one line.
  return markdown.slice(0, lineEnd > low / 2 ? lineEnd : low).toWellFormed();
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
