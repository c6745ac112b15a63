/** How a cell's number is shown: as a date, a share of a hundred, or the number that it is. */
import { child, children, type XmlElement } from "./xml.ts";

export type NumberFormat = "general" | "date" | "time" | "datetime" | "percent";

export interface Workbook {
  sharedTexts: readonly string[];
  /** By the index that a cell's `s` attribute gives. */
  formats: readonly NumberFormat[];
  /** Whether day 0 is in 1904, as in old workbooks from Macs. */
  startsIn1904: boolean;
}

/** The formats that are not written in the file (ECMA-376 part 1, §18.8.30). */
const BUILT_IN = new Map<number, NumberFormat>([
  ...[9, 10].map((id) => [id, "percent"] as const),
  ...[14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map(
    (id) => [id, "date"] as const,
  ),
  ...[18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56].map((id) => [id, "time"] as const),
  [22, "datetime"],
]);

/** The format of each cell style, in the order of the styles part. */
export function readNumberFormats(styles: XmlElement): NumberFormat[] {
  const own = new Map(
    children(child(styles, "numFmts"), "numFmt").map(({ attributes }) => [
      Number(attributes.numFmtId),
      formatOf(attributes.formatCode ?? ""),
    ]),
  );
  return children(child(styles, "cellXfs"), "xf").map(({ attributes }) => {
    const id = Number(attributes.numFmtId ?? 0);
    return own.get(id) ?? BUILT_IN.get(id) ?? "general";
  });
}

function formatOf(code: string): NumberFormat {
  // Texts in quotes, escaped letters, and colours and locales in brackets say nothing of the kind.
  const bare = code.replace(/"[^"]*"|\\.|_.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, "");
  const hasDay = /[yd]/i.test(bare) || /mmm/i.test(bare);
  const hasTime = /[hs]/i.test(bare);
  if (hasDay) return hasTime ? "datetime" : "date";
  if (hasTime) return "time";
  return bare.includes("%") ? "percent" : "general";
}

const DAY_MS = 86_400_000;

/** The number as people read it in the sheet; dates as ISO 8601. */
export function formatNumber(text: string, format: NumberFormat, startsIn1904: boolean): string {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) return text;
  if (format === "percent") return `${tidy(number * 100)}%`;
  if (format === "general" || number < 0) return tidy(number);
  return formatDate(number, format, startsIn1904) ?? tidy(number);
}

function formatDate(days: number, format: NumberFormat, startsIn1904: boolean): string | undefined {
  // Sheets count from 1900 as if it had been a leap year, so day 60 never was.
  const dayZero = startsIn1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, days < 60 ? 31 : 30);
  const date = new Date(dayZero + Math.round((days * DAY_MS) / 1_000) * 1_000);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9_999) return undefined;
  // A time may be a span of more than a day.
  if (format === "time") return formatHours(days);
  const [day = "", time = ""] = date.toISOString().slice(0, 19).split("T");
  return format === "date" ? day : `${day} ${time}`;
}

function formatHours(days: number): string {
  const seconds = Math.round((days * DAY_MS) / 1_000);
  const parts = [seconds / 3_600, (seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

/** Without the digits that binary fractions add: 0.1 + 0.2 is shown as 0.3. */
function tidy(number: number): string {
  return String(Number(number.toPrecision(15)));
}
