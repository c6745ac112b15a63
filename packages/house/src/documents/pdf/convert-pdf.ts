/**
 * PDF to Markdown.
 *
 * 1. Read the wanted pages as pieces of text with places, fonts, links and tags.
 * 2. Where the tags can be trusted, follow them.
 * 3. Else: drop running heads and feet, find columns, and tell blocks by their looks.
 */
import type { PDFDocumentProxy } from "pdfjs-dist/types/src/display/api.js";
import { CapabilityError } from "../../capability.ts";
import type { TaskContext } from "../../workers/tasks.ts";
import { type Converted, type ConvertOptions, warnings } from "../conversion.ts";
import { DOCUMENT_LIMITS } from "../limits.ts";
import { joinBlocks } from "../markdown.ts";
import { buildBlocks, typographyOf } from "./blocks.ts";
import { readingOrder } from "./columns.ts";
import { removeFurniture } from "./furniture.ts";
import { openPdf, type PdfPage, readPage } from "./pages.ts";
import { isWellTagged, readTagged } from "./tagged.ts";

export async function convertPdf(
  bytes: Uint8Array,
  options: ConvertOptions,
  { signal }: TaskContext,
): Promise<Converted & { title: string | undefined }> {
  const pdf = await openPdf(bytes);
  const notes = warnings();
  try {
    const title = await titleOf(pdf);
    const last = Math.min(options.lastPage, pdf.numPages);
    const allowed = Math.min(last, options.firstPage + DOCUMENT_LIMITS.pdfPagesMax - 1);
    if (options.firstPage > pdf.numPages) notes.add(`The document has ${pdf.numPages} pages only.`);
    if (allowed < last) notes.add(`Only pages ${options.firstPage} to ${allowed} were read.`);
    const pages: PdfPage[] = [];
    for (let number = options.firstPage; number <= allowed; number++) {
      if (signal.aborted) throw new CapabilityError("cancelled", "The work was cancelled.");
      const page = await readPage(pdf, number).catch((error: unknown) => {
        if (error instanceof CapabilityError) throw error;
        notes.add(`Page ${number} is damaged and was left out.`);
        return undefined;
      });
      if (page) pages.push(page);
    }
    if (pages.some(({ hasTurnedText }) => hasTurnedText)) notes.add("Turned text was left out.");
    warnOfScans(pages, options.firstPage, notes.add);
    const blocks = isWellTagged(pages)
      ? pages.flatMap((page) => readTagged(page, options.preserveTables))
      : readByLooks(pages, options.preserveTables);
    return { title, markdown: joinBlocks(blocks), warnings: notes.list() };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

function readByLooks(pages: readonly PdfPage[], preserveTables: boolean): string[] {
  const regions = removeFurniture(pages).flatMap(({ pieces }) => readingOrder(pieces));
  return buildBlocks(regions, typographyOf(regions.flat()), preserveTables);
}

function warnOfScans(
  pages: readonly PdfPage[],
  firstPage: number,
  warn: (warning: string) => void,
): void {
  const bare = pages.flatMap(({ pieces }, index) =>
    pieces.some(({ text }) => text.trim()) ? [] : [firstPage + index],
  );
  if (bare.length === 0) return;
  const which = bare.length === pages.length ? "The pages have" : `${bare.length} pages have`;
  warn(`${which} no text: they are pictures, perhaps scans, and text in pictures is not read.`);
}

async function titleOf(pdf: PDFDocumentProxy): Promise<string | undefined> {
  const { info } = await pdf.getMetadata().catch(() => ({ info: undefined }));
  const title = (info as { Title?: unknown } | undefined)?.Title;
  return typeof title === "string" && title.trim() ? title.trim().slice(0, 500) : undefined;
}
