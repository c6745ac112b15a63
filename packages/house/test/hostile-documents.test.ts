/**
 * Files that want to harm their reader. Each must be refused with a code and a reason, or be cut with
 * a warning, and the next file must convert as if nothing had been.
 */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { constants, deflateRawSync, deflateSync } from "node:zlib";
import { strToU8, type Zippable, zipSync } from "fflate";
import { fileNamed, fixture, refuses, run } from "./support/house.ts";
import { assemble } from "./support/write-pdf.ts";

const convert = (name: string, bytes: Uint8Array, signal?: AbortSignal) =>
  run("markdown_convert", { file: fileNamed(name, bytes) }, signal);

afterEach(async () => {
  const { markdown } = await convert("after.md", strToU8("# fine"));
  assert.equal(markdown, "# fine");
});

function office(main: string, body: Uint8Array | string, more: Zippable = {}): Uint8Array {
  return zipSync({
    "[Content_Types].xml": strToU8("<Types/>"),
    [main]: typeof body === "string" ? strToU8(body) : body,
    ...more,
  });
}

const WORKBOOK = `<workbook xmlns:r="r"><sheets><sheet name="A" r:id="r1"/></sheets></workbook>`;
const WORKBOOK_RELATIONS = strToU8(
  `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
);

function workbook(sheet: string): Uint8Array {
  return office("xl/workbook.xml", WORKBOOK, {
    "xl/_rels/workbook.xml.rels": WORKBOOK_RELATIONS,
    "xl/worksheets/sheet1.xml": strToU8(sheet),
  });
}

test("an archive that unpacks to far more than it is", async () => {
  const part = office("ppt/presentation.xml", new Uint8Array(33_000_000));
  await refuses("invalid_file", /unpacks to more/, convert("a.pptx", part));
  const picture = { "word/media/a.png": new Uint8Array(201_000_000) };
  const whole = office("word/document.xml", "<document/>", picture);
  await refuses("invalid_file", /unpacks to more/, convert("a.docx", whole));
});

test("an archive that lies about how much it unpacks to", async () => {
  const bytes = Buffer.from(office("word/document.xml", new Uint8Array(1_000_000)));
  // Both places that say 1,000,000 bytes now say 10.
  for (
    let at = bytes.indexOf("40420f00", 0, "hex");
    at >= 0;
    at = bytes.indexOf("40420f00", at, "hex")
  ) {
    bytes.writeUInt32LE(10, at);
  }
  await refuses("invalid_file", /damaged/, convert("a.docx", bytes));
});

test("a million rows give the first 5,000 and a warning", async () => {
  const row = `<row>${'<c t="inlineStr"><is><t>x</t></is></c>'.repeat(3)}</row>`;
  const sheet = `<worksheet><sheetData>${row.repeat(1_000_000)}</sheetData></worksheet>`;
  const { markdown, warnings } = await convert("a.xlsx", workbook(sheet));
  assert.equal(String(markdown).split("\n").length, 5_003);
  assert.match(String(warnings), /first 5000 rows/);
});

test("a cell in the last column of the sheet", async () => {
  const sheet = `<worksheet><sheetData><row><c r="XFD1" t="str"><v>far</v></c><c r="A1" t="str"><v>near</v></c></row></sheetData></worksheet>`;
  const { markdown, warnings } = await convert("a.xlsx", workbook(sheet));
  assert.match(String(markdown), /near/);
  assert.match(String(warnings), /256 columns/);
});

test("nesting without end", async () => {
  const deep = "<a>".repeat(100_000);
  const refusal = /nested too deeply|damaged/;
  await refuses(
    "invalid_file",
    refusal,
    convert("a.html", strToU8(`<html>${"<div>".repeat(200_000)}`)),
  );
  await refuses("invalid_file", refusal, convert("a.pptx", office("ppt/presentation.xml", deep)));
  await refuses("invalid_file", refusal, convert("a.docx", office("word/document.xml", deep)));
});

test("entities that multiply", async () => {
  const laughs = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>`;
  await refuses(
    "invalid_file",
    /not XML/,
    convert("a.pptx", office("ppt/presentation.xml", laughs)),
  );
  await refuses("invalid_file", /not XML/, convert("a.docx", office("word/document.xml", laughs)));
});

