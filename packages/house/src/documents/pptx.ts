/** Presentations: each slide's title as a heading, its text as lists, its tables, and its notes. */
import type { Archive } from "./archive.ts";
import { type Converted, type ConvertOptions, warnings } from "./conversion.ts";
import {
  escapeInline,
  escapeStart,
  heading,
  joinBlocks,
  oneLine,
  renderTable,
} from "./markdown.ts";
import { child, children, descendants, partOf, relationsOf, type XmlElement } from "./xml.ts";

const PRESENTATION = "ppt/presentation.xml";
/** Of a notes page, only this placeholder holds what the speaker wrote. */
const NOTES_PLACEHOLDER = "body";
const NOT_CONTENT = new Set(["dt", "ftr", "sldNum", "hdr", "sldImg"]);

export async function convertPptx(archive: Archive, options: ConvertOptions): Promise<Converted> {
  const notes = warnings();
  const presentation = await partOf(archive, PRESENTATION);
  const relations = await relationsOf(archive, PRESENTATION);
  const ids = children(child(presentation, "sldIdLst"), "sldId");
  const blocks: string[] = [];
  for (const [index, id] of ids.entries()) {
    const path = relations.get(id.attributes["r:id"] ?? "")?.target;
    if (!path || index + 1 < options.firstPage || index >= options.lastPage) continue;
    blocks.push(await slide(archive, path, index + 1, options, (warning) => notes.add(warning)));
  }
  return { markdown: joinBlocks(blocks), warnings: notes.list() };
}

async function slide(
  archive: Archive,
  path: string,
  number: number,
  options: ConvertOptions,
  warn: (warning: string) => void,
): Promise<string> {
  const root = await partOf(archive, path);
  const relations = await relationsOf(archive, path);
  const shapes = shapesIn(child(root, "cSld", "spTree"));
  const title = shapes.find((shape) => /^(?:title|ctrTitle)$/.test(placeholderOf(shape) ?? ""));
  const titleText = title ? oneLine(paragraphsOf(title).map(plainText).join(" ")) : "";
  const blocks = shapes
    .filter((shape) => shape !== title && !NOT_CONTENT.has(placeholderOf(shape) ?? ""))
    .map((shape) => shapeBlock(shape, relations, options, number, warn));
  const notesPath = [...relations.values()].find(({ type }) => type === "notesSlide")?.target;
  return joinBlocks([
    heading(2, escapeInline(titleText) || `Slide ${number}`),
    ...blocks,
    notesPath ? await speakerNotes(archive, notesPath) : "",
  ]);
}

/** Shapes in the order of the slide, with groups opened. */
function shapesIn(tree: XmlElement): XmlElement[] {
  return tree.children.flatMap((shape) => {
    if (shape.name === "grpSp") return shapesIn(shape);
    if (shape.name === "AlternateContent") return shapesIn(child(shape, "Choice"));
    return ["sp", "graphicFrame", "pic"].includes(shape.name) ? [shape] : [];
  });
}

function propertiesOf(shape: XmlElement): XmlElement | undefined {
  return shape.children.find((each) => /^nv[A-Za-z]*Pr$/.test(each.name));
}

/** The kind of a placeholder; one that names none is a body. `undefined` for free shapes. */
function placeholderOf(shape: XmlElement): string | undefined {
  const properties = propertiesOf(shape);
  const placeholder = properties && child(properties, "nvPr", "ph");
  return placeholder?.name ? (placeholder.attributes.type ?? "body") : undefined;
}

function paragraphsOf(shape: XmlElement): XmlElement[] {
  return children(child(shape, "txBody"), "p");
}

type Relations = ReadonlyMap<string, { target: string; type: string }>;

