/**
 * Words as pictures. Two fonts come along: Inter, and DejaVu for the letters that Inter lacks. Other
 * scripts, such as Chinese, need a font of the machine's; without one, their letters are left out
 * rather than shown as boxes.
 */
import { createRequire } from "node:module";
import sharp from "sharp";

const require = createRequire(import.meta.url);
const FAMILY = "Inter Bold";
/** What the fonts that come along have: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Georgian, signs. */
const COVERED = /[\u0020-\u06ff\u10a0-\u10ff\u1e00-\u27bf]/;
/** So many letters are looked at to tell whether this machine has their script. */
const LOOKED_AT_MAX = 24;
const SAMPLE_SIZE = 40;
/** At 72 dots an inch, a point is a pixel. */
const DOTS_PER_INCH = 72;

export interface Lettering {
  /** PNG with nothing behind the letters. */
  readonly png: Buffer;
  readonly width: number;
  readonly height: number;
}

export interface LetteringStyle {
  /** Height of the letters' line in pixels. */
  readonly size: number;
  readonly widthMax: number;
  readonly align: "left" | "centre";
  readonly colour: string;
}

let fonts: Promise<string> | undefined;

/** Draws a text, broken into lines. `undefined` where none of its letters can be drawn. */
export async function letter(
  text: string,
  { size, widthMax, align, colour }: LetteringStyle,
): Promise<Lettering | undefined> {
  const drawable = await drawablePartOf(text);
  if (!/[\p{L}\p{N}]/u.test(drawable)) return undefined;
  const drawn = await draw(`<span foreground="${colour}">${escaped(drawable)}</span>`, {
    ...{ width: Math.round(widthMax), align, wrap: "word-char" },
    ...{ font: `${FAMILY} ${Math.round(size)}`, spacing: Math.round(size * 0.18) },
  });
  return { png: drawn.data, width: drawn.info.width, height: drawn.info.height };
}

/** The text without letters for which there is no font here. */
export async function drawablePartOf(text: string): Promise<string> {
  const letters = [...new Set(text)].filter((each) => !COVERED.test(each) && each.trim() !== "");
  const looked = letters.slice(0, LOOKED_AT_MAX);
  const missing = new Set<string>();
  for (const each of looked) {
    if (await isBox(each)) missing.add(each);
  }
  // Some letters do look like boxes; a script that is missing has nothing else.
  if (missing.size <= looked.length / 2) return text;
  return [...text]
    .filter((each) => COVERED.test(each))
    .join("")
    .replace(/\s+/g, " ")
    .trim();
}

/** What has no glyph is drawn as its number in a frame: solid lines on all four sides. */
async function isBox(character: string): Promise<boolean> {
  const options = { font: `${FAMILY} ${SAMPLE_SIZE}` };
  const { data } = await draw(escaped(character), options).catch(() => ({ data: undefined }));
  if (!data) return true;
  const { data: pixels, info } = await sharp(data)
    .extractChannel("alpha")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return isFramed(pixels, info.width, info.height);
}

/** Whether all that is drawn stands in a rectangle of solid lines. */
function isFramed(pixels: Uint8Array, width: number, height: number): boolean {
  const isInk = (x: number, y: number) => (pixels[y * width + x] ?? 0) > INK;
  const inRow = (y: number) => count(width, (x) => isInk(x, y));
  const inColumn = (x: number) => count(height, (y) => isInk(x, y));
  const rows = indicesOf(height, (y) => inRow(y) > 0);
  const columns = indicesOf(width, (x) => inColumn(x) > 0);
  const [top, bottom, left, right] = [rows.at(0), rows.at(-1), columns.at(0), columns.at(-1)];
  if (top === undefined || bottom === undefined || left === undefined || right === undefined) {
    return true;
  }
  const isLine = (ink: number, length: number) => ink >= length * FRAME_SHARE_MIN;
  return (
    [top, bottom].every((y) => isLine(inRow(y), right - left + 1)) &&
    [left, right].every((x) => isLine(inColumn(x), bottom - top + 1))
  );
}

/** Of 255: more than the rim of a stroke. */
const INK = 60;
const FRAME_SHARE_MIN = 0.85;

function indicesOf(length: number, isTrue: (index: number) => boolean): number[] {
  return Array.from({ length }, (_, index) => index).filter(isTrue);
}

function count(length: number, isTrue: (index: number) => boolean): number {
  return indicesOf(length, isTrue).length;
}

async function draw(markup: string, options: object) {
  fonts ??= loadFonts();
  const fontfile = await fonts;
  const text = { ...options, text: markup, fontfile, rgba: true, dpi: DOTS_PER_INCH };
  return sharp({ text }).png().toBuffer({ resolveWithObject: true });
}

/** A font that was used once is there for others to fall back on. */
async function loadFonts(): Promise<string> {
  const fallback = require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf");
  await sharp({ text: { text: "a", font: "DejaVu Sans Bold", fontfile: fallback } })
    .png()
    .toBuffer();
  return require.resolve("@expo-google-fonts/inter/700Bold/Inter_700Bold.ttf");
}

/** Pango's markup is XML. What XML cannot have, nobody can see. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\ufffe\uffff]/gu, " ")
    .toWellFormed()
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");
}
