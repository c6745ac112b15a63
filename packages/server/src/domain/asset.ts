/**
 * Assets: stored files. Which kinds are taken, how a file's name is kept harmless, how long it stays.
 */
import { type AssetContent, sniffBinary } from "./asset-content.ts";
import { Fault } from "./fault.ts";

export interface Asset {
  readonly id: string;
  /** Whose file it is. */
  readonly workspaceId: string;
  readonly mime: AssetMime;
  /** Its length. */
  readonly bytes: number;
  /** SHA-256 of its bytes, 64 hex. */
  readonly sha256: string;
  /** Harmless as a name, and still never used as a path. */
  readonly filename: string;
  readonly createdAt: Date;
}

/** How a file is named in the input of work, on every wire: `fil_<id>`. */
export const FILE_PREFIX = "fil";

/**
 * The kinds of file that are taken (LinkedClaw contract §14; HTML by its ruling R9). `by` says what
 * decides: the content, or, where text has no signature, the name or the declared type.
 */
// biome-ignore format: read as a table
export const ASSET_TYPES = {
  "image/jpeg":       { by: "content", extensions: ["jpg", "jpeg"] },
  "image/png":        { by: "content", extensions: ["png"] },
  "image/gif":        { by: "content", extensions: ["gif"] },
  "image/webp":       { by: "content", extensions: ["webp"] },
  "application/pdf":  { by: "content", extensions: ["pdf"] },
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document":   { by: "content", extensions: ["docx"] },
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         { by: "content", extensions: ["xlsx"] },
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": { by: "content", extensions: ["pptx"] },
  "audio/mpeg":       { by: "content", extensions: ["mp3"] },
  "audio/wav":        { by: "content", extensions: ["wav"] },
  "video/mp4":        { by: "content", extensions: ["mp4", "m4v", "m4a"] },
  "video/webm":       { by: "content", extensions: ["webm"] },
  "text/csv":         { by: "name",    extensions: ["csv"] },
  "application/json": { by: "name",    extensions: ["json"] },
  "text/plain":       { by: "name",    extensions: ["txt"] },
  "text/markdown":    { by: "name",    extensions: ["md"] },
  "text/html":        { by: "name",    extensions: ["html", "htm"] },
} as const satisfies Record<string, { by: "content" | "name"; extensions: readonly [string, ...string[]] }>;

export type AssetMime = keyof typeof ASSET_TYPES;

export const ASSET_LIMITS = {
  /** Files of one workspace: so many small ones cost more in rows than in bytes. */
  workspaceFilesMax: 10_000,
  /** Files that a provider may make for one run: they are kept at the expense of whoever asked for it. */
  runFilesMax: 16,
  /** A file goes this long after it was uploaded or last used in work. */
  retentionMs: 30 * 86_400_000,
  /** When a file was last used is known to this precision, so that not every use is a write. */
  usePrecisionMs: 3_600_000,
  /** A link that is handed to a provider works this long (LinkedClaw contract §6.4). */
  linkMsMin: 600_000,
  /** Uploads under way: each may fill its limit on this process's disk. */
  uploadsPerProcessMax: 16,
  uploadsPerWorkspaceMax: 4,
  /** An upload that was never finished, by a process that is gone, is cleared away after this long. */
  abandonedMs: 3_600_000,
} as const;

/** How fast an upload has to be: a slot that is held for nothing is nobody else's. */
export interface UploadPace {
  /** Every so long it is looked at … */
  readonly windowMs: number;
  /** … and must have brought so much since the last time. */
  readonly windowBytesMin: number;
  /** From the file's first byte to the form's last. */
  readonly msMax: number;
}

/** 8 KB a second at every moment, and 50 MB at 0.7 Mbit/s. */
export const UPLOAD_PACE: UploadPace = {
  windowMs: 30_000,
  windowBytesMin: 240 * 1024,
  msMax: 600_000,
};

