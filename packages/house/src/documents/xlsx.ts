/**
 * Workbooks: each visible sheet a heading and a table. Sheets are streamed, because a million rows
 * pack into a small file; only as many as are wanted are ever unpacked.
 */
import type { Archive } from "./archive.ts";
import type { Converted, ConvertOptions, Warnings } from "./conversion.ts";
import { warnings } from "./conversion.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";
import { escapeInline, heading, joinBlocks, renderTable } from "./markdown.ts";
import { readNumberFormats, type Workbook } from "./xlsx-formats.ts";
import { readSharedTexts, readSheetRows } from "./xlsx-sheet.ts";
import { child, children, partOf, relationsOf, type XmlElement } from "./xml.ts";

const WORKBOOK = "xl/workbook.xml";

export async function convertXlsx(archive: Archive, options: ConvertOptions): Promise<Converted> {
  const notes = warnings();
  const root = await partOf(archive, WORKBOOK);
  const relations = await relationsOf(archive, WORKBOOK);
  const targetOf = (type: string) => [...relations.values()].find((each) => each.type === type);
  const workbook: Workbook = {
    sharedTexts: await readSharedTexts(archive, targetOf("sharedStrings")?.target),
    formats: readNumberFormats(await partOf(archive, targetOf("styles")?.target ?? "")),
    startsIn1904: isTrue(child(root, "workbookPr").attributes.date1904),
  };
  const blocks: string[] = [];
  for (const sheet of wantedSheets(root, options, notes)) {
    const path = relations.get(sheet.attributes["r:id"] ?? "")?.target;
    if (!path || !archive.has(path) || !path.includes("worksheets/")) continue;
    const name = sheet.attributes.name ?? "";
    const { rows, isCut } = await readSheetRows(archive, path, workbook);
    if (isCut) {
      const { sheetRowsMax, tableColumnsMax } = DOCUMENT_LIMITS;
      notes.add(
        `Sheet "${name}" is larger than is read; of at most ${sheetRowsMax} rows and ` +
          `${tableColumnsMax} columns, the first ${rows.length} rows are given.`,
      );
    }
    const cells = rows.map((row) => row.map(escapeInline));
    blocks.push(heading(2, escapeInline(name)), renderTable(cells, options.preserveTables));
  }
  return { markdown: joinBlocks(blocks), warnings: notes.list() };
}

function wantedSheets(root: XmlElement, options: ConvertOptions, notes: Warnings): XmlElement[] {
  const sheets = children(child(root, "sheets"), "sheet");
  const visible = sheets.filter(({ attributes }) => !attributes.state?.includes("idden"));
  if (visible.length < sheets.length) {
    notes.add(`${sheets.length - visible.length} hidden sheets were left out.`);
  }
  if (visible.length > DOCUMENT_LIMITS.sheetsMax) {
    notes.add(`Only the first ${DOCUMENT_LIMITS.sheetsMax} sheets are read.`);
  }
  return visible.slice(0, DOCUMENT_LIMITS.sheetsMax).slice(options.firstPage - 1, options.lastPage);
}

function isTrue(text: string | undefined): boolean {
  return text === "1" || text === "true";
}
