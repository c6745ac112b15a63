/** Server-sent events (HTML standard, 9.2), read from bytes that may be cut anywhere. */

export interface SseEvent {
  /** `message` where the sender named none. */
  readonly event: string;
  readonly data: string;
}

/** An event grew beyond what is kept of one. */
export class SseTooLarge extends Error {
  override readonly name = "SseTooLarge";
}

/** One event: a picture in base64 fits, a sender that never ends its line does not fill the memory. */
export const SSE_EVENT_BYTES_MAX = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Turns bytes into events. Lines end in LF, CR or both and in nothing else: characters that some
 * languages take for line ends, such as U+2028, are a part of the data. Lines are decoded whole, so
 * it does not matter where in a character the bytes were cut.
 */
export class SseParser {
  readonly #bytesMax: number;
  /** The pieces of a line whose end has not come. */
  #line: Buffer[] = [];
  #bytes = 0;
  #isFirstLine = true;
  /** The last byte was a CR, so an LF that comes next ends nothing. */
  #afterCr = false;
  #event = "";
  #data: string[] = [];

  constructor(bytesMax = SSE_EVENT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** The events that end in this piece. @throws {SseTooLarge} */
  push(piece: Uint8Array): SseEvent[] {
    const bytes = asBuffer(piece);
    const events: SseEvent[] = [];
    let start = 0;
    if (this.#afterCr && bytes.length > 0) {
      if (bytes[0] === LF) start = 1;
      this.#afterCr = false;
    }
    for (;;) {
      const end = lineEnd(bytes, start);
      if (end === -1) break;
      const event = this.#endLine(bytes.subarray(start, end));
      if (event) events.push(event);
      start = end + 1;
      if (bytes[end] !== CR) continue;
      if (start === bytes.length) this.#afterCr = true;
      else if (bytes[start] === LF) start += 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return events;
  }

  /** What the sender did not end properly: some close right after their last line. */
  end(): SseEvent[] {
    const last = this.#line.length > 0 ? this.#endLine(Buffer.alloc(0)) : undefined;
    const unfinished = last ?? this.#dispatch();
    return unfinished ? [unfinished] : [];
  }

  #keep(bytes: Buffer): void {
    this.#count(bytes.length);
    // The piece it came in is the socket's and may be reused.
    this.#line.push(Buffer.from(bytes));
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) throw new SseTooLarge("an event is too large");
  }

  #endLine(rest: Buffer): SseEvent | undefined {
    this.#count(rest.length);
    const whole = this.#line.length === 0 ? rest : Buffer.concat([...this.#line, rest]);
    this.#line = [];
    const line = this.#isFirstLine && whole.subarray(0, 3).equals(BOM) ? whole.subarray(3) : whole;
    this.#isFirstLine = false;
    if (line.length === 0) return this.#dispatch();
    this.#takeField(line);
    return undefined;
  }

  #takeField(line: Buffer): void {
    const colon = line.indexOf(COLON);
    // A line that starts with a colon is a comment, sent to keep the connection.
    if (colon === 0) return;
    const name = line.toString("utf8", 0, colon === -1 ? line.length : colon);
    if (name !== "data" && name !== "event") return;
    const from = line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    const value = colon === -1 ? "" : line.toString("utf8", from);
    if (name === "data") this.#data.push(value);
    else this.#event = value;
  }

  #dispatch(): SseEvent | undefined {
    const data = this.#data;
    const event = this.#event || "message";
    this.#data = [];
    this.#event = "";
    this.#bytes = 0;
    return data.length === 0 ? undefined : { event, data: data.join("\n") };
  }
}

/**
 * Cuts a stream of events into whole ones without decoding them, for passing them on as they came.
 * What is passed on always ends between two events, so that another can follow.
 */
export class SseFrames {
  readonly #bytesMax: number;
  #carry: Buffer[] = [];
  #carried = 0;

  constructor(bytesMax = SSE_EVENT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Shows each event that is whole now to `look`, and gives the bytes of those for which it said
   * `true`: parts of what came in, not copies, but where an event arrived in several pieces.
   *
   * @throws {SseTooLarge}
   */
  push(piece: Uint8Array, look: (event: Buffer) => boolean): Buffer[] {
    const arrived = asBuffer(piece);
    // Without a line end nothing ends here, and a long event is not copied again with each piece.
    if (this.#carried > 0 && lineEnd(arrived, 0) === -1) {
      this.#carryOver(arrived);
      return [];
    }
    const bytes = this.#join(arrived);
    const kept: Buffer[] = [];
    let passFrom = 0;
    let start = 0;
    for (;;) {
      const end = eventEnd(bytes, start);
      if (end === -1) break;
      if (!look(bytes.subarray(start, end))) {
        if (passFrom < start) kept.push(bytes.subarray(passFrom, start));
        passFrom = end;
      }
      start = end;
    }
    if (passFrom < start) kept.push(bytes.subarray(passFrom, start));
    this.#carryOver(bytes.subarray(start));
    return kept;
  }

  /** What the sender did not end properly, ended. */
  end(look: (event: Buffer) => boolean): Buffer[] {
    return this.#carried === 0 ? [] : this.push(Buffer.from("\n\n"), look);
  }

  #join(bytes: Buffer): Buffer {
    if (this.#carried === 0) return bytes;
    const whole = Buffer.concat([...this.#carry, bytes]);
    this.#carry = [];
    this.#carried = 0;
    return whole;
  }

  #carryOver(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#carried += rest.length;
    if (this.#carried > this.#bytesMax) throw new SseTooLarge("an event is too large");
    this.#carry.push(Buffer.from(rest));
  }
}

/** The data of one whole event, as bytes; lines of it joined as the standard says. */
export function dataOfEvent(event: Buffer): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  while (start < event.length) {
    const found = lineEnd(event, start);
    const end = found === -1 ? event.length : found;
    if (isData(event, start, end)) {
      const from = start + 5;
      parts.push(event.subarray(event[from] === SPACE ? from + 1 : from, end));
    }
    start = end + 1;
  }
  if (parts.length === 1) return parts[0] as Buffer;
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [NEWLINE, part])));
}

const NEWLINE = Buffer.from("\n");

/** `data:` at `start`. */
function isData(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start >= 5 &&
    bytes[start] === 0x64 &&
    bytes[start + 1] === 0x61 &&
    bytes[start + 2] === 0x74 &&
    bytes[start + 3] === 0x61 &&
    bytes[start + 4] === COLON
  );
}

/** Where the line that begins at `start` ends: at its CR or LF, or -1. */
function lineEnd(bytes: Buffer, start: number): number {
  const lf = bytes.indexOf(LF, start);
  const cr = bytes.subarray(start, lf === -1 ? bytes.length : lf).indexOf(CR);
  return cr === -1 ? lf : start + cr;
}

/** Behind the empty line that ends the event which begins at `start`, or -1 where it is not there. */
function eventEnd(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const end = lineEnd(bytes, at);
    if (end === -1) return -1;
    const isEmpty = end === at;
    if (bytes[end] === CR) {
      // Whether an LF belongs to it is not known before the next byte.
      if (end + 1 === bytes.length) return -1;
      at = bytes[end + 1] === LF ? end + 2 : end + 1;
    } else at = end + 1;
    if (isEmpty) return at;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