/** Throws `upload_too_slow`, when a window ends with so few bytes or the upload has taken so long. */
export function checkUploadPace(
  pace: UploadPace,
  { windowBytes, elapsedMs }: { readonly windowBytes: number; readonly elapsedMs: number },
): void {
  if (elapsedMs >= pace.msMax) {
    throw new Fault("upload_too_slow", "The upload took too long. Send it over a faster line.");
  }
  if (windowBytes < pace.windowBytesMin) {
    throw new Fault("upload_too_slow", "The upload came to a halt, or nearly. Send it again.");
  }
}

const FILENAME_BYTES_MAX = 200;

/**
 * What kind of file this is.
 *
 * Binary kinds are told by their content, whatever the name says. Text is told by the declared type
 * or, without one, by the name's extension, and must then be text.
 *
 * @throws {Fault} `unsupported_media_type`
 */
export function assetTypeOf(
  content: AssetContent,
  filename: string | undefined,
  declaredMime: string | undefined,
): AssetMime {
  const sniffed = sniffBinary(content);
  if (sniffed.is === "type") return sniffed.mime;
  if (sniffed.is === "foreign") throw unsupported(`The content is ${sniffed.what}.`);

  const mime = textTypeNamed(filename, declaredMime);
  if (!content.isText) throw unsupported("The content is none of the binary kinds, and not text.");
  if (mime === undefined) {
    throw unsupported("Text needs a name that ends in .csv, .json, .txt, .md or .html, or a mime.");
  }
  if (mime === "application/json" && !content.isJson) {
    throw unsupported("The content is not valid JSON.");
  }
  return mime;
}

function textTypeNamed(
  filename: string | undefined,
  declaredMime: string | undefined,
): AssetMime | undefined {
  const declared = declaredMime?.split(";", 1)[0]?.trim().toLowerCase();
  if (declared !== undefined && isAssetMime(declared)) {
    if (ASSET_TYPES[declared].by === "name") return declared;
  }
  const extension = extensionOf(filename ?? "");
  return TEXT_TYPES.find((mime) => hasExtension(mime, extension));
}

const TEXT_TYPES = Object.keys(ASSET_TYPES)
  .filter(isAssetMime)
  .filter((mime) => ASSET_TYPES[mime].by === "name");

function isAssetMime(text: string): text is AssetMime {
  return Object.hasOwn(ASSET_TYPES, text);
}

function hasExtension(mime: AssetMime, extension: string): boolean {
  const extensions: readonly string[] = ASSET_TYPES[mime].extensions;
  return extensions.includes(extension);
}

/** Of an "a/b.tar.GZ" it is "gz"; of what has none, nothing. */
function extensionOf(filename: string): string {
  return /\.([a-z0-9]+)$/i.exec(filename)?.[1]?.toLowerCase() ?? "";
}

function unsupported(message: string): Fault {
  return new Fault("unsupported_media_type", `This kind of file is not accepted. ${message}`);
}

/** Invisible, or changing the direction of what follows: "gpj.exe" can be made to read "exe.jpg". */
const DECEPTIVE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to remove
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * A name that harms nobody who saves the file under it: no folders, nothing invisible, of a bounded
 * length, and with an extension that says what the file is.
 */
export function safeFilename(given: string | undefined, mime: AssetMime): string {
  const [extension] = ASSET_TYPES[mime].extensions;
  const base = (given ?? "")
    .toWellFormed()
    .split(/[/\\]/)
    .at(-1)
    ?.normalize("NFC")
    .replace(DECEPTIVE, "")
    .replace(/[<>:"|?*]/g, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  const name = base || "file";
  const isTold = hasExtension(mime, extensionOf(name));
  const stem = isTold ? name.slice(0, name.lastIndexOf(".")) : name;
  const ending = isTold ? name.slice(name.lastIndexOf(".")) : `.${extension}`;
  return (cutToBytes(stem, FILENAME_BYTES_MAX - ending.length) || "file") + ending;
}

function cutToBytes(text: string, bytesMax: number): string {
  const encoder = new TextEncoder();
  let bytes = 0;
  let cut = "";
  for (const char of text) {
    bytes += encoder.encode(char).length;
    if (bytes > bytesMax) break;
    cut += char;
  }
  return cut;
}

/** Whether a browser may show it in place: pictures, which run nothing. */
export function isShownInline(mime: AssetMime): boolean {
  return mime.startsWith("image/");
}
