/** Any document to Markdown: what it is by its content, then the reader for that kind. */
import { CapabilityError } from "../capability.ts";
import type { TaskContext } from "../workers/tasks.ts";
import { type Archive, openArchive } from "./archive.ts";
import type { Converted, ConvertOptions } from "./conversion.ts";
import { convertDocx } from "./docx.ts";
import { htmlToMarkdown } from "./html.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";
import { cutToBytes, escapeInline, renderTable } from "./markdown.ts";
import { convertPptx } from "./pptx.ts";
import { isText, MIME_TYPES, sniffBinary, sniffText } from "./sniff.ts";
import { csvRows, decodeText } from "./text.ts";
import { convertXlsx } from "./xlsx.ts";

export interface ConversionRequest {
  bytes: Uint8Array;
  /** As they were said; empty where they were not. */
  filename: string;
  mime: string;
  options: ConvertOptions;
}

export interface Conversion extends Converted {
  mimeType: string;
  /** The title that the document gives itself. */
  title: string | undefined;
}

/** @throws CapabilityError `unsupported_media_type`, or `invalid_file` for what is broken or too large */
export async function convert(
  request: ConversionRequest,
  context: TaskContext,
): Promise<Conversion> {
  const { title, mimeType, markdown, warnings } = await read(request, context);
  const tidy = markdown.replace(/\r\n?/g, "\n").trim().toWellFormed();
  const cut = cutToBytes(tidy, DOCUMENT_LIMITS.markdownBytesMax);
  if (cut.length < tidy.length) {
    warnings.push(
      `The Markdown was cut to its first ${cut.length} of ${tidy.length} characters. ` +
        "Where the file has pages, slides or sheets, ask for the rest by them.",
    );
  }
  if (!cut && warnings.length === 0) warnings.push("The document has no text.");
  return { title, mimeType, markdown: cut, warnings };
}

async function read(request: ConversionRequest, context: TaskContext): Promise<Conversion> {
  const { bytes, options } = request;
  if (bytes.length === 0) throw new CapabilityError("invalid_file", "The file is empty.");
  const binary = sniffBinary(bytes);
  if (binary === "pdf") {
    // A large library, and most threads that read Office files never need it.
    const { convertPdf } = await import("./pdf/convert-pdf.ts");
    const converted = await convertPdf(bytes, options, context);
    return { mimeType: MIME_TYPES.pdf, ...converted };
  }
  if (binary === "zip") return await readOffice(bytes, options);
  if (isText(bytes)) return readText(request);
  throw new CapabilityError(
    "unsupported_media_type",
    "By its content this is none of PDF, DOCX, XLSX, PPTX, HTML, CSV, TXT and MD.",
  );
}

async function readOffice(bytes: Uint8Array, options: ConvertOptions): Promise<Conversion> {
  const archive = await openArchive(bytes);
  try {
    const kind = officeKind(archive);
    const title = undefined;
    if (kind === "docx") {
      return { title, mimeType: MIME_TYPES.docx, ...(await convertDocx(bytes, archive, options)) };
    }
    const converted = await (kind === "xlsx" ? convertXlsx : convertPptx)(archive, options);
    return { title, mimeType: MIME_TYPES[kind], ...converted };
  } finally {
    archive.close();
  }
}

function officeKind(archive: Archive): "docx" | "xlsx" | "pptx" {
  if (archive.has("[Content_Types].xml")) {
    if (archive.has("word/document.xml")) return "docx";
    if (archive.has("xl/workbook.xml")) return "xlsx";
    if (archive.has("ppt/presentation.xml")) return "pptx";
  }
  throw new CapabilityError(
    "unsupported_media_type",
    "This is a ZIP archive, but none of DOCX, XLSX and PPTX.",
  );
}

function readText({ bytes, filename, mime, options }: ConversionRequest): Conversion {
  // ASCII reads the same in nearly every charset, so the page's own word can be looked for first.
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 2_048));
  const charset = /charset\s*=\s*["']?([\w-]+)/i;
  const text = decodeText(bytes, charset.exec(mime)?.[1] ?? charset.exec(start)?.[1]);
  const kind = sniffText(text, filename, mime);
  const mimeType = MIME_TYPES[kind];
  if (kind === "html") return { mimeType, warnings: [], ...htmlToMarkdown(text, options) };
  const title = undefined;
  if (kind !== "csv") return { title, mimeType, markdown: text, warnings: [] };
  const { rows, cut } = csvRows(text);
  const cells = rows.map((row) => row.map(escapeInline));
  const warnings = cut ? [`Only the first ${DOCUMENT_LIMITS.sheetRowsMax} rows are given.`] : [];
  return { title, mimeType, markdown: renderTable(cells, options.preserveTables), warnings };
}
