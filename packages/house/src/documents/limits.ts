import { LIMITS } from "@guildhall/protocol";

/** What a document may cost. Past a limit that says `Max` a file is refused, or cut with a warning. */
export const DOCUMENT_LIMITS = {
  /** An answer travels in one frame and holds the Markdown twice (as `markdown`, and in `documents`). */
  markdownBytesMax: Math.floor((LIMITS.bodyBytesMax - 32_768) / 2),
  /** Unpacked bytes of an archive's parts together. Office files unpack to some 5 to 20 times. */
  unpackedBytesMax: 200_000_000,
  /** Unpacked bytes of one part that is read as a tree, which takes some 10 times that in memory. */
  partBytesMax: 32_000_000,
  archiveEntriesMax: 20_000,
  xmlDepthMax: 200,
  xmlNodesMax: 1_000_000,
  /** A larger page is data, not a document. */
  htmlBytesMax: 10_000_000,
  htmlDepthMax: 1_000,
  tableColumnsMax: 256,
  tableCellsMax: 1_000_000,
  sheetRowsMax: 5_000,
  sheetsMax: 200,
  /** Texts that a workbook shares among its cells, together. */
  sharedTextBytesMax: 64_000_000,
  pdfPagesMax: 500,
  /** Pieces of text on one page of a PDF: a dense page has some 5,000. */
  pdfItemsMax: 60_000,
  warningsMax: 20,
} as const;
