/**
 * A stored file as an answer. It is somebody's upload, so browsers are told to run nothing of it:
 * its type is as said, and all but pictures is for saving, not for showing.
 */
import { Readable } from "node:stream";
import type { Context } from "hono";
import type { StoredFile } from "../../core/index.ts";

interface Part {
  readonly start: number;
  readonly end: number;
}

/** The file, or the part of it that a `Range` header asks for, or nothing where the client has it. */
export async function sendFile(c: Context, file: StoredFile): Promise<Response> {
  const { asset } = file;
  const tag = `"${asset.sha256}"`;
  const headers = new Headers({
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=3600, immutable",
    "content-disposition": dispositionOf(file),
    "content-security-policy": "default-src 'none'; sandbox",
    "content-type": asset.mime.startsWith("text/") ? `${asset.mime}; charset=utf-8` : asset.mime,
    "cross-origin-resource-policy": "same-origin",
    etag: tag,
    "x-content-type-options": "nosniff",
  });
  if (listsTag(c.req.header("if-none-match"), tag))
    return c.newResponse(null, { status: 304, headers });

  const ifRange = c.req.header("if-range");
  const range = ifRange === undefined || ifRange === tag ? c.req.header("range") : undefined;
  const part = partOf(range, asset.bytes);
  if (part === "unsatisfiable") {
    headers.set("content-range", `bytes */${asset.bytes}`);
    return c.newResponse(null, { status: 416, headers });
  }
  const { start, end } = part ?? { start: 0, end: asset.bytes };
  headers.set("content-length", String(end - start));
  if (part) headers.set("content-range", `bytes ${start}-${end - 1}/${asset.bytes}`);
  const status = part ? 206 : 200;
  if (c.req.method === "HEAD") return c.newResponse(null, { status, headers });
  const stream = await file.read({ start, end });
  return c.newResponse(Readable.toWeb(stream) as ReadableStream, { status, headers });
}

/**
 * What one range of bytes means for a file of this size; `undefined` where the whole file is to be
 * sent, as also for several ranges and for units that we do not know (RFC 9110 §14.2).
 */
export function partOf(
  range: string | undefined,
  bytes: number,
): Part | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  // "-5" is the last five bytes.
  const start = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes : Math.min(bytes, Number(last) + 1);
  return start < end ? { start, end } : "unsatisfiable";
}

function listsTag(header: string | undefined, tag: string): boolean {
  const tags = header?.split(",").map((text) => text.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(tag) || tags.includes("*");
}

/** The name twice (RFC 6266): plain for old clients, and as it is, encoded, for all others. */
function dispositionOf({ asset, isShownInline }: StoredFile): string {
  const plain = asset.filename.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(asset.filename).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const kind = isShownInline ? "inline" : "attachment";
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
