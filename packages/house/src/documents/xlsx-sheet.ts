/** The rows of one sheet, and the texts that a workbook's cells share. */
import { CapabilityError } from "../capability.ts";
import type { Archive } from "./archive.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";
import { formatNumber, type Workbook } from "./xlsx-formats.ts";
import { streamXml } from "./xml.ts";

export async function readSharedTexts(
  archive: Archive,
  path: string | undefined,
): Promise<string[]> {
  const texts: string[] = [];
  if (!path || !archive.has(path)) return texts;
  let inText = false;
  let inPhonetic = false;
  let current = "";
  let length = 0;
  await streamXml(
    archive.stream(path),
    {
      open: (name) => {
        if (name === "si") current = "";
        inText = name === "t";
        // Furigana stand beside the text that they explain, and are not part of it.
        if (name === "rPh") inPhonetic = true;
      },
      close: (name) => {
        inText = false;
        if (name === "rPh") inPhonetic = false;
        if (name === "si") texts.push(current);
      },
      text: (text) => {
        if (!inText || inPhonetic) return;
        current += text;
        length += text.length;
        if (length > DOCUMENT_LIMITS.sharedTextBytesMax) {
          throw new CapabilityError("invalid_file", "The workbook holds too much text.");
        }
      },
    },
    () => false,
  );
  return texts;
}

interface Cell {
  column: number;
  type: string;
  style: number;
  value: string;
  formula: string;
}

/** Reads rows until there are no more or the limit is reached. */
export async function readSheetRows(
  archive: Archive,
  path: string,
  workbook: Workbook,
): Promise<{ rows: string[][]; isCut: boolean }> {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell: Cell | undefined;
  let within = "";
  let isCut = false;
  let characters = 0;
  const isFull = () =>
    rows.length > DOCUMENT_LIMITS.sheetRowsMax || characters > DOCUMENT_LIMITS.markdownBytesMax * 2;
  await streamXml(
    archive.stream(path),
    {
      open: (name, attributes) => {
        if (name === "row") row = [];
        else if (name === "c") cell = openCell(attributes, row.length);
        within = name;
      },
      text: (text) => {
        if (!cell) return;
        if (within === "v" || within === "t") cell.value += text;
        else if (within === "f") cell.formula += text;
      },
      close: (name) => {
        within = "";
        if (name === "c" && cell) {
          const text = cellText(cell, workbook);
          if (cell.column >= DOCUMENT_LIMITS.tableColumnsMax) isCut ||= text !== "";
          else row[cell.column] = text;
          characters += text.length;
          cell = undefined;
        } else if (name === "row" && row.some((text) => text)) {
          rows.push(Array.from(row, (text) => text ?? ""));
        }
      },
    },
    isFull,
  );
  isCut ||= isFull();
  return { rows: rows.slice(0, DOCUMENT_LIMITS.sheetRowsMax), isCut };
}

function openCell(attributes: Readonly<Record<string, string>>, next: number): Cell {
  const letters = /^([A-Z]{1,3})\d/.exec(attributes.r ?? "")?.[1];
  return {
    column: letters ? columnOf(letters) : next,
    type: attributes.t ?? "n",
    style: Number(attributes.s ?? 0),
    value: "",
    formula: "",
  };
}

/** `A` is 0, `Z` is 25, `AA` is 26. */
function columnOf(letters: string): number {
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

function cellText({ type, style, value, formula }: Cell, workbook: Workbook): string {
  // Programs that do not calculate leave formulas without a value.
  if (value === "" && formula) return `=${formula}`;
  if (type === "s") return (workbook.sharedTexts[Number(value)] ?? "").trim();
  if (type === "b") return value === "1" ? "TRUE" : "FALSE";
  if (type !== "n") return value.trim();
  return formatNumber(value, workbook.formats[style] ?? "general", workbook.startsIn1904);
}
