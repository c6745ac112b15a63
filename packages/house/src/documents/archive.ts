/**
 * Office files are ZIP archives of XML. An archive is read with its true sizes counted, because what
 * it declares is its author's word: a file of 50 KB can unpack to gigabytes.
 */
import type { Readable } from "node:stream";
import { type Entry, fromBuffer, type ZipFile } from "yauzl";
import { CapabilityError } from "../capability.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";

export interface Archive {
  readonly paths: readonly string[];
  has(path: string): boolean;
  /** The part's text. @throws CapabilityError `invalid_file` when it is too large or broken */
  text(path: string): Promise<string>;
  /** The part, piece by piece. @param bytesMax refuses a part that is larger */
  stream(path: string, bytesMax?: number): AsyncIterable<Buffer>;
  close(): void;
}

export async function openArchive(bytes: Uint8Array): Promise<Archive> {
  const zip = await open(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const entries = await listEntries(zip);
  let unpackedBytes = 0;

  async function* stream(path: string, bytesMax?: number): AsyncGenerator<Buffer> {
    const entry = entries.get(path);
    if (!entry) throw broken(`its part ${path} is missing`);
    if (bytesMax !== undefined && entry.uncompressedSize > bytesMax) throw tooLarge();
    try {
      for await (const chunk of await openEntry(zip, entry)) {
        unpackedBytes += (chunk as Buffer).length;
        if (unpackedBytes > DOCUMENT_LIMITS.unpackedBytesMax) throw tooLarge();
        yield chunk as Buffer;
      }
    } catch (error) {
      // yauzl ends with an error where a part is larger than it declares, or its checksum is wrong.
      throw error instanceof CapabilityError ? error : broken(`its part ${path} is damaged`, error);
    }
  }

  return {
    paths: [...entries.keys()],
    has: (path) => entries.has(path),
    stream,
    text: async (path) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream(path, DOCUMENT_LIMITS.partBytesMax)) chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    },
    close: () => zip.close(),
  };
}

function open(buffer: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, validateEntrySizes: true, autoClose: false };
    fromBuffer(buffer, options, (error, zip) => {
      if (error) reject(broken("it is not a whole ZIP archive", error));
      else resolve(zip);
    });
  });
}

/** Entries by name. A name that comes twice is refused: readers differ on which of them counts. */
function listEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > DOCUMENT_LIMITS.archiveEntriesMax) throw broken("it has too many parts");
  return new Promise((resolve, reject) => {
    const entries = new Map<string, Entry>();
    zip.on("entry", (entry: Entry) => {
      if (entries.has(entry.fileName)) reject(broken("a part comes twice in it"));
      if (entry.isEncrypted()) reject(broken("it is protected by a password"));
      entries.set(entry.fileName, entry);
      zip.readEntry();
    });
    zip.on("end", () => resolve(entries));
    zip.on("error", (error: Error) => reject(broken("its list of parts is damaged", error)));
    zip.readEntry();
  });
}

function openEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, readable) => {
      if (error) reject(error);
      else resolve(readable);
    });
  });
}

function broken(why: string, cause?: unknown): CapabilityError {
  return new CapabilityError("invalid_file", `The file cannot be read: ${why}.`, { cause });
}

function tooLarge(): CapabilityError {
  const megabytes = DOCUMENT_LIMITS.unpackedBytesMax / 1_000_000;
  return new CapabilityError(
    "invalid_file",
    `The file unpacks to more than is read (${megabytes} MB, less for a single part).`,
  );
}