test("a table that claims a million columns in each of its cells", async () => {
  const cell = '<td rowspan="65000" colspan="1000000">x';
  const { markdown } = await convert("a.html", strToU8(`<html><table><tr>${cell.repeat(2_000)}`));
  assert.match(String(markdown), /x/);
});

test("a PDF page that unpacks to gigabytes ends its thread and nothing else", async () => {
  // A deflated megabyte that ends at a whole byte and looks back at nothing can be said again and again.
  const flushed = { finishFlush: constants.Z_FULL_FLUSH };
  const megabyte = deflateRawSync(Buffer.alloc(1_000_000, " "), flushed);
  const header = Buffer.from([0x78, 0x9c]);
  const bomb = deflateSync(Buffer.concat([header, ...Array<Buffer>(4_000).fill(megabyte)]));
  const pdf = assemble([
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
    `<</Length ${bomb.length}/Filter[/FlateDecode/FlateDecode]>>stream\n${bomb.toString("latin1")}\nendstream`,
  ]);
  await refuses("invalid_file", /more memory/, convert("a.pdf", pdf));
});

test("a PDF whose pages contain themselves", async () => {
  const pdf = assemble([
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 100000000>>",
  ]);
  const { warnings } = await run("markdown_convert", {
    file: fileNamed("a.pdf", pdf),
    conversion_options: { last_page: 1 },
  });
  assert.match(String(warnings), /damaged/);
});

test("a PDF without any text says that it may be a scan", async () => {
  const pdf = assemble([
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>",
  ]);
  const { markdown, warnings } = await convert("a.pdf", pdf);
  assert.equal(markdown, "");
  assert.match(String(warnings), /no text: they are pictures, perhaps scans/);
});

test("broken, empty and foreign files", async () => {
  const docx = await fixture("report.docx");
  const pdf = Buffer.concat([Buffer.from("%PDF-1.4\n"), Buffer.alloc(5_000, 7)]);
  await refuses("invalid_file", /ZIP/, convert("a.docx", docx.subarray(0, 1_000)));
  await refuses("invalid_file", /PDF is damaged/, convert("a.pdf", pdf));
  await refuses("invalid_file", /quote/, convert("a.csv", strToU8('a,b\n"c,d\n')));
  await refuses("invalid_file", /empty/, convert("a.txt", new Uint8Array()));
  const zip = zipSync({ "a.txt": strToU8("hello") });
  await refuses("unsupported_media_type", /ZIP archive/, convert("a.docx", zip));
  await refuses("unsupported_media_type", /none of PDF/, convert("a.txt", new Uint8Array(64)));
  const photo = await fixture("portrait.jpg");
  await refuses("unsupported_media_type", /none of PDF/, convert("a.pdf", photo));
});

test("long text is cut to what an answer can carry, and says so", async () => {
  const { markdown, warnings } = await convert(
    "a.txt",
    strToU8("a line \u{1F6A2}\n".repeat(1_000_000)),
  );
  const bytes = Buffer.byteLength(JSON.stringify(markdown));
  assert.ok(bytes > 400_000 && bytes < 520_000, `${bytes}`);
  assert.match(String(warnings), /was cut to its first/);
});

test("a cancelled run ends, and its thread is free again", async () => {
  const abort = new AbortController();
  const row = `<tr>${"<td>x".repeat(50)}`;
  const page = strToU8(`<html><table>${row.repeat(30_000)}`);
  const work = convert("a.html", page, abort.signal);
  setTimeout(() => abort.abort(), 50);
  await refuses("cancelled", /cancelled/, work);
  await refuses("cancelled", /cancelled/, convert("a.html", page, AbortSignal.abort()));
});
