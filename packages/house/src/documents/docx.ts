/** Word documents: mammoth makes HTML of their styles, lists and tables, and HTML becomes Markdown. */
import mammoth from "mammoth";
import { CapabilityError } from "../capability.ts";
import type { Archive } from "./archive.ts";
import { type Converted, type ConvertOptions, warnings } from "./conversion.ts";
import { htmlToMarkdown } from "./html.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";
import { streamXml } from "./xml.ts";

/** What mammoth does not map by itself: titles, quotations, and code in its usual styles. */
const STYLES = [
  "p[style-name='Title'] => h1:fresh",
  "p[style-name='Subtitle'] => p:fresh > em",
  "p[style-name='Quote'] => blockquote:fresh > p:fresh",
  "p[style-name='Block Text'] => blockquote:fresh > p:fresh",
  "p[style-name='Intense Quote'] => blockquote:fresh > p:fresh",
  // These styles carry their level in their name, and none in their numbering.
  "p[style-name='List Bullet 2'] => ul > li > ul > li:fresh",
  "p[style-name='List Bullet 3'] => ul > li > ul > li > ul > li:fresh",
  "p[style-name='List Number 2'] => ul|ol > li > ol > li:fresh",
  "p[style-name='List Number 3'] => ul|ol > li > ul|ol > li > ol > li:fresh",
  "p[style-name='Source Code'] => pre:separator('\n')",
  "p[style-name='HTML Preformatted'] => pre:separator('\n')",
  "r[style-name='Verbatim Char'] => code",
  "p[style-name='heading 7'] => h6:fresh",
  "p[style-name='heading 8'] => h6:fresh",
  "p[style-name='heading 9'] => h6:fresh",
];

export async function convertDocx(
  bytes: Uint8Array,
  archive: Archive,
  options: ConvertOptions,
): Promise<Converted> {
  await requireSound(archive);
  const notes = warnings();
  const { value: html, messages } = await mammoth
    .convertToHtml(
      { buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
      {
        styleMap: STYLES,
        // A document's own style map could name any HTML; only ours counts.
        includeEmbeddedStyleMap: false,
        // Pictures are named by their alternative text. Their bytes do not belong in Markdown.
        convertImage: mammoth.images.imgElement(async () => ({ src: "" })),
      },
    )
    .catch((error: unknown) => {
      throw new CapabilityError("invalid_file", "The Word document is damaged.", { cause: error });
    });
  if (messages.some(({ type }) => type === "error")) {
    notes.add("Parts of the document could not be read.");
  }
  const { markdown } = htmlToMarkdown(html, options);
  return { markdown, warnings: notes.list() };
}

/**
 * Reads every part once before mammoth does: it inflates whatever it is given, and its parser takes
 * minutes for elements that are nested or left open without end.
 */
async function requireSound(archive: Archive): Promise<void> {
  const ignore = { open: () => {}, close: () => {}, text: () => {} };
  for (const path of archive.paths) {
    if (/\.(?:xml|rels)$/i.test(path)) {
      await streamXml(archive.stream(path, DOCUMENT_LIMITS.partBytesMax), ignore, () => false);
    } else for await (const _ of archive.stream(path));
  }
}
