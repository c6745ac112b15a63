/**
 * What bytes are, judged by the bytes alone (LinkedClaw contract §14, detection table). Each rule
 * looks a little further than the signature's first bytes where text could begin with them too.
 */
import type { AssetMime } from "./asset.ts";

/** What is known of a file once it was read. */
export interface AssetContent {
  /** Its first bytes, `HEAD_BYTES` of them or all there are. */
  readonly head: Uint8Array;
  /** Valid UTF-8 without a NUL, from end to end. */
  readonly isText: boolean;
  /** Text, and one JSON value. */
  readonly isJson: boolean;
  /** The names in a ZIP's directory; absent where it is no readable ZIP. */
  readonly zipEntryNames: readonly string[] | undefined;
}

export const HEAD_BYTES = 4096;

export type Sniffed =
  | { readonly is: "type"; readonly mime: AssetMime }
  /** Something with a signature that is not accepted. */
  | { readonly is: "foreign"; readonly what: string }
  /** Without a signature: perhaps text. */
  | { readonly is: "unknown" };

// biome-ignore format: read as a table
const SIGNATURES: readonly (readonly [mime: AssetMime, matches: (head: Uint8Array) => boolean])[] = [
  ["image/jpeg",      (head) => begins(head, "\xff\xd8\xff")],
  ["image/png",       (head) => begins(head, "\x89PNG\r\n\x1a\n")],
  ["image/gif",       (head) => begins(head, "GIF87a") || begins(head, "GIF89a")],
  ["image/webp",      (head) => begins(head, "RIFF") && begins(head, "WEBP", 8)],
  ["audio/wav",       (head) => begins(head, "RIFF") && begins(head, "WAVE", 8)],
  ["application/pdf", (head) => begins(head, "%PDF-")],
  ["audio/mpeg",      (head) => isId3(head) || isMp3Frame(head)],
  ["video/mp4",       isMp4],
  ["video/webm",      isWebm],
];

/** Signatures of what is never accepted. The first few could otherwise pass for text. */
// biome-ignore format: read as a table
const FOREIGN: readonly (readonly [signature: string, what: string])[] = [
  ["MZ",            "a Windows program"],
  ["\x7fELF",       "a Linux program"],
  ["!<arch>\n",     "an archive"],
  ["Rar!\x1a\x07",  "an archive"],
  ["PK\x03\x04",    "an archive, and not a docx, xlsx or pptx"],
  ["PK\x05\x06",    "an empty archive"],
  ["\xca\xfe\xba\xbe", "a program"],
  ["\xcf\xfa\xed\xfe", "a macOS program"],
  ["\xd0\xcf\x11\xe0", "an Office document of the old kind"],
];

// biome-ignore format: read as a table
const OOXML: readonly (readonly [folder: string, mime: AssetMime])[] = [
  ["word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
  ["xl/",   "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  ["ppt/",  "application/vnd.openxmlformats-officedocument.presentationml.presentation"],
];

/** What the content is, where its first bytes or its ZIP directory tell. */
export function sniffBinary({
  head,
  zipEntryNames,
}: Pick<AssetContent, "head" | "zipEntryNames">): Sniffed {
  const known = SIGNATURES.find(([, matches]) => matches(head));
  if (known) return { is: "type", mime: known[0] };
  const office = zipEntryNames && ooxmlTypeOf(zipEntryNames);
  if (office) return { is: "type", mime: office };
  const foreign = FOREIGN.find(([signature]) => begins(head, signature));
  return foreign ? { is: "foreign", what: foreign[1] } : { is: "unknown" };
}

/** Whether the file may be a ZIP, so that its directory is worth a look. */
export function looksLikeZip(head: Uint8Array): boolean {
  return begins(head, "PK\x03\x04");
}

function ooxmlTypeOf(entryNames: readonly string[]): AssetMime | undefined {
  if (!entryNames.includes("[Content_Types].xml")) return undefined;
  return OOXML.find(([folder]) => entryNames.some((name) => name.startsWith(folder)))?.[1];
}

/** `signature` has one character a byte. */
function begins(bytes: Uint8Array, signature: string, at = 0): boolean {
  if (bytes.length < at + signature.length) return false;
  for (let index = 0; index < signature.length; index++) {
    if (bytes[at + index] !== signature.charCodeAt(index)) return false;
  }
  return true;
}

/** An ID3v2 header: version 2 to 4, and a length whose bytes have seven bits each. */
function isId3(head: Uint8Array): boolean {
  const version = head[3] ?? 0;
  if (!begins(head, "ID3") || version < 2 || version > 4 || head.length < 10) return false;
  return head.subarray(6, 10).every((byte) => byte < 0x80);
}

/** The header of an MPEG frame of layer III, which UTF-16's byte order mark and AAC are not. */
function isMp3Frame(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0xff] = head;
  const isSync = first === 0xff && (second & 0xe0) === 0xe0;
  const isLayer3 = (second & 0x06) === 0x02;
  const isVersion = (second & 0x18) !== 0x08;
  const hasRates = (third & 0xf0) !== 0xf0 && (third & 0x0c) !== 0x0c;
  return isSync && isLayer3 && isVersion && hasRates;
}

/** Boxes of pictures and of QuickTime begin like those of MP4, and are not accepted. */
const OTHER_BRANDS = [
  "heic",
  "heix",
  "heim",
  "heis",
  "hevc",
  "mif1",
  "msf1",
  "avif",
  "avis",
  "crx ",
  "qt  ",
];
const FTYP_BYTES_MAX = 4096;

function isMp4(head: Uint8Array): boolean {
  if (!begins(head, "ftyp", 4)) return false;
  const boxBytes = new DataView(head.buffer, head.byteOffset).getUint32(0);
  // Text with "ftyp" in its fifth place would have a box of at least half a gigabyte.
  if (boxBytes < 8 || boxBytes > FTYP_BYTES_MAX) return false;
  return !OTHER_BRANDS.some((brand) => begins(head, brand, 8));
}

const EBML = "\x1a\x45\xdf\xa3";
const DOC_TYPE_ID = 0x4282;

/** An EBML header whose DocType is webm: Matroska has the same header and another DocType. */
function isWebm(head: Uint8Array): boolean {
  if (!begins(head, EBML)) return false;
  const header = ebmlNumber(head, EBML.length, true);
  if (!header) return false;
  let at = header.end;
  const end = Math.min(head.length, header.end + header.value);
  while (at < end) {
    const id = ebmlNumber(head, at, false);
    const size = id && ebmlNumber(head, id.end, true);
    if (!id || !size) return false;
    if (id.value === DOC_TYPE_ID) return size.value === 4 && begins(head, "webm", size.end);
    at = size.end + size.value;
  }
  return false;
}

/** A number of variable length at `at`; its length mark is dropped from sizes, and kept in ids. */
function ebmlNumber(
  bytes: Uint8Array,
  at: number,
  isSize: boolean,
): { value: number; end: number } | undefined {
  const first = bytes[at];
  if (first === undefined || first === 0) return undefined;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return undefined;
  let value = isSize ? first & (0xff >> length) : first;
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, end: at + length };
}
