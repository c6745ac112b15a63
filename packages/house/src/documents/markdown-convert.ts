import {
  type Capability,
  type CapabilityContext,
  type FileReference,
  fileSchema,
  objectSchema,
} from "../capability.ts";

interface Input {
  file: FileReference;
  conversion_options?: { preserve_tables?: boolean; first_page?: number; last_page?: number };
}

const OPTIONS = {
  type: "object",
  properties: {
    preserve_tables: {
      type: "boolean",
      default: true,
      description:
        "Tables as Markdown tables. If false, each row is a list item that names its columns.",
    },
    first_page: {
      type: "integer",
      minimum: 1,
      description: "First page (PDF), slide (PPTX) or sheet (XLSX) wanted, from 1.",
    },
    last_page: { type: "integer", minimum: 1, description: "The last one wanted, inclusive." },
  },
  additionalProperties: false,
};

const OUTPUT = objectSchema(
  {
    markdown: { type: "string" },
    documents: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        properties: {
          name: { type: "string" },
          mimeType: { type: "string", description: "What the file is by its content." },
          format: { const: "markdown" },
          tokens: { type: "integer", minimum: 0, description: "An estimate for language models." },
          data: { type: "string", description: "The same Markdown." },
        },
        required: ["name", "mimeType", "format", "tokens", "data"],
        additionalProperties: false,
      },
    },
    warnings: { type: "array", items: { type: "string" } },
  },
  ["markdown", "documents", "warnings"],
  [],
);

export const MARKDOWN_CONVERT: Capability = {
  slug: "markdown_convert",
  summary: "Turns a document into Markdown.",
  description:
    "Converts a document (PDF, DOCX, XLSX, PPTX, HTML, CSV, TXT, MD) to Markdown and keeps its headings, " +
    "lists, links and tables. Call it to read, summarise, search or quote a file. Takes `file` and, if " +
    "wanted, `conversion_options` (`preserve_tables`, and `first_page`/`last_page` for parts of long " +
    "files). Gives `markdown`, `documents` (name, type, estimated tokens, the same text) and `warnings` " +
    "that say what was cut or could not be read. What a file is comes from its content. Text inside " +
    "pictures and scans is not read: then a warning says so. Up to 50 MB; at most 500 PDF pages and " +
    "about 500 KB of Markdown a call.",
  inputSchema: objectSchema(
    { file: fileSchema("The document."), conversion_options: OPTIONS },
    ["file"],
    [
      { file: { file_id: "fil_0192f0c1a2b3c4d5e6f70819" } },
      { file: { url: "https://example.org/report.pdf" }, conversion_options: { last_page: 20 } },
    ],
  ),
  outputSchema: OUTPUT,
  priceCredits: 20,
  async run(input: Input, context: CapabilityContext) {
    const { bytes, filename, mime } = await context.file(input.file);
    const options = input.conversion_options ?? {};
    const { markdown, mimeType, title, warnings } = await context.compute("convert", {
      bytes,
      filename,
      mime,
      options: {
        preserveTables: options.preserve_tables ?? true,
        firstPage: options.first_page ?? 1,
        lastPage: options.last_page ?? Number.MAX_SAFE_INTEGER,
      },
    });
    const name = filename || (title ?? "document");
    const tokens = estimateTokens(markdown);
    return {
      markdown,
      documents: [{ name, mimeType, format: "markdown", tokens, data: markdown }],
      warnings,
    };
  },
};

/** Language models take some four letters of an alphabet, or one CJK character, as a token. */
function estimateTokens(text: string): number {
  const wide = text.match(/[\u2E80-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\uFF00-\uFFEF]/g)?.length ?? 0;
  return wide + Math.ceil((text.length - wide) / 4);
}
