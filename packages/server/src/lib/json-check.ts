/**
 * Says whether bytes that arrive in pieces are one JSON text (RFC 8259), without keeping them:
 * parsing fifty megabytes at once would hold up everybody else for half a second.
 *
 * That the bytes are UTF-8 is for the caller to check. `end()` agrees with `JSON.parse` on
 * everything else but nesting, which is bounded here.
 */
const DEPTH_MAX = 512;

// What may come next.
const VALUE = 0; // a value
const VALUE_OR_CLOSE = 1; // a value, or the end of an array that has none
const KEY = 2; // a key
const KEY_OR_CLOSE = 3; // a key, or the end of an object that has none
const COLON = 4;
const AFTER_VALUE = 5; // a comma, a closing bracket, or the end
const STRING = 6;
const ESCAPE = 7;
const HEX = 8;
const LITERAL = 9; // the rest of true, false or null
const MINUS = 10; // a number's first digit
const ZERO = 11; // a number that began with 0: no more digits before the point
const INTEGER = 12;
const POINT = 13; // the first digit after the point
const FRACTION = 14;
const EXPONENT = 15; // a sign or the exponent's first digit
const EXPONENT_SIGN = 16; // the exponent's first digit
const EXPONENT_DIGITS = 17;
const BROKEN = 18;

const LITERALS: Readonly<Record<number, string>> = { 116: "rue", 102: "alse", 110: "ull" };
const ESCAPABLE = new Set([...'"\\/bfnrt'].map((char) => char.charCodeAt(0)));
const NUMBER_ENDS = new Set([ZERO, INTEGER, FRACTION, EXPONENT_DIGITS]);

export class JsonCheck {
  #state = VALUE;
  /** For each open bracket, whether it is an object's. */
  readonly #open: boolean[] = [];
  #isKey = false;
  #literal = "";
  #hexLeft = 0;

  /** Takes the next piece. `false` as soon as no continuation could make it JSON. */
  write(piece: Uint8Array): boolean {
    for (let index = 0; index < piece.length && this.#state !== BROKEN; index++) {
      this.#state = this.#next(piece[index] ?? 0);
    }
    return this.#state !== BROKEN;
  }

  /** Whether what was written is a whole JSON text. */
  end(): boolean {
    const isWhole = this.#state === AFTER_VALUE || NUMBER_ENDS.has(this.#state);
    return isWhole && this.#open.length === 0;
  }

  #next(byte: number): number {
    if (this.#state === STRING) return this.#inString(byte);
    if (this.#state <= AFTER_VALUE) return this.#between(byte);
    if (this.#state === ESCAPE) return this.#afterBackslash(byte);
    if (this.#state === HEX) return this.#inHex(byte);
    if (this.#state === LITERAL) return this.#inLiteral(byte);
    return this.#inNumber(byte);
  }

  /** Between tokens, where space is allowed. */
  #between(byte: number): number {
    const state = this.#state;
    if (isSpace(byte)) return state;
    if (state === AFTER_VALUE) return this.#afterValue(byte);
    if (state === COLON) return byte === 0x3a ? VALUE : BROKEN;
    if (state === VALUE_OR_CLOSE && byte === 0x5d) return this.#close(false);
    if (state === KEY_OR_CLOSE && byte === 0x7d) return this.#close(true);
    if (state === KEY || state === KEY_OR_CLOSE) {
      return byte === 0x22 ? this.#beginString(true) : BROKEN;
    }
    return this.#beginValue(byte);
  }

  #beginValue(byte: number): number {
    if (byte === 0x22) return this.#beginString(false);
    if (byte === 0x7b) return this.#push(true, KEY_OR_CLOSE);
    if (byte === 0x5b) return this.#push(false, VALUE_OR_CLOSE);
    if (byte === 0x2d) return MINUS;
    if (byte === 0x30) return ZERO;
    if (isDigit(byte)) return INTEGER;
    this.#literal = LITERALS[byte] ?? "";
    return this.#literal === "" ? BROKEN : LITERAL;
  }

  #beginString(isKey: boolean): number {
    this.#isKey = isKey;
    return STRING;
  }

  #push(isObject: boolean, next: number): number {
    if (this.#open.length >= DEPTH_MAX) return BROKEN;
    this.#open.push(isObject);
    return next;
  }

  #close(isObject: boolean): number {
    return this.#open.pop() === isObject ? AFTER_VALUE : BROKEN;
  }

  #afterValue(byte: number): number {
    if (byte === 0x5d) return this.#close(false);
    if (byte === 0x7d) return this.#close(true);
    if (byte !== 0x2c || this.#open.length === 0) return BROKEN;
    return this.#open.at(-1) ? KEY : VALUE;
  }

  #inNumber(byte: number): number {
    const next = nextInNumber(this.#state, byte);
    if (next !== AFTER_VALUE) return next;
    return isSpace(byte) ? AFTER_VALUE : this.#afterValue(byte);
  }

  #inLiteral(byte: number): number {
    if (byte !== this.#literal.charCodeAt(0)) return BROKEN;
    this.#literal = this.#literal.slice(1);
    return this.#literal === "" ? AFTER_VALUE : LITERAL;
  }

  #inString(byte: number): number {
    if (byte === 0x22) return this.#isKey ? COLON : AFTER_VALUE;
    if (byte === 0x5c) return ESCAPE;
    return byte < 0x20 ? BROKEN : STRING;
  }

  #afterBackslash(byte: number): number {
    if (byte !== 0x75) return ESCAPABLE.has(byte) ? STRING : BROKEN;
    this.#hexLeft = 4;
    return HEX;
  }

  #inHex(byte: number): number {
    if (!isHexDigit(byte)) return BROKEN;
    this.#hexLeft--;
    return this.#hexLeft === 0 ? STRING : HEX;
  }
}

/** AFTER_VALUE where the byte is no part of the number and the number is whole. */
function nextInNumber(state: number, byte: number): number {
  if (isDigit(byte)) return DIGIT_NEXT[state] ?? (byte === 0x30 ? ZERO : INTEGER);
  if (byte === 0x2e && (state === ZERO || state === INTEGER)) return POINT;
  if (byte === 0x65 || byte === 0x45) {
    return state === ZERO || state === INTEGER || state === FRACTION ? EXPONENT : BROKEN;
  }
  if ((byte === 0x2b || byte === 0x2d) && state === EXPONENT) return EXPONENT_SIGN;
  return NUMBER_ENDS.has(state) ? AFTER_VALUE : BROKEN;
}

/** Where a digit leads. After a minus it depends on the digit. */
const DIGIT_NEXT: Readonly<Record<number, number>> = {
  [ZERO]: BROKEN,
  [INTEGER]: INTEGER,
  [POINT]: FRACTION,
  [FRACTION]: FRACTION,
  [EXPONENT]: EXPONENT_DIGITS,
  [EXPONENT_SIGN]: EXPONENT_DIGITS,
  [EXPONENT_DIGITS]: EXPONENT_DIGITS,
};

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
