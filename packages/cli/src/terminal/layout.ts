/** Tables and lists of facts, laid out by the width that text really has: also for Chinese. */
import stringWidth from "fast-string-width";
import type { Paint } from "./paint.ts";
import { plain } from "./redact.ts";

/** What a page is drawn with. */
export interface Page {
  readonly paint: Paint;
  /** Columns of the terminal. */
  readonly columns: number;
}

const GAP = "  ";
/** A column is not made narrower than this to fit the terminal. */
const COLUMN_MIN = 8;

export interface Column {
  readonly title: string;
  readonly align?: "right";
  /** Gives way first where the terminal is narrow. */
  readonly isFlexible?: boolean;
  readonly style?: Style;
}

/** Rows under a dim heading. Cells are one line each and never break the table. */
export function table(
  page: Page,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = fitted(
    page.columns,
    columns,
    columns.map((column, index) =>
      Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[index] ?? ""))),
    ),
  );
  const heading = line(
    columns,
    widths,
    columns.map((column) => column.title.toUpperCase()),
  );
  const body = cells.map((row) => line(columns, widths, row, true));
  return [page.paint.dim(heading), ...body].join("\n");
}

function fitted(room: number, columns: readonly Column[], widths: readonly number[]): number[] {
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
  let excess = total - room;
  return widths.map((width, index) => {
    if (excess <= 0 || !columns[index]?.isFlexible) return width;
    const narrowed = Math.max(COLUMN_MIN, width - excess);
    excess -= width - narrowed;
    return narrowed;
  });
}

function line(
  columns: readonly Column[],
  widths: readonly number[],
  cells: readonly string[],
  isStyled = false,
): string {
  return columns
    .map(({ align, style }, index) => {
      const width = widths[index] ?? 0;
      const text = truncated(cells[index] ?? "", width);
      const padding = " ".repeat(Math.max(0, width - stringWidth(text)));
      const shown = isStyled && style ? style(text) : text;
      return align === "right" ? padding + shown : shown + padding;
    })
    .join(GAP)
    .trimEnd();
}

/** `text` in at most `width` columns, ending in an ellipsis where something is missing. */
export function truncated(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (stringWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

export type Style = (text: string) => string;

export type Fact = readonly [name: string, value: string | undefined, style?: Style];

/** `name  value` lines, the names dim and of one width. Facts without a value are left out. */
export function facts(page: Page, all: readonly Fact[]): string {
  const known = all.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...known.map(([name]) => stringWidth(name)));
  return known
    .map(([name, value = "", style = asItIs]) => {
      const padding = " ".repeat(width - stringWidth(name));
      return `${page.paint.dim(name)}${padding}${GAP}${style(plain(value))}`;
    })
    .join("\n");
}

/** An instant as people read it, in their own time zone: `2026-03-01 14:05`. */
export function moment(text: unknown): string {
  const at = new Date(String(text ?? ""));
  if (Number.isNaN(at.getTime())) return "";
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16).replace("T", " ");
}

function asItIs(text: string): string {
  return text;
}

/** Any value, readable: what a command prints for people where it has nothing better to say. */
export function readable(page: Page, value: unknown, indent = ""): string {
  if (value === null || typeof value !== "object") return `${indent}${plain(String(value))}`;
  const entries = Object.entries(value);
  if (entries.length === 0) return `${indent}${page.paint.dim("(empty)")}`;
  return entries
    .map(([name, inner]) => {
      const label = page.paint.dim(plain(Array.isArray(value) ? "-" : `${name}:`));
      if (inner === null || typeof inner !== "object") {
        return `${indent}${label} ${plain(String(inner))}`;
      }
      return `${indent}${label}\n${readable(page, inner, `${indent}  `)}`;
    })
    .join("\n");
}

function oneLine(text: string): string {
  return plain(text).replace(/\s+/g, " ").trim();
}
