/**
 * What a file is, by its content. Only where content cannot tell, among kinds of plain text, is the
 * name or the declared type asked (LinkedClaw contract §14).
 */
import { csvDelimiter } from "./text.ts";

export type TextKind = "html" | "csv" | "md" | "txt";
export type DocumentKind = "pdf" | "zip" | TextKind;

export const MIME_TYPES = {
  pdf: "application/pdf",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  html: "text/html",
  csv: "text/csv",
  md: "text/markdown",
  txt: "text/plain",
} as const;

// biome-ignore format: read as a table
const EXTENSIONS: Readonly<Record<string, TextKind>> = {
  html: "html", htm: "html", xhtml: "html", csv: "csv", tsv: "csv", md: "md", markdown: "md",
  txt: "txt", text: "txt", log: "txt",
};

// biome-ignore format: read as a table
const MIMES: Readonly<Record<string, TextKind>> = {
  "text/html": "html", "application/xhtml+xml": "html", "text/csv": "csv",
  "text/tab-separated-values": "csv", "text/markdown": "md", "text/plain": "txt",
};

/** The kind of a binary file, or `undefined` when the bytes are text or nothing that is known. */
export function sniffBinary(bytes: Uint8Array): "pdf" | "zip" | undefined {
  // Readers accept a PDF whose header comes within the first kilobyte (ISO 32000-1, annex H).
  if (Buffer.from(bytes.subarray(0, 1_024)).includes("%PDF-")) return "pdf";
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] ?? 0) + 1 === bytes[3]) return "zip";
  return undefined;
}

/** Whether the bytes can be text: no control characters but the usual ones, or UTF-16 by its mark. */
export function isText(bytes: Uint8Array): boolean {
  const mark = bytes[0] === 0xff && bytes[1] === 0xfe;
  if (mark || (bytes[0] === 0xfe && bytes[1] === 0xff)) return true;
  return !bytes.some((byte) => byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b);
}

const HTML_START =
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i;
const HTML_END = /<\/(?:p|div|table|h[1-6]|ul|ol|article|section)>/i;

/** Which kind of text this is. */
export function sniffText(text: string, filename: string, mime: string): TextKind {
  if (HTML_START.test(text.slice(0, 4_096))) return "html";
  const extension = filename.toLowerCase().split(".").at(-1) ?? "";
  const said = EXTENSIONS[extension] ?? MIMES[mime.split(";")[0]?.trim().toLowerCase() ?? ""];
  if (said && said !== "txt") return said;
  if (/^\s*</.test(text) && HTML_END.test(text.slice(0, 65_536))) return "html";
  // Nobody said what it is: rows of equally many columns are a table.
  return said === undefined && csvDelimiter(text) ? "csv" : "txt";
}
