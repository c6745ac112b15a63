import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { LIMITS } from "@guildhall/protocol";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { fileFailure } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, openApi } from "../api.ts";

/** A full-sized file over a slow line: 50 MB at 1 Mbit/s take seven minutes. */
const UPLOAD_TIMEOUT_MS = 15 * 60_000;

export function addUpload(program: Command, cli: Cli): void {
  program
    .command("upload")
    .description('Upload a file, to be given to an agent as {"file_id":"fil_…"}')
    .argument("<path>", "the file")
    .option("--mime <type>", "its type, where a text file's name does not say it")
    .action(async (path: string, options: { mime?: string }) => {
      const size = await sizeOf(path);
      const sent = upload(await openApi(cli), path, size, options.mime);
      const answer = await cli.terminal.waiting(`uploading ${basename(path)}`, sent);
      cli.terminal.answer(answer, (value, page) => {
        return `${page.paint.good("✔")} ${String(fieldsOf(value).file_id)}`;
      });
    });
}

/** The file's size in bytes. The server would refuse a larger one only after having read it. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileFailure(path, error);
  });
  if (!found.isFile()) throw new Failure("file_unreadable", `${path} is not a file.`);
  if (found.size > LIMITS.fileBytesMax) {
    throw new Failure("payload_too_large", `${path} is larger than 50 MB.`, {
      facts: { bytes: found.size, bytes_max: LIMITS.fileBytesMax },
    });
  }
  return found.size;
}

function upload(api: Api, path: string, size: number, mime: string | undefined): Promise<unknown> {
  const boundary = `guildhall-${randomBytes(16).toString("hex")}`;
  const mimePart = mime === undefined ? "" : `${part(boundary, 'name="mime"')}${oneLine(mime)}\r\n`;
  const head = Buffer.from(
    `${mimePart}${part(
      boundary,
      `name="file"; filename="${quotable(basename(path))}"`,
      "content-type: application/octet-stream\r\n",
    )}`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return api.ask({
    method: "POST",
    path: "/files",
    timeoutMs: UPLOAD_TIMEOUT_MS,
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(head.length + size + tail.length),
    },
    body: Readable.from(pieces(head, path, size, tail)),
  });
}

/** Streams the file, so that memory does not grow with it. A file that changes meanwhile is refused. */
async function* pieces(
  head: Buffer,
  path: string,
  size: number,
  tail: Buffer,
): AsyncGenerator<Buffer> {
  yield head;
  let bytes = 0;
  // One byte more than expected is read, so that a file that grew is noticed.
  for await (const chunk of createReadStream(path, { end: size })) {
    bytes += (chunk as Buffer).length;
    if (bytes > size) break;
    yield chunk as Buffer;
  }
  if (bytes !== size) throw new Failure("file_changed", `${path} changed while it was uploaded.`);
  yield tail;
}

function part(boundary: string, name: string, headers = ""): string {
  return `--${boundary}\r\ncontent-disposition: form-data; ${name}\r\n${headers}\r\n`;
}

/** A file name as browsers quote it in a form. */
function quotable(name: string): string {
  return name.replace(/"/g, "%22").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