function shapeBlock(
  shape: XmlElement,
  relations: Relations,
  options: ConvertOptions,
  number: number,
  warn: (warning: string) => void,
): string {
  if (shape.name === "pic") {
    const description = child(propertiesOf(shape) ?? shape, "cNvPr").attributes.descr ?? "";
    return description ? `*[Image: ${escapeInline(oneLine(description))}]*` : "";
  }
  if (shape.name === "graphicFrame") {
    const table = descendants(shape, "tbl")[0];
    if (table) return renderTable(tableRows(table), options.preserveTables);
    warn(`Slide ${number} has a chart or diagram, which is left out.`);
    return "";
  }
  const kind = placeholderOf(shape);
  // Body placeholders have bullets by the slide's master unless a paragraph says otherwise.
  return textBlock(paragraphsOf(shape), kind === "body" || kind === "obj", relations);
}

function tableRows(table: XmlElement): string[][] {
  return children(table, "tr").map((row) =>
    children(row, "tc").map((cell) =>
      paragraphsOf(cell).map(plainText).map(escapeInline).join("\n"),
    ),
  );
}

function textBlock(paragraphs: XmlElement[], isList: boolean, relations: Relations): string {
  const lines: string[] = [];
  const numbers: number[] = [];
  let marker: string | undefined;
  for (const paragraph of paragraphs) {
    const text = runsOf(paragraph, relations).trim();
    if (!text) continue;
    const before = marker;
    marker = markerOf(paragraph, isList);
    const level = Number(child(paragraph, "pPr").attributes.lvl ?? 0);
    numbers.length = level + 1;
    if (marker === "1.") numbers[level] = (numbers[level] ?? 0) + 1;
    else numbers[level] = 0;
    const shown = marker === "1." ? `${numbers[level]}.` : marker;
    // Items of one list stand close together; anything else is a block of its own.
    if (lines.length > 0 && (!marker || !before || (level === 0 && marker !== before)))
      lines.push("");
    // Three spaces are enough to nest under both kinds of marker.
    lines.push(shown ? `${"   ".repeat(level)}${shown} ${text}` : escapeStart(text));
  }
  return lines.join("\n");
}

function markerOf(paragraph: XmlElement, isList: boolean): string | undefined {
  const properties = child(paragraph, "pPr");
  const has = (name: string) => properties.children.some((each) => each.name === name);
  if (has("buNone")) return undefined;
  if (has("buAutoNum")) return "1.";
  return isList || has("buChar") || has("buBlip") ? "-" : undefined;
}

/** A paragraph's text with its bold, italic and linked runs marked. */
function runsOf(paragraph: XmlElement, relations: Relations): string {
  return paragraph.children
    .map((run) => {
      if (run.name === "br") return " ";
      if (run.name !== "r" && run.name !== "fld") return "";
      return styledRun(child(run, "t").text, child(run, "rPr"), relations);
    })
    .join("")
    .replace(/\*{4}/g, "");
}

function styledRun(text: string, properties: XmlElement, relations: Relations): string {
  const [, before = "", core = "", after = ""] = /^(\s*)(.*?)(\s*)$/s.exec(text) ?? [];
  if (!core) return text;
  const isOn = (name: string) => properties.attributes[name] === "1";
  let styled = escapeInline(core);
  if (isOn("b")) styled = `**${styled}**`;
  if (isOn("i")) styled = `*${styled}*`;
  const link = relations.get(child(properties, "hlinkClick").attributes["r:id"] ?? "");
  if (link && /^https?:/.test(link.target)) styled = `[${styled}](${link.target})`;
  return `${before}${styled}${after}`;
}

function plainText(paragraph: XmlElement): string {
  return paragraph.children
    .map((run) => (run.name === "br" ? "\n" : child(run, "t").text))
    .join("");
}

async function speakerNotes(archive: Archive, path: string): Promise<string> {
  const root = await partOf(archive, path);
  const text = shapesIn(child(root, "cSld", "spTree"))
    .filter((shape) => placeholderOf(shape) === NOTES_PLACEHOLDER)
    .flatMap((shape) => paragraphsOf(shape).map(plainText))
    .map((paragraph) => oneLine(paragraph))
    .filter(Boolean);
  const [first, ...rest] = text.map(escapeInline);
  return first ? [`> **Notes:** ${first}`, ...rest.map((line) => `> ${line}`)].join("\n>\n") : "";
}
