/**
 * Where the members of a JSON object stand in its bytes, so that one of them can be replaced and the
 * rest passed on as it came.
 */

export interface JsonMember {
  readonly start: number;
  /** Behind the value's last byte. */
  readonly end: number;
}

export interface JsonMembers {
  readonly byName: ReadonlyMap<string, JsonMember>;
  /** A name that stands there twice: readers differ in which of the two they take. */
  readonly twice: string | undefined;
  /** Where the object's closing brace is. */
  readonly close: number;
}

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** `bytes` is the UTF-8 of one JSON object, which `JSON.parse` has taken; it is not checked again. */
export function jsonMembers(bytes: Buffer): JsonMembers {
  const byName = new Map<string, JsonMember>();
  let twice: string | undefined;
  let at = skipSpace(bytes, 0) + 1;
  for (;;) {
    at = skipSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACE || at >= bytes.length) return { byName, twice, close: at };
    const keyEnd = stringEnd(bytes, at);
    const name = JSON.parse(bytes.toString("utf8", at, keyEnd)) as string;
    at = skipSpace(bytes, keyEnd);
    if (bytes[at] === COLON) at = skipSpace(bytes, at + 1);
    const start = at;
    at = valueEnd(bytes, at);
    if (byName.has(name)) twice ??= name;
    byName.set(name, { start, end: at });
    at = skipSpace(bytes, at);
    if (bytes[at] === COMMA) at += 1;
  }
}

/** A string, with the colon behind it where it is a name; or what an object or a list begins or ends with. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;

/** A name that an object has twice, at any depth of a text that `JSON.parse` has taken. */
export function memberTwice(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, colon] of json.matchAll(TOKEN)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    if (colon === undefined) continue;
    const name = JSON.parse(token.slice(0, -colon.length)) as string;
    const names = open.at(-1);
    if (names?.has(name)) return name;
    names?.add(name);
  }
  return undefined;
}

/** The bytes with each edit made. Edits are in order and do not overlap. */
export function spliced(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, text } of edits) {
    parts.push(bytes.subarray(at, start), Buffer.from(text));
    at = end;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

/** What makes the object have these members: present ones are replaced, others added at its end. */
export function setMembers(
  members: JsonMembers,
  values: ReadonlyMap<string, string> | Readonly<Record<string, string>>,
): Edit[] {
  const edits: Edit[] = [];
  let added = "";
  let isEmpty = members.byName.size === 0;
  const entries = values instanceof Map ? values : new Map(Object.entries(values));
  for (const [name, text] of entries) {
    const member = members.byName.get(name);
    if (member) edits.push({ ...member, text });
    else {
      added += `${isEmpty ? "" : ","}${JSON.stringify(name)}:${text}`;
      isEmpty = false;
    }
  }
  edits.sort((a, b) => a.start - b.start);
  if (added !== "") edits.push({ start: members.close, end: members.close, text: added });
  return edits;
}

/** A member that is a number; nothing where it is anything else, or not there. */
export function numberIn(bytes: Buffer, { byName }: JsonMembers, name: string): number | undefined {
  const member = byName.get(name);
  const value = member && (JSON.parse(bytes.toString("utf8", member.start, member.end)) as unknown);
  return typeof value === "number" ? value : undefined;
}

/** Behind the JSON value that begins at `start`. */
export function valueEnd(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return stringEnd(bytes, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return nestedEnd(bytes, start);
  let at = start;
  while (at < bytes.length && !endsLiteral(bytes[at] ?? 0)) at += 1;
  return at;
}

/** Behind the closing quote of the string whose opening one is at `start`. */
export function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return bytes.length;
    let backslashes = 0;
    while (bytes[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function nestedEnd(bytes: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  return at;
}

function endsLiteral(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte);
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at] ?? 0)) at += 1;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
