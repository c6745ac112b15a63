import { jsonProblem, LIMITS, parseJson } from "@guildhall/protocol";
import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";

/**
 * The request's body as JSON. Bounded while it arrives, whatever its length header says.
 * Throws `unsupported_media_type`, `payload_too_large`, `invalid_request`.
 */
export async function readJson(
  c: Context,
  bytesMax: number = LIMITS.bodyBytesMax,
): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new Fault("unsupported_media_type", "Send the body as application/json.");
  }
  const parsed = parseJson(await readText(c, bytesMax));
  if (parsed.ok) return parsed.value;
  throw new Fault("invalid_request", `The body ${parsed.problem}.`, { field: "body" });
}

/** The request's query, with nothing in it that a database cannot keep. Throws `invalid_request`. */
export function readQuery(c: Context): Record<string, string> {
  const query = c.req.query();
  const problem = jsonProblem(query);
  if (problem === undefined) return query;
  throw new Fault("invalid_request", `The query ${problem}.`, { field: "query" });
}

/**
 * The request's body as text, of at most `bytesMax` bytes.
 *
 * @throws {Fault} `payload_too_large`; `invalid_request` where it is no UTF-8, or broke off
 */
export async function readText(c: Context, bytesMax: number): Promise<string> {
  const bytes = await readBytes(c, bytesMax).catch((error: unknown) => {
    if (error instanceof Fault) throw error;
    // The caller went away, which is no fault of the server's, and nobody's answer.
    throw new Fault("invalid_request", "The body broke off.", { field: "body" });
  });
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new Fault("invalid_request", "The body is not UTF-8.", { field: "body" });
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

async function readBytes(c: Context, bytesMax: number): Promise<Uint8Array> {
  const declared = c.req.header("content-length");
  if (declared !== undefined) {
    if (Number(declared) > bytesMax) throw tooLarge(bytesMax);
    // The HTTP parser gives no more than was declared.
    return new Uint8Array(await c.req.arrayBuffer());
  }
  const reader = c.req.raw.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      void forgetRest(reader);
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks);
}

/**
 * A client that is still sending would not read the answer, nor could it ask again on the same
 * connection. The HTTP server ends one that goes on for long after it was answered.
 */
async function forgetRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // It went away: there is nobody left to be told.
  }
}

function tooLarge(bytesMax: number): Fault {
  return new Fault("payload_too_large", `The body is larger than ${bytesMax} bytes.`, { bytesMax });
}
