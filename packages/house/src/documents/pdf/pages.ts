/** A page of a PDF as pieces of text with their places, its links, and its tags where it has them. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type {
  PDFDocumentProxy,
  PDFPageProxy,
  TextItem,
  TextMarkedContent,
} from "pdfjs-dist/types/src/display/api.js";
import { CapabilityError } from "../../capability.ts";
import { DOCUMENT_LIMITS } from "../limits.ts";

export interface Piece {
  text: string;
  /** Left edge and baseline in points, from the page's upper left corner as it is shown. */
  x: number;
  y: number;
  width: number;
  /** Height of the type, in points. */
  size: number;
  isBold: boolean;
  isMono: boolean;
  /** Whether the line of text ends here. */
  endsLine: boolean;
  /** Where a link on this piece leads. */
  url: string | undefined;
  /** The piece's place in the tree of tags. */
  mark: string | undefined;
}

export type Tag = { role: string; children: (Tag | { type: string; id: string })[]; alt?: string };

export interface PdfPage {
  width: number;
  height: number;
  pieces: Piece[];
  tags: Tag | undefined;
  hasTurnedText: boolean;
}

const PACKAGE = dirname(createRequire(import.meta.url).resolve("pdfjs-dist/package.json"));

/** @throws CapabilityError `invalid_file` when it is broken or protected by a password */
export async function openPdf(bytes: Uint8Array): Promise<PDFDocumentProxy> {
  // The legacy build is the one for Node; the other asks for functions that only browsers have.
  const { getDocument, VerbosityLevel } = await import("pdfjs-dist/legacy/build/pdf.mjs");
  const folder = (name: string) => `${pathToFileURL(join(PACKAGE, name)).pathname}/`;
  const task = getDocument({
    data: bytes,
    // Pictures are not read, so none of them is decoded: a small one can claim gigabytes of pixels.
    maxImageSize: 1,
    // The names of fonts say which text is bold.
    fontExtraProperties: true,
    disableFontFace: true,
    useSystemFonts: false,
    stopAtErrors: false,
    cMapUrl: folder("cmaps"),
    cMapPacked: true,
    standardFontDataUrl: folder("standard_fonts"),
    verbosity: VerbosityLevel.ERRORS,
  });
  try {
    return await task.promise;
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    const isLocked = name === "PasswordException";
    const why = isLocked ? "is protected by a password" : "is damaged and cannot be read";
    throw new CapabilityError("invalid_file", `The PDF ${why}.`, { cause: error });
  }
}

/** Reads one page, counted from 1. */
export async function readPage(pdf: PDFDocumentProxy, number: number): Promise<PdfPage> {
  const page = await pdf.getPage(number);
  // Fonts reach this side only with the page's operations; asking for those loads them.
  await page.getOperatorList();
  const { items } = await page.getTextContent({ includeMarkedContent: true });
  if (items.length > DOCUMENT_LIMITS.pdfItemsMax) {
    throw new CapabilityError("invalid_file", `Page ${number} has too many pieces of text.`);
  }
  const { width, height, transform } = page.getViewport({ scale: 1 });
  const linkAt = await readLinks(page);
  const fonts = new Map<string, { isBold: boolean; isMono: boolean }>();
  const pieces: Piece[] = [];
  const marks: (string | undefined)[] = [];
  let hasTurnedText = false;
  for (const item of items) {
    if (!("str" in item)) {
      followMark(marks, item);
      continue;
    }
    const font = fonts.get(item.fontName) ?? readFont(page, item.fontName);
    fonts.set(item.fontName, font);
    const piece = toPiece(item, transform);
    if (!piece) hasTurnedText ||= item.str.trim() !== "";
    else pieces.push({ ...piece, ...font, url: linkAt(item), mark: marks.at(-1) });
  }
  const tags = (await page.getStructTree()) as unknown as Tag | null;
  page.cleanup();
  return { width, height, pieces, tags: tags ?? undefined, hasTurnedText };
}

/** Keeps the marks that are open at this point of the page, the innermost last. */
function followMark(marks: (string | undefined)[], item: TextMarkedContent): void {
  if (item.type === "endMarkedContent") marks.pop();
  // A mark inside a mark without an id of its own belongs to the outer one.
  else marks.push((item.id as string | null | undefined) ?? marks.at(-1));
}

/** A piece as the page shows it, or `undefined` where the text runs in another direction. */
function toPiece(
  item: TextItem,
  page: number[],
): Omit<Piece, "isBold" | "isMono" | "url" | "mark"> | undefined {
  const [a, b, c, d, x, y] = multiply(page, item.transform as number[]);
  if (Math.abs(b) > Math.abs(a) * 0.1 || a < 0) return undefined;
  const size = Math.hypot(c, d);
  const scale = Math.hypot(page[0] ?? 1, page[1] ?? 0);
  return { text: item.str, x, y, width: item.width * scale, size, endsLine: item.hasEOL };
}

/** The product of two affine transforms, the second applied first (ISO 32000-1, §8.3.3). */
function multiply(m: number[], n: number[]): [number, number, number, number, number, number] {
  const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = m;
  const [g = 1, h = 0, i = 0, j = 1, k = 0, l = 0] = n;
  return [
    a * g + c * h,
    b * g + d * h,
    a * i + c * j,
    b * i + d * j,
    a * k + c * l + e,
    b * k + d * l + f,
  ];
}

function readFont(page: PDFPageProxy, id: string): { isBold: boolean; isMono: boolean } {
  const font = page.commonObjs.has(id) ? (page.commonObjs.get(id) as { name?: string }) : undefined;
  const name = font?.name ?? "";
  return {
    isBold: /bold|black|heavy|semibold|-bd|cmbx/i.test(name),
    isMono: /mono|courier|consol|menlo|cmtt|typewriter/i.test(name),
  };
}

/** Finds the link, if any, in whose rectangle a piece's middle lies. */
async function readLinks(page: PDFPageProxy): Promise<(item: TextItem) => string | undefined> {
  const annotations = (await page.getAnnotations()) as { url?: string; rect?: number[] }[];
  const links = annotations.filter(
    ({ url, rect }) => /^(?:https?|mailto):/.test(url ?? "") && rect,
  );
  return (item) => {
    const [, , , , x = 0, y = 0] = item.transform as number[];
    const middle = x + item.width / 2;
    return links.find(({ rect: [left = 0, bottom = 0, right = 0, top = 0] = [] }) => {
      return middle >= left && middle <= right && y >= bottom - 1 && y <= top;
    })?.url;
  };
}
