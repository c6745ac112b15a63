/** A PDF that places text by hand, without tags: what many programs print. */

interface Text {
  x: number;
  /** From the upper edge of the page. */
  y: number;
  size: number;
  font: "regular" | "bold" | "mono";
  text: string;
}

const PAGE_HEIGHT = 792;
const FONTS = { regular: "Helvetica", bold: "Helvetica-Bold", mono: "Courier" } as const;

function at(x: number, y: number, text: string, size = 10, font: Text["font"] = "regular"): Text {
  return { x, y, size, font, text };
}

const LEFT_COLUMN = [
  "Ships come in with the tide and leave",
  "with it. The pilots know each of them",
  "by name, and know their captains too,",
  "who have seldom stayed for more than",
  "a night. In the old days the whole of",
  "the quay was lit by a single lamp and",
  "nobody came in after dark unless they",
  "had been born here. That has changed",
  "since the cranes were built. Now there",
  "is light enough to read by, and noise",
];
const RIGHT_COLUMN = [
  "through the night, so that the gulls",
  "have moved to the church. The bishop",
  "does not mind them, but the organist",
  "does, and has written to the council.",
  "Nothing came of it. The council has",
  "other worries, for the dredger sank",
  "in the very channel that it had dug.",
  "It is there still, and the pilots now",
  "steer by it. They say it is the best",
  "mark on this coast in any weather.",
];

const furniture = (page: number) => [at(72, 40, "Harbour Office", 8), at(300, 770, `${page}`, 8)];

/** Three pages: structure, columns, and the rest of a sentence. */
export const PDF_PAGES: readonly (readonly Text[])[] = [
  [
    ...furniture(1),
    at(72, 100, "Harbour report", 22, "bold"),
    at(
      72,
      130,
      "The harbour took in 412 ships this year, which is more than in any year since the book-",
    ),
    at(72, 142, "keeping began. The pilots were busy."),
    at(72, 170, "Cargo", 15, "bold"),
    at(72, 195, "•"),
    at(90, 195, "Timber from the north, which is stored under the long roof until it has"),
    at(90, 207, "dried"),
    at(72, 219, "•"),
    at(90, 219, "Salt"),
    at(100, 231, "•"),
    at(118, 231, "coarse"),
    at(72, 255, "1. Weigh"),
    at(72, 267, "2. Store"),
    at(72, 300, "Figures", 15, "bold"),
    at(72, 325, "Quay", 10, "bold"),
    at(180, 325, "Ships", 10, "bold"),
    at(260, 325, "Remark", 10, "bold"),
    at(72, 345, "North"),
    at(188, 345, "120"),
    at(260, 345, "closed in"),
    at(260, 357, "winter"),
    at(72, 377, "South"),
    at(194, 377, "80"),
    at(72, 397, "West"),
    at(188, 397, "212"),
    at(260, 397, "new"),
    at(72, 430, "Commands", 10, "bold"),
    at(72, 446, "crane --lift 4", 10, "mono"),
    at(84, 458, "--slowly", 10, "mono"),
  ],
  [
    ...furniture(2),
    at(72, 100, "On the gulls", 15, "bold"),
    ...LEFT_COLUMN.map((text, index) => at(72, 130 + index * 12, text)),
    ...RIGHT_COLUMN.map((text, index) => at(320, 130 + index * 12, text)),
    at(
      72,
      280,
      "What follows here is set across the whole page again, and goes on over its end without",
    ),
  ],
  [...furniture(3), at(72, 100, "stopping, as sentences do. Then it ends.")],
];

export function writePdf(pages: readonly (readonly Text[])[]): Buffer {
  const names = Object.keys(FONTS) as Text["font"][];
  const fontObjects = names.map(
    (name) => `<</Type/Font/Subtype/Type1/BaseFont/${FONTS[name]}/Encoding/WinAnsiEncoding>>`,
  );
  const firstPage = 3 + fontObjects.length;
  const kids = pages.map((_, index) => `${firstPage + index * 2} 0 R`);
  const fonts = names.map((name, index) => `/${name} ${3 + index} 0 R`).join("");
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    `<</Type/Pages/Kids[${kids.join(" ")}]/Count ${pages.length}>>`,
    ...fontObjects,
    ...pages.flatMap((texts, index) => {
      const content = texts.map(operators).join("\n");
      return [
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 ${PAGE_HEIGHT}]/Contents ${firstPage + index * 2 + 1} 0 R/Resources<</Font<<${fonts}>>>>>>`,
        `<</Length ${content.length}>>stream\n${content}\nendstream`,
      ];
    }),
  ];
  return assemble(objects);
}

function operators({ x, y, size, font, text }: Text): string {
  // In WinAnsi the bullet is 0x95; everything else here is ASCII.
  const encoded = text.replace(/[\\()]/g, "\\$&").replaceAll("•", "\\225");
  return `BT /${font} ${size} Tf 1 0 0 1 ${x} ${PAGE_HEIGHT - y} Tm (${encoded}) Tj ET`;
}

/** Numbers the objects and writes the table of where each begins. */
export function assemble(objects: readonly string[]): Buffer {
  let body = "%PDF-1.7\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  const trailer = `trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(body + table + trailer, "latin1");
}
