/**
 * How much a model is given to read, as money goes by it.
 *
 * Everything in a body is text and counts by its bytes, but for pictures, sounds and documents where the
 * wires have them: in the parts of messages. The same shape anywhere else, such as in what a tool was given, is
 * read by the model letter by letter.
 */
import { Fault } from "../../domain/fault.ts";
import { isObject } from "./check.ts";
import type { Fields, ModelBody } from "./model-body.ts";

export interface InputSize {
  /** What is paid by where the interface counted nothing. */
  readonly inputBytes: number;
  /** What is held for: as much as the interface may come to count. */
  readonly inputBytesMost: number;
}

/** About what a large picture comes to, as bytes of text. */
const PICTURE_BYTES = 8_192;
const BYTES_PER_FILE_BYTE = 32;
/** A hundred pages, each of them read and looked at: some 200,000 tokens. How many there are, only reading it tells. */
const DOCUMENT_BYTES = 400_000;

/** @throws {Fault} `invalid_request` where a part names what is kept in the operator's account */
export function inputSizeOf({ bytes, fields }: ModelBody): InputSize {
  let inputBytes = bytes.length;
  let inputBytesMost = bytes.length;
  for (const part of partsIn(fields)) {
    const file = fileOf(part);
    if (!file) continue;
    const { length } = file.text;
    const least = file.isAddress ? 0 : PICTURE_BYTES;
    const counted = Math.min(length, least + Math.ceil(length / BYTES_PER_FILE_BYTE));
    const most = file.isDocument ? DOCUMENT_BYTES : PICTURE_BYTES;
    inputBytes -= length - counted;
    inputBytesMost += Math.max(counted, most + Math.ceil(length / BYTES_PER_FILE_BYTE)) - length;
  }
  return { inputBytes, inputBytesMost };
}

/** The parts of what was said: of messages, of items, and of what tools gave back. */
function* partsIn({ messages, input }: Fields): Generator<Fields> {
  for (const said of [messages, input]) {
    if (!Array.isArray(said)) continue;
    for (const each of said.filter(isObject)) {
      yield* partsOf(each.content);
      yield* partsOf(each.output);
    }
  }
}

function* partsOf(content: unknown): Generator<Fields> {
  if (!Array.isArray(content)) return;
  for (const part of content.filter(isObject)) {
    yield part;
    // A tool's answer has parts of its own.
    if (part.type === "tool_result") yield* partsOf(part.content);
  }
}

interface PartFile {
  /** The file itself in base64, or where it is. */
  readonly text: string;
  readonly isAddress: boolean;
  readonly isDocument: boolean;
}

function fileOf(part: Fields): PartFile | undefined {
  switch (part.type) {
    case "image_url":
      return found(isObject(part.image_url) ? part.image_url.url : part.image_url, false);
    case "input_image":
      refuseKept(part);
      return found(part.image_url, false);
    case "input_audio":
      return found(isObject(part.input_audio) ? part.input_audio.data : undefined, false);
    case "file":
      return ofFile(isObject(part.file) ? part.file : {});
    case "input_file":
      return ofFile(part);
    case "image":
    case "document":
      return ofSource(part, part.type === "document");
  }
  return undefined;
}

function ofFile(file: Fields): PartFile | undefined {
  refuseKept(file);
  return found(file.file_data ?? file.file_url, true);
}

/** Text stays text, whatever it is called. */
function ofSource({ source }: Fields, isDocument: boolean): PartFile | undefined {
  if (!isObject(source)) return undefined;
  refuseKept(source);
  if (source.type === "base64") return found(source.data, isDocument);
  return source.type === "url" ? found(source.url, isDocument) : undefined;
}

function found(text: unknown, isDocument: boolean): PartFile | undefined {
  if (typeof text !== "string") return undefined;
  return { text, isAddress: /^https?:/i.test(text), isDocument };
}

function refuseKept({ file_id: id }: Fields): void {
  if (id === undefined || id === null) return;
  const rule = "Nothing is kept here from call to call: send the file itself.";
  throw new Fault("invalid_request", rule, { field: "file_id" });
}
