/** Bytes to text, and the kinds of document that are text. */
import { parse } from "csv-parse/sync";
import { CapabilityError } from "../capability.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";

/**
 * Decodes text: by its byte order mark, else as UTF-8, else by the `charset` that the file's type or
 * its HTML names, else as Windows-1252, which gives every byte a letter.
 */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder(knownCharset(charset) ?? "windows-1252").decode(bytes);
  }
}

function knownCharset(label: string | undefined): string | undefined {
  try {
    return label ? new TextDecoder(label).encoding : undefined;
  } catch {
    // A charset nobody knows is as good as none.
    return undefined;
  }
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/** Which of the usual characters separates columns: the one that gives most lines the same number. */
export function csvDelimiter(text: string): string | undefined {
  // What is quoted may hold anything, line ends as well; only what stands outside separates.
  const bare = text.slice(0, 16_384).replace(/"(?:[^"]|"")*"/g, "x");
  const lines = bare.split(/\r?\n/).slice(0, 20).filter(Boolean);
  if (lines.length < 2) return undefined;
  const scored = DELIMITERS.map((delimiter) => {
    const counts = lines.map((line) => line.split(delimiter).length);
    const first = counts[0] ?? 1;
    const alike = counts.filter((count) => count === first).length / lines.length;
    return { delimiter, columns: first, alike };
  }).filter(({ columns, alike }) => columns > 1 && alike >= 0.8);
  return scored.sort((a, b) => b.columns - a.columns)[0]?.delimiter;
}

/** The rows of a CSV file, and whether there were more than are read. */
export function csvRows(text: string): { rows: string[][]; cut: boolean } {
  try {
    const rows: string[][] = parse(text, {
      delimiter: csvDelimiter(text) ?? ",",
      bom: true,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      to: DOCUMENT_LIMITS.sheetRowsMax + 1,
      max_record_size: 1_000_000,
    });
    return {
      rows: rows.slice(0, DOCUMENT_LIMITS.sheetRowsMax),
      cut: rows.length > DOCUMENT_LIMITS.sheetRowsMax,
    };
  } catch (error) {
    throw new CapabilityError("invalid_file", "The CSV file is broken: a quote is never closed.", {
      cause: error,
    });
  }
}
