/** Looks at a file while it arrives, so that what cannot be accepted is refused at once. */
import { LIMITS } from "@guildhall/protocol";
import {
  type AssetContent,
  HEAD_BYTES,
  looksLikeZip,
  sniffBinary,
} from "../domain/asset-content.ts";
import { Fault } from "../domain/fault.ts";
import { findZipDirectory, ZIP_TAIL_BYTES, zipEntryNames } from "../domain/zip-directory.ts";
import { JsonCheck } from "../lib/json-check.ts";
import type { StagedBlob } from "./ports.ts";

export class AssetInspection {
  readonly #head = Buffer.alloc(HEAD_BYTES);
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  readonly #json = new JsonCheck();
  #bytes = 0;
  #isText = true;
  #isJson = true;

  /**
   * Passes a stream on and takes note of what goes by.
   *
   * @throws {Fault} `payload_too_large`; `unsupported_media_type` as soon as it can be none of the
   * kinds that are accepted.
   */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#take(chunk);
      yield chunk;
    }
    this.#isText &&= this.#isUtf8(new Uint8Array(), false);
    this.#isJson &&= this.#json.end();
  }

  /** What was seen. A ZIP's directory is read from where the file was put. */
  async content(staged: StagedBlob): Promise<AssetContent> {
    const head = this.#seenHead();
    return {
      head,
      isText: this.#isText,
      isJson: this.#isText && this.#isJson,
      zipEntryNames: looksLikeZip(head) ? await namesInZip(staged) : undefined,
    };
  }

  #take(chunk: Uint8Array): void {
    if (this.#bytes < HEAD_BYTES)
      this.#head.set(chunk.subarray(0, HEAD_BYTES - this.#bytes), this.#bytes);
    this.#bytes += chunk.byteLength;
    if (this.#bytes > LIMITS.fileBytesMax) {
      throw new Fault("payload_too_large", "A file may have at most 50 MB.", {
        bytesMax: LIMITS.fileBytesMax,
      });
    }
    this.#isText &&= !chunk.includes(0) && this.#isUtf8(chunk, true);
    this.#isJson &&= this.#isText && this.#json.write(chunk);
    if (!this.#isText && this.#bytes >= HEAD_BYTES) this.#requireKnown();
  }

  #isUtf8(chunk: Uint8Array, isMoreToCome: boolean): boolean {
    try {
      this.#utf8.decode(chunk, { stream: isMoreToCome });
      return true;
    } catch {
      return false;
    }
  }

  /** No text any more: then its head has to be that of a kind that is accepted, or of a ZIP. */
  #requireKnown(): void {
    const head = this.#seenHead();
    if (looksLikeZip(head) || sniffBinary({ head, zipEntryNames: undefined }).is === "type") return;
    throw new Fault(
      "unsupported_media_type",
      "This kind of file is not accepted: it is none of the binary kinds, and not text.",
    );
  }

  #seenHead(): Uint8Array {
    return this.#head.subarray(0, Math.min(this.#bytes, HEAD_BYTES));
  }
}

async function namesInZip(staged: StagedBlob): Promise<string[] | undefined> {
  const tailAt = Math.max(0, staged.bytes - ZIP_TAIL_BYTES);
  const tail = await staged.readAt({ start: tailAt, end: staged.bytes });
  const directory = findZipDirectory(tail, staged.bytes);
  if (!directory) return undefined;
  const { offset, bytes } = directory;
  return zipEntryNames(await staged.readAt({ start: offset, end: offset + bytes }));
}
