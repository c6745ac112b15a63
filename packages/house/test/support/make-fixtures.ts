/**
 * Makes the binary fixtures: `node packages/house/test/support/make-fixtures.ts`. Each holds
 * the same little report, written in the structures of its format. The tagged PDF is printed by
 * Chromium (`/usr/bin/chromium`); everything else is made here.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { strToU8, zipSync } from "fflate";
import { PDF_PAGES, writePdf } from "./write-pdf.ts";

const here = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

type Parts = Readonly<Record<string, string>>;

function office(name: string, parts: Parts): void {
  const all = { "[Content_Types].xml": contentTypes(Object.keys(parts)), ...parts };
  const files = Object.entries(all).map(([path, xml]) => [path, strToU8(xml)] as const);
  // A fixed date, so that making them again gives the same bytes.
  writeFileSync(here(name), zipSync(Object.fromEntries(files), { mtime: "2024-01-01T00:00:00" }));
}

const MAIN_TYPES: Parts = {
  "word/document.xml": "wordprocessingml.document.main",
  "xl/workbook.xml": "spreadsheetml.sheet.main",
  "ppt/presentation.xml": "presentationml.presentation.main",
};

function contentTypes(paths: readonly string[]): string {
  const overrides = paths
    .filter((path) => MAIN_TYPES[path])
    .map(
      (path) =>
        `<Override PartName="/${path}" ContentType="application/vnd.openxmlformats-officedocument.${MAIN_TYPES[path]}+xml"/>`,
    );
  return `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${overrides.join("")}</Types>`;
}

const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

function relationships(
  ...targets: readonly (readonly [id: string, type: string, target: string])[]
) {
  const list = targets.map(([id, type, target]) => {
    const mode = target.startsWith("https:") ? ' TargetMode="External"' : "";
    return `<Relationship Id="${id}" Type="${OFFICE}/${type}" Target="${target}"${mode}/>`;
  });
  return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${list.join("")}</Relationships>`;
}

// --- Word

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';

function docxParagraph(text: string, properties = ""): string {
  return `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}
const styled = (id: string) => `<w:pStyle w:val="${id}"/>`;
const numbered = (list: number, level: number) =>
  `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="${list}"/></w:numPr>`;

function docxTable(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => `<w:tc><w:tcPr/>${docxParagraph(text)}</w:tc>`;
  return `<w:tbl>${rows.map((row) => `<w:tr>${row.map(cell).join("")}</w:tr>`).join("")}</w:tbl>`;
}

function numbering(list: number, format: string): string {
  const level = (n: number) =>
    `<w:lvl w:ilvl="${n}"><w:start w:val="1"/><w:numFmt w:val="${format}"/></w:lvl>`;
  return `<w:abstractNum w:abstractNumId="${list}">${level(0)}${level(1)}</w:abstractNum>`;
}

const STYLES = [
  ["Title", "Title"],
  ["H1", "heading 1"],
  ["H2", "heading 2"],
].map(
  ([id, name]) =>
    `<w:style w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/></w:style>`,
);

office("report.docx", {
  "_rels/.rels": relationships(["r1", "officeDocument", "word/document.xml"]),
  "word/_rels/document.xml.rels": relationships(
    ["r1", "styles", "styles.xml"],
    ["r2", "numbering", "numbering.xml"],
    ["r3", "hyperlink", "https://harbour.example/log"],
  ),
  "word/styles.xml": `<w:styles ${W}>${STYLES.join("")}</w:styles>`,
  "word/numbering.xml": `<w:numbering ${W}>${numbering(1, "bullet")}${numbering(2, "decimal")}<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num></w:numbering>`,
  "word/document.xml": `<w:document ${W} xmlns:r="${OFFICE}"><w:body>${[
    docxParagraph("Harbour report", styled("Title")),
    `<w:p><w:r><w:t xml:space="preserve">The harbour took in </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>412 ships</w:t></w:r><w:r><w:t xml:space="preserve">, as the </w:t></w:r><w:hyperlink r:id="r3"><w:r><w:t>log</w:t></w:r></w:hyperlink><w:r><w:t xml:space="preserve"> says.</w:t></w:r></w:p>`,
    docxParagraph("Cargo", styled("H2")),
    docxParagraph("Timber", numbered(1, 0)),
    docxParagraph("Salt", numbered(1, 0)),
    docxParagraph("coarse", numbered(1, 1)),
    docxParagraph("Weigh", numbered(2, 0)),
    docxParagraph("Store", numbered(2, 0)),
    docxTable([
      ["Quay", "Ships"],
      ["North", "120"],
      ["South | old", "80"],
    ]),
    `<w:p><w:del><w:r><w:delText>struck</w:delText></w:r></w:del><w:ins><w:r><w:t>kept</w:t></w:r></w:ins></w:p>`,
  ].join("")}</w:body></w:document>`,
});

// --- Excel

const S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const shared = ["Quay", "Opened", "Share", "Open now", "North"];
const cell = (place: string, type: string, value: string, style = "0") =>
  `<c r="${place}" t="${type}" s="${style}"><v>${value}</v></c>`;

office("book.xlsx", {
  "_rels/.rels": relationships(["r1", "officeDocument", "xl/workbook.xml"]),
  "xl/_rels/workbook.xml.rels": relationships(
    ["r1", "worksheet", "worksheets/sheet1.xml"],
    ["r2", "worksheet", "worksheets/sheet2.xml"],
    ["r3", "sharedStrings", "sharedStrings.xml"],
    ["r4", "styles", "styles.xml"],
    ["r5", "worksheet", "worksheets/sheet3.xml"],
  ),
  "xl/workbook.xml": `<workbook ${S} xmlns:r="${OFFICE}"><sheets><sheet name="Quays" sheetId="1" r:id="r1"/><sheet name="Sums" sheetId="2" r:id="r2"/><sheet name="Old" sheetId="3" state="hidden" r:id="r5"/></sheets></workbook>`,
  "xl/styles.xml": `<styleSheet ${S}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd;@"/></numFmts><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs></styleSheet>`,
  "xl/sharedStrings.xml": `<sst ${S}>${shared.map((text) => `<si><t>${text}</t></si>`).join("")}</sst>`,
  "xl/worksheets/sheet1.xml": `<worksheet ${S}><sheetData><row r="1">${[
    cell("A1", "s", "0"),
    cell("B1", "s", "1"),
    cell("C1", "s", "2"),
    cell("E1", "s", "3"),
  ].join("")}</row><row r="3">${[
    cell("A3", "s", "4"),
    cell("B3", "n", "45292", "1"),
    cell("C3", "n", "0.425", "2"),
    cell("E3", "b", "1"),
  ].join("")}</row></sheetData></worksheet>`,
  "xl/worksheets/sheet2.xml": `<worksheet ${S}><sheetData><row><c t="inlineStr"><is><t>Sum</t></is></c><c t="str"><f>A1</f><v>told</v></c></row><row><c><f>0.1+0.2</f><v>0.30000000000000004</v></c><c t="e"><v>#DIV/0!</v></c></row></sheetData></worksheet>`,
  "xl/worksheets/sheet3.xml": `<worksheet ${S}><sheetData><row><c t="inlineStr"><is><t>secret</t></is></c></row></sheetData></worksheet>`,
});

// --- PowerPoint

const P = `xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="${OFFICE}"`;
const run = (text: string, properties = "") =>
  `<a:r><a:rPr ${properties}/><a:t>${text}</a:t></a:r>`;
const line = (text: string, properties = "<a:pPr/>") => `<a:p>${properties}${run(text)}</a:p>`;
const shape = (placeholder: string, paragraphs: string) =>
  `<p:sp><p:nvSpPr><p:cNvPr id="1" name=""/><p:cNvSpPr/><p:nvPr>${placeholder}</p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>${paragraphs}</p:txBody></p:sp>`;
const slide = (kind: string, shapes: string) =>
  `<p:${kind} ${P}><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:${kind}>`;
const gridCell = (text: string) => `<a:tc><a:txBody>${line(text)}</a:txBody></a:tc>`;
const gridRow = (...texts: readonly string[]) => `<a:tr>${texts.map(gridCell).join("")}</a:tr>`;

office("slides.pptx", {
  "_rels/.rels": relationships(["r1", "officeDocument", "ppt/presentation.xml"]),
  "ppt/_rels/presentation.xml.rels": relationships(
    ["r1", "slide", "slides/slide2.xml"],
    ["r2", "slide", "slides/slide1.xml"],
  ),
  "ppt/presentation.xml": `<p:presentation ${P}><p:sldIdLst><p:sldId id="256" r:id="r1"/><p:sldId id="257" r:id="r2"/></p:sldIdLst></p:presentation>`,
  "ppt/slides/_rels/slide2.xml.rels": relationships([
    "r1",
    "notesSlide",
    "../notesSlides/notesSlide1.xml",
  ]),
  "ppt/notesSlides/notesSlide1.xml": slide(
    "notes",
    shape('<p:ph type="sldNum"/>', line("1")) +
      shape('<p:ph type="body"/>', line("Greet everyone.")),
  ),
  "ppt/slides/slide2.xml": slide(
    "sld",
    shape(
      '<p:ph type="body"/>',
      line("Timber") +
        line("oak", '<a:pPr lvl="1"/>') +
        `<a:p>${run("Salt ")}${run("fine", 'b="1"')}</a:p>` +
        line("A plain line", "<a:pPr><a:buNone/></a:pPr>"),
    ) +
      shape('<p:ph type="title"/>', line("Harbour report")) +
      shape('<p:ph type="ftr"/>', line("footer text")),
  ),
  "ppt/slides/slide1.xml": slide(
    "sld",
    `<p:graphicFrame><a:graphic><a:graphicData><a:tbl>${gridRow("Quay", "Ships")}${gridRow("North", "120")}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>${shape(
      "",
      ["Weigh", "Store"]
        .map((text) => line(text, '<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>'))
        .join(""),
    )}`,
  ),
});

// --- PDF

writeFileSync(here("placed.pdf"), writePdf(PDF_PAGES));
execFileSync("/usr/bin/chromium", [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-pdf-header-footer",
  `--print-to-pdf=${here("tagged.pdf")}`,
  here("report.html"),
]);
// Chromium writes the time into what it prints; what is here should change only with its source.
const printed = readFileSync(here("tagged.pdf"), "latin1");
writeFileSync(
  here("tagged.pdf"),
  printed.replace(/D:\d{14}[^)]*/g, (date) => "D:20240101000000Z".padEnd(date.length)),
  "latin1",
);
