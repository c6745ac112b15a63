import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNamed, fixture, run } from "./support/house.ts";

async function convert(
  name: string,
  options?: object,
  bytes?: Uint8Array,
): Promise<{ markdown: string; warnings: string[]; mimeType: string; name: string }> {
  const output = await run("markdown_convert", {
    file: fileNamed(name, bytes),
    ...(options && { conversion_options: options }),
  });
  const [document] = output.documents as { mimeType: string; name: string; data: string }[];
  assert.equal(document?.data, output.markdown);
  return {
    markdown: output.markdown as string,
    warnings: output.warnings as string[],
    mimeType: document?.mimeType ?? "",
    name: document?.name ?? "",
  };
}

const HARBOUR_TABLE = `| Quay | Ships | Tons |
| --- | --- | --- |
| North | 120 | 9,500 |
|  | 80 | 4,100 |
| South \\| old |  | 2,300 |`;

test("HTML keeps headings, lists, links, tables with spans, and code; scripts and hidden text go", async () => {
  const { markdown, mimeType } = await convert("report.html");
  assert.equal(mimeType, "text/html");
  assert.equal(
    markdown,
    `# Harbour report

The harbour took in **412 ships** this year, as the [log](https://harbour.example/log) says.

## Cargo

- Timber
- Salt
  - coarse
  - fine

3. Weigh
4. Store

${HARBOUR_TABLE}

\`\`\`
crane --lift 4
crane --lower 2
\`\`\`

> Ships are safe in harbour.`,
  );
});

test("a PDF with tags is read by them", async () => {
  const { markdown, mimeType } = await convert("tagged.pdf");
  assert.equal(mimeType, "application/pdf");
  assert.ok(
    markdown.startsWith(
      "# Harbour report\n\nThe harbour took in 412 ships this year, as the [log]",
    ),
  );
  assert.ok(markdown.includes("- Timber\n- Salt\n   - coarse\n   - fine\n\n3. Weigh\n4. Store"));
  assert.ok(markdown.includes(HARBOUR_TABLE), markdown);
  assert.ok(markdown.includes("```\ncrane --lift 4\ncrane --lower 2\n```"));
  assert.ok(markdown.endsWith("> Ships are safe in harbour."));
});

test("a PDF without tags is read by its looks: headings, lists, table, columns, no page furniture", async () => {
  const { markdown, warnings } = await convert("placed.pdf");
  assert.deepEqual(warnings, []);
  const [structure, columns] = markdown.split("## On the gulls");
  assert.equal(
    structure?.trim(),
    `# Harbour report

The harbour took in 412 ships this year, which is more than in any year since the bookkeeping began. The pilots were busy.

## Cargo

- Timber from the north, which is stored under the long roof until it has dried
- Salt
   - coarse

1. Weigh
2. Store

## Figures

| Quay | Ships | Remark |
| --- | --- | --- |
| North | 120 | closed in winter |
| South | 80 |  |
| West | 212 | new |

### Commands

\`\`\`
crane --lift 4
  --slowly
\`\`\``,
  );
  const [one, two, ...more] = (columns ?? "").trim().split("\n\n");
  assert.match(one ?? "", /^Ships come in .* and noise through the night, .* in any weather\.$/);
  assert.match(two ?? "", /^What follows .* over its end without stopping, .* Then it ends\.$/);
  assert.deepEqual(more, []);
});

test("pages can be chosen", async () => {
  const { markdown } = await convert("placed.pdf", { first_page: 3, last_page: 3 });
  assert.match(markdown, /stopping, as sentences do\. Then it ends\./);
  const beyond = await convert("placed.pdf", { first_page: 9 });
  assert.equal(beyond.markdown, "");
  assert.match(beyond.warnings.join(), /has 3 pages only/);
});

test("Word keeps headings, emphasis, links, lists and tables; what was struck out is gone", async () => {
  const { markdown, mimeType } = await convert("report.docx");
  assert.match(mimeType, /wordprocessingml/);
  assert.equal(
    markdown,
    `# Harbour report

The harbour took in **412 ships**, as the [log](https://harbour.example/log) says.

## Cargo

- Timber
- Salt
  - coarse

1. Weigh
2. Store

| Quay | Ships |
| --- | --- |
| North | 120 |
| South \\| old | 80 |

kept`,
  );
});

test("each visible sheet of a workbook is a table, with dates, percentages and truths as shown", async () => {
  const { markdown, warnings } = await convert("book.xlsx");
  assert.equal(
    markdown,
    `## Quays

| Quay | Opened | Share | Open now |
| --- | --- | --- | --- |
| North | 2024-01-01 | 42.5% | TRUE |

## Sums

| Sum | told |
| --- | --- |
| 0.3 | #DIV/0! |`,
  );
  assert.deepEqual(warnings, ["1 hidden sheets were left out."]);
});

test("slides come in the order of the presentation, with titles, bullets, tables and notes", async () => {
  const { markdown } = await convert("slides.pptx");
  assert.equal(
    markdown,
    `## Harbour report

- Timber
   - oak
- Salt **fine**

A plain line

> **Notes:** Greet everyone.

## Slide 2

| Quay | Ships |
| --- | --- |
| North | 120 |

1. Weigh
2. Store`,
  );
});

test("CSV finds its own delimiter, and keeps line ends and bars inside cells", async () => {
  const { markdown } = await convert("ledger.csv");
  assert.equal(
    markdown,
    `| item | amount | note |
| --- | --- | --- |
| Rope; thick | 12 | two<br>lines |
| Tar | 3 | a\\|b |`,
  );
});

test("without tables, each row says its columns by name", async () => {
  const { markdown } = await convert("ledger.csv", { preserve_tables: false });
  assert.match(markdown, /^- item: Tar; amount: 3; note: a\|b$/m);
});

test("Markdown and plain text pass as they are", async () => {
  assert.equal((await convert("notes.md")).markdown, "# Notes\n\n- kept *as they are*");
  assert.equal((await convert("plain.txt")).markdown, "Just text, with *stars* that stay.");
});

test("content decides what a file is, whatever its name says", async () => {
  assert.match((await convert("a.txt", {}, await fixture("report.docx"))).markdown, /^# Harbour/);
  assert.match((await convert("b.docx", {}, await fixture("report.html"))).mimeType, /html/);
  assert.match((await convert("c.csv", {}, await fixture("placed.pdf"))).mimeType, /pdf/);
});

test("text in other encodings is read", async () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("größer", "utf16le")]);
  assert.equal((await convert("a.txt", {}, utf16)).markdown, "größer");
  assert.equal((await convert("b.txt", {}, Buffer.from("größer", "latin1"))).markdown, "größer");
  const gbk = Buffer.concat([
    Buffer.from('<html><head><meta charset="gbk"></head><body><h1>'),
    Buffer.from([0xc4, 0xe3, 0xba, 0xc3]),
    Buffer.from("</h1></body></html>"),
  ]);
  assert.equal((await convert("c.html", {}, gbk)).markdown, "# 你好");
});
