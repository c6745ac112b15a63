import { stringEnd } from "../../lib/json-members.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LOWER_U = 0x75;

/**
 * How many bytes the strings come to that stand under one of these names, at any depth of a JSON
 * text. It is what a model wrote, counted without parsing: nothing is built, and nothing copied.
 */
export function textBytesIn(json: Buffer, names: ReadonlySet<string>): number {
  let bytes = 0;
  let at = json.indexOf(QUOTE);
  let isNamed = false;
  while (at !== -1) {
    const end = stringEnd(json, at);
    const next = skipSpace(json, end);
    if (json[next] === COLON) {
      isNamed = names.has(json.toString("latin1", at + 1, end - 1));
      at = skipSpace(json, next + 1);
      // What follows the name is no string: its own members say what it is.
      if (json[at] !== QUOTE) isNamed = false;
    } else {
      if (isNamed) bytes += decodedBytes(json, at + 1, end - 1);
      isNamed = false;
      at = next;
    }
    at = json.indexOf(QUOTE, at);
  }
  return bytes;
}

/** What a JSON string stands for, in bytes: an escape is about one, a `\uXXXX` two. */
function decodedBytes(json: Buffer, start: number, end: number): number {
  let bytes = end - start;
  let at = json.subarray(start, end).indexOf(BACKSLASH);
  if (at === -1) return bytes;
  at += start;
  while (at < end) {
    if (json[at] !== BACKSLASH) {
      at += 1;
      continue;
    }
    const isCode = json[at + 1] === LOWER_U;
    bytes -= isCode ? 4 : 1;
    at += isCode ? 6 : 2;
  }
  return bytes;
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) {
    at += 1;
  }
  return at;
}

/** The first byte of the first value that follows a name, which is given in its quotes. */
export function firstByteOf(json: Buffer, name: Buffer): number | undefined {
  const found = json.indexOf(name);
  if (found === -1) return undefined;
  const colon = skipSpace(json, found + name.length);
  return json[colon] === COLON ? json[skipSpace(json, colon + 1)] : undefined;
}
