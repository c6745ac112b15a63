/** HTML to Markdown: turndown, with tables of our own, and without what is not text. */
import TurndownService from "turndown";
import { CapabilityError } from "../capability.ts";
import type { ConvertOptions } from "./conversion.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";
import { escapeInline, escapeStart, renderTable } from "./markdown.ts";

/**
 * Stands before each cell in the text that turndown hands to a table's rule. A private-use character,
 * removed from the input first, so that no document can forge one.
 */
const CELL = "\uE000";

// biome-ignore format: read as a list
const NOT_TEXT = [
  "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "head", "title", "meta", "link",
  "input", "select", "textarea", "button",
] as const;

/** What is used here of the elements that turndown hands out: they are those of the DOM. */
interface PageElement {
  readonly nodeName: string;
  readonly nodeType: number;
  readonly childNodes: Iterable<PageElement>;
  readonly parentNode: PageElement | null;
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  querySelector(selector: string): PageElement | null;
}

/**
 * @returns the Markdown, and the page's title where it has one
 * @throws CapabilityError `invalid_file` for pages that are too large or nested too deeply
 */
export function htmlToMarkdown(
  html: string,
  options: ConvertOptions,
): { markdown: string; title: string | undefined } {
  if (html.length > DOCUMENT_LIMITS.htmlBytesMax) {
    const megabytes = DOCUMENT_LIMITS.htmlBytesMax / 1_000_000;
    throw new CapabilityError("invalid_file", `The HTML is larger than ${megabytes} MB.`);
  }
  const clean = html.replaceAll(CELL, "");
  requireShallow(clean);
  const title = /<title[^>]*>([^<]{1,500})<\/title>/i.exec(clean)?.[1]?.trim();
  const markdown = turndown(clean, options)
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{3,}/g, "\n\n");
  return { markdown, title };
}

/**
 * Parsing takes the square of the nesting's depth, so a stack of 200,000 `<div>` would take minutes.
 * Counts tags as they are written, which is near enough to what a parser makes of them.
 */
function requireShallow(html: string): void {
  let depth = 0;
  for (const [tag, slash, name = ""] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*>/gi)) {
    if (ENDLESS.has(name.toLowerCase()) || tag.endsWith("/>")) continue;
    depth = Math.max(0, depth + (slash ? -1 : 1));
    if (depth > DOCUMENT_LIMITS.htmlDepthMax) throw tooDeep();
  }
}

// biome-ignore format: read as a list (elements without an end tag, or whose end tag may be left out)
const ENDLESS = new Set([
  "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
  "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup",
]);

function tooDeep(cause?: unknown): CapabilityError {
  return new CapabilityError("invalid_file", "The page is nested too deeply.", { cause });
}

function turndown(html: string, options: ConvertOptions): string {
  try {
    return createService(options).turndown(html);
  } catch (error) {
    // Both libraries follow the nesting by recursion; a stack of a million `<div>` ends it.
    if (!(error instanceof RangeError)) throw error;
    throw tooDeep(error);
  }
}

