/** Fetches a declared schema and proves that it is the one (LinkedClaw contract §13). */
import { createHash } from "node:crypto";
import { request } from "undici";
import { RequestError } from "./errors.ts";

const TIMEOUT_MS = 10_000;
const BYTES_MAX = 1_048_576;
const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/i;

/** The schema at `url`. It has to be https, or on the server in use. */
export async function fetchSchema(url: string, digest: string, server: string): Promise<unknown> {
  const expected = DIGEST.exec(digest)?.[1]?.toLowerCase();
  if (expected === undefined) throw mismatch("The schema is declared without a digest.");
  const isAllowed =
    URL.canParse(url) &&
    (new URL(url).protocol === "https:" || new URL(url).origin === new URL(server).origin);
  if (!isAllowed) throw mismatch("The schema's address is not https.");
  const bytes = await fetchBytes(url);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected) throw mismatch("This is not the schema that was declared.");
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (error) {
    throw mismatch("The schema is not JSON.", error);
  }
}

async function fetchBytes(url: string): Promise<Buffer> {
  try {
    // A redirect is not followed: a schema that moved is declared anew.
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > BYTES_MAX) throw mismatch("The schema is larger than a megabyte.");
      parts.push(part);
    }
    if (statusCode === 200) return Buffer.concat(parts);
    throw mismatch(`The schema's address answered with ${statusCode}.`);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw mismatch("The schema could not be fetched.", error);
  }
}

function mismatch(message: string, cause?: unknown): RequestError {
  return new RequestError(message, { code: "input_schema_mismatch", status: 0 }, { cause });
}
