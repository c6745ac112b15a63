import assert from "node:assert/strict";
import { test } from "node:test";
import { sniffBinary } from "./asset-content.ts";

/** One character a byte. */
function sniff(bytes: string, zipEntryNames?: string[]): string {
  const sniffed = sniffBinary({ head: Buffer.from(bytes, "latin1"), zipEntryNames });
  return sniffed.is === "type" ? sniffed.mime : sniffed.is;
}

const WEBM_HEADER = "\x42\x86\x81\x01\x42\x82\x84webm";
const MATROSKA_HEADER = "\x42\x86\x81\x01\x42\x82\x88matroska";
const FTYP = "\0\0\0\x18ftyp";

// biome-ignore format: read as a table
const CASES: readonly (readonly [bytes: string, what: string, why: string])[] = [
  ["\xff\xd8\xff\xe0\0\x10JFIF",               "image/jpeg",      "JPEG"],
  ["\x89PNG\r\n\x1a\n\0\0\0\rIHDR",            "image/png",       "PNG"],
  ["\x89PNG\n\x1a\n",                          "unknown",         "a PNG that a text transfer has ruined"],
  ["GIF89a\x01\0",                             "image/gif",       "GIF"],
  ["GIFts for everyone",                       "unknown",         "text"],
  ["RIFF\x10\0\0\0WEBPVP8 ",                   "image/webp",      "WebP"],
  ["RIFF\x10\0\0\0WAVEfmt ",                   "audio/wav",       "WAV"],
  ["RIFF\x10\0\0\0AVI LIST",                   "unknown",         "another RIFF"],
  ["%PDF-1.7\n",                               "application/pdf", "PDF"],
  ["100 %PDF-free",                            "unknown",         "text about PDF"],
  ["ID3\x04\0\0\0\0\x02\x01TIT2",              "audio/mpeg",      "MP3 with a tag"],
  ["ID3 tags explained",                       "unknown",         "text about tags"],
  ["\xff\xfb\x90\x64",                         "audio/mpeg",      "MP3 frame, MPEG 1 layer III"],
  ["\xff\xf3\x48\xc4",                         "audio/mpeg",      "MP3 frame, MPEG 2 layer III"],
  ["\xff\xfeH\0i\0",                           "unknown",         "UTF-16 with a byte order mark"],
  ["\xff\xf1\x50\x80",                         "unknown",         "AAC"],
  ["\xff\xff\xff\xff",                         "unknown",         "not a frame"],
  [`${FTYP}isom\0\0\x02\0`,                    "video/mp4",       "MP4"],
  [`${FTYP}mp42\0\0\0\0`,                      "video/mp4",       "MP4"],
  [`${FTYP}qt  \0\0\0\0`,                      "unknown",         "QuickTime"],
  [`${FTYP}heic\0\0\0\0`,                      "unknown",         "a picture"],
  [`${FTYP}avif\0\0\0\0`,                      "unknown",         "a picture"],
  ["the ftyp of a box",                        "unknown",         "text"],
  [`\x1a\x45\xdf\xa3\x8b${WEBM_HEADER}`,       "video/webm",      "WebM"],
  [`\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x0b${WEBM_HEADER}`, "video/webm", "WebM, its size in eight bytes"],
  [`\x1a\x45\xdf\xa3\x8f${MATROSKA_HEADER}`,   "unknown",         "Matroska"],
  ["\x1a\x45\xdf\xa3\x8b\x42\x86\x81",         "unknown",         "a header that breaks off"],
  ["\x1a\x45\xdf\xa3\0\0\0\0\0",               "unknown",         "a header that is none"],
  ["\x1a\x45\xdf\xa3\xff\x42\x82\xff",         "unknown",         "a header of endless size"],
  ["MZ\x90\0\x03",                             "foreign",         "a Windows program"],
  ["\x7fELF\x02\x01\x01",                      "foreign",         "a Linux program"],
  ["PK\x03\x04\x14\0",                         "foreign",         "a ZIP"],
  ["\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",         "foreign",         "an old Word document"],
  ["Hello",                                    "unknown",         "text"],
  ["",                                         "unknown",         "nothing"],
];

test("content is told by its first bytes, and text is not mistaken for it", () => {
  for (const [bytes, what, why] of CASES) assert.equal(sniff(bytes), what, why);
});

// biome-ignore format: read as a table
const ZIPS: readonly (readonly [names: string[], what: string])[] = [
  [["[Content_Types].xml", "_rels/.rels", "word/document.xml"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
  [["xl/workbook.xml", "[Content_Types].xml"],                  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  [["[Content_Types].xml", "ppt/presentation.xml"],             "application/vnd.openxmlformats-officedocument.presentationml.presentation"],
  [["word/document.xml"],                                       "foreign"],
  [["[Content_Types].xml"],                                     "foreign"],
  [["[Content_Types].xml", "words/list.txt"],                   "foreign"],
  [["[content_types].xml", "word/document.xml"],                "foreign"],
  [[],                                                          "foreign"],
];

test("an office document is a ZIP with the right things in it", () => {
  for (const [names, what] of ZIPS) {
    assert.equal(sniff("PK\x03\x04\x14\0", names), what, names.join());
  }
});