function createService(options: ConvertOptions): TurndownService {
  const service = new TurndownService({
    headingStyle: "atx",
    bulletListMarker: "-",
    codeBlockStyle: "fenced",
    emDelimiter: "*",
    hr: "---",
  });
  service.escape = (text) => escapeStart(escapeInline(text));
  service.remove([...NOT_TEXT]);
  service.addRule("hidden", {
    filter: (node) =>
      node.hasAttribute("hidden") || /display\s*:\s*none/i.test(node.getAttribute("style") ?? ""),
    replacement: () => "",
  });
  service.addRule("strikethrough", {
    filter: ["del", "s"],
    replacement: (content) => (content.trim() ? `~~${content}~~` : ""),
  });
  service.addRule("picture", {
    filter: "img",
    replacement: (_, node) => picture(node as PageElement),
  });
  service.addRule("anchor", {
    // Links within the page and to scripts lead nowhere from Markdown; arrows back to a note are noise.
    filter: (node) => node.nodeName === "A" && !/^(?:https?:|mailto:|[^:#]+$)/i.test(hrefOf(node)),
    replacement: (content) => (content === "↑" ? "" : content),
  });
  service.addRule("term", {
    filter: "dt",
    replacement: (content) => `\n\n**${content.trim()}**\n\n`,
  });
  service.addRule("item", {
    filter: "li",
    replacement: (content, node) => listItem(content, node as PageElement),
  });
  service.addRule("preformatted", {
    // Fenced also where the page has no `code` within, as most have not.
    filter: "pre",
    replacement: (_, node) => fence(codeOf(node as PageElement)),
  });
  addTableRules(service, options);
  return service;
}

function listItem(content: string, item: PageElement): string {
  const list = item.parentNode;
  let marker = "- ";
  if (list?.nodeName === "OL") {
    const before = elementsIn(list).indexOf(item);
    marker = `${(Number.parseInt(list.getAttribute("start") ?? "1", 10) || 1) + before}. `;
  }
  const indented = content.trim().replace(/\n(?=[^\n])/g, `\n${" ".repeat(marker.length)}`);
  return indented ? `${marker}${indented}\n` : "";
}

/** Text as it stands, where line breaks may be elements. */
function codeOf(node: PageElement): string {
  if (node.nodeName === "BR") return "\n";
  if (node.nodeType === 3) return node.textContent ?? "";
  return [...node.childNodes].map(codeOf).join("");
}

/** A code block, behind a fence longer than any run of backticks within. */
function fence(code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = "`".repeat(longest + 1);
  const text = code.replace(/^\n|\s+$/g, "");
  return text.trim() ? `\n\n${ticks}\n${text}\n${ticks}\n\n` : "";
}

function hrefOf(node: PageElement): string {
  return node.getAttribute("href")?.trim() || "javascript:";
}

function picture(node: PageElement): string {
  const alternative = (node.getAttribute("alt") ?? "").replace(/\s+/g, " ").trim();
  const source = node.getAttribute("src")?.trim() ?? "";
  if (/^https?:/i.test(source)) return `![${alternative}](${source.replace(/[\s()]/g, encodeURI)})`;
  return alternative && `*[Image: ${alternative}]*`;
}

/** Cells mark themselves in the text; the table cuts the text at the marks and reads its own shape. */
function addTableRules(service: TurndownService, options: ConvertOptions): void {
  service.addRule("cell", {
    filter: ["td", "th"],
    replacement: (content) => `${CELL}${content.trim()}`,
  });
  service.addRule("row", {
    filter: ["tr", "thead", "tbody", "tfoot", "colgroup"],
    replacement: (content) => content,
  });
  service.addRule("caption", {
    filter: "caption",
    replacement: () => "",
  });
  service.addRule("table", {
    filter: "table",
    replacement: (content, node) => table(content, node as PageElement, options),
  });
}

function table(content: string, node: PageElement, options: ConvertOptions): string {
  const texts = content.split(CELL).slice(1);
  const rows = layOut(rowsOf(node), texts);
  const caption = (node.querySelector("caption")?.textContent ?? "").replace(/\s+/g, " ").trim();
  // One column, one row, or tables inside a table: it only places its content on the page.
  const isLayout =
    rows.length === 1 || rows.every((row) => row.length <= 1) || node.querySelector("table");
  const body = isLayout ? texts.join("\n\n") : renderTable(rows, options.preserveTables);
  return `\n\n${caption ? `**${caption}**\n\n` : ""}${body}\n\n`;
}

/** The rows of this table, not those of a table inside one of its cells. */
function rowsOf(table: PageElement): PageElement[] {
  return elementsIn(table).flatMap((element) => {
    if (element.nodeName === "TR") return [element];
    return /^T(?:HEAD|BODY|FOOT)$/.test(element.nodeName) ? rowsOf(element) : [];
  });
}

function elementsIn(node: PageElement): PageElement[] {
  return [...node.childNodes].filter((each): each is PageElement => each.nodeType === 1);
}

/** Puts the texts into a grid. A cell that spans leaves the places that it covers empty. */
function layOut(rows: readonly PageElement[], texts: readonly string[]): string[][] {
  const grid: string[][] = rows.map(() => []);
  let text = 0;
  let covered = 0;
  rows.forEach((row, y) => {
    let x = 0;
    for (const cell of elementsIn(row).filter((each) => /^T[DH]$/.test(each.nodeName))) {
      while (grid[y]?.[x] !== undefined) x += 1;
      const width = span(cell, "colspan", DOCUMENT_LIMITS.tableColumnsMax - x);
      // Spans can claim a grid far larger than the page; past the limit each cell is one cell.
      const isGridFull = covered > DOCUMENT_LIMITS.tableCellsMax;
      const height = isGridFull ? 1 : span(cell, "rowspan", rows.length - y);
      covered += width * height;
      for (let dy = 0; dy < height; dy++) {
        for (let dx = 0; dx < width; dx++) {
          const line = grid[y + dy];
          if (line) line[x + dx] ??= "";
        }
      }
      const line = grid[y];
      if (line) line[x] = texts[text] ?? "";
      text += 1;
      x += width;
    }
  });
  return grid.map((row) => Array.from(row, (cell) => cell ?? ""));
}

function span(cell: PageElement, name: "colspan" | "rowspan", max: number): number {
  const said = Number.parseInt(cell.getAttribute(name) ?? "1", 10);
  return Math.max(1, Math.min(said || 1, max));
}
