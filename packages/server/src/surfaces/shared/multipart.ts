/**
 * A file in a multipart form, handed on while it arrives: it is never held in memory.
 *
 *   1. What can be refused by the headers alone is refused before anything is read.
 *   2. The part named `file` becomes a stream, given to `take`. Parts may stand in any order, so the
 *      part `mime` is a promise: it is known, at the latest, when the form has ended.
 *   3. `take` waits for that promise before it keeps the file, so a form that breaks off after the
 *      file is refused too.
 */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { LIMITS } from "@guildhall/protocol";
import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";

export interface UploadedFile {
  readonly stream: Readable;
  /** As the client gave it: not to be trusted. */
  readonly filename: string | undefined;
  readonly declaredMime: Promise<string | undefined>;
}

/** Boundaries, part headers and the few fields beside the file. */
const ENVELOPE_BYTES_MAX = 128 * 1024;
const FORM_LIMITS = {
  files: 1,
  fields: 8,
  fieldNameSize: 100,
  fieldSize: 1024,
  headerPairs: 20,
  /** A file's name is among them, and may be as long as somebody likes to try. */
  headerSize: 32 * 1024,
};

/**
 * Reads a form with one file, and returns what `take` made of it.
 *
 * @throws {Fault} `unsupported_media_type` where the body is no form; `payload_too_large` where it
 * says that it is; `invalid_request` where it has no file, several, or breaks off; and what `take`
 * throws.
 */
export async function readUpload<T>(
  c: Context,
  take: (file: UploadedFile) => Promise<T>,
): Promise<T> {
  const parser = parserFor(c);
  const body = c.req.raw.body;
  if (!body) throw badForm("The form has no file.");
  const source = Readable.fromWeb(body as ReadableStream);
  try {
    return await parse(source, parser, take);
  } finally {
    // What still comes is read and forgotten, so that the client gets to read the answer. The HTTP
    // server ends a connection that goes on for long after it was answered.
    source.unpipe(parser);
    source.resume();
  }
}

function parserFor(c: Context): BusboyInstance {
  const type = c.req.header("content-type") ?? "";
  const declared = Number(c.req.header("content-length") ?? 0);
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw new Fault("unsupported_media_type", "Send the file as multipart/form-data.");
  }
  if (declared > LIMITS.fileBytesMax + ENVELOPE_BYTES_MAX) {
    throw new Fault("payload_too_large", "A file may have at most 50 MB.", {
      bytesMax: LIMITS.fileBytesMax,
    });
  }
  try {
    return new Busboy({
      headers: { "content-type": type },
      isPartAFile: (name) => name === "file",
      limits: FORM_LIMITS,
    });
  } catch (error) {
    throw badForm("The form has no boundary.", error);
  }
}

async function parse<T>(
  source: Readable,
  parser: BusboyInstance,
  take: (file: UploadedFile) => Promise<T>,
): Promise<T> {
  const form = deferred<string | undefined>();
  const taken = deferred<T>();
  let mime: string | undefined;
  let file: Readable | undefined;
  let fault: Fault | undefined;

  const fail = (why: Fault) => {
    fault ??= why;
    form.reject(fault);
    // With a file, whoever took it has to let go of it before the refusal is told.
    if (file) file.destroy(fault);
    else taken.reject(fault);
  };
  parser.on("file", (_name, stream, filename) => {
    file = stream;
    // Until somebody reads it, an error has no one else to hear it.
    stream.on("error", () => undefined);
    take({ stream, filename, declaredMime: form.promise }).then(taken.resolve, taken.reject);
  });
  parser.on("field", (name, value) => {
    if (name === "mime" && value !== "") mime = value;
  });
  parser.on("filesLimit", () => fail(badForm("The form has more than one file.")));
  parser.on("finish", () => (file ? form.resolve(mime) : fail(badForm("The form has no file."))));
  parser.on("error", (error) => fail(badForm("The form is broken.", error)));
  source.on("error", (error) => fail(badForm("The upload broke off.", error)));
  source.on("close", () => {
    if (!source.readableEnded) fail(badForm("The upload broke off."));
  });
  source.pipe(parser);
  return taken.promise.catch((error) => {
    throw fault ?? error;
  });
}

/** A promise that may be rejected before anybody waits for it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function badForm(message: string, cause?: unknown): Fault<"invalid_request"> {
  return new Fault("invalid_request", message, { field: "file" }, { cause });
}
