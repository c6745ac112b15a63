/**
 * JSON in which a number stays as it was written. Amounts and fingerprints are shared with a client in
 * Python, to which 5000 and 5000.0 are two things, and which knows no largest whole number.
 */

/** Something that JSON can say. */
export type Json = null | boolean | string | number | Numeral | readonly Json[] | JsonObject;

/** Names with `undefined` are left out when it is written. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** A number as Python writes it: `5000`, `5000.0`, `1e-05`. */
export class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The nearest number that JavaScript has. */
  get value(): number {
    return Number(this.text);
  }
}

/** As deep as a document may be: whoever sends more wants to see somebody fall. */
const DEPTH_MAX = 200;
/** Python's own bound for the digits of a whole number. */
const DIGITS_MAX = 4300;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, null | boolean>> = { true: true, false: false, null: null };

/** Reads JSON. Throws `SyntaxError`, with one sentence, where the text is none. */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new SyntaxError(`it is nested deeper than ${DEPTH_MAX} levels`);
    this.#take(SPACE);
    const next = this.#text[this.#at];
    if (next === "{") return this.#object(depth);
    if (next === "[") return this.#array(depth);
    if (next === '"') return this.#string();
    const word = this.#take(WORD);
    if (word) return WORDS[word[0]] ?? null;
    const number = this.#take(NUMBER);
    if (number) return numeralOf(number[0], Boolean(number[1] ?? number[2]));
    throw this.#unexpected();
  }

  end(): void {
    this.#take(SPACE);
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  #object(depth: number): JsonObject {
    const entries: [string, Json][] = [];
    this.#at++;
    if (!this.#isNext("}")) {
      do {
        this.#take(SPACE);
        const name = this.#string();
        this.#expect(":");
        entries.push([name, this.value(depth + 1)]);
      } while (this.#isNext(","));
      this.#expect("}");
    }
    // Not by assignment: a name such as __proto__ is a name like others.
    return Object.fromEntries(entries);
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#at++;
    if (!this.#isNext("]")) {
      do items.push(this.value(depth + 1));
      while (this.#isNext(","));
      this.#expect("]");
    }
    return items;
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#unexpected();
    let end = this.#at;
    do end = this.#text.indexOf('"', end + 1);
    while (end !== -1 && this.#isEscaped(end));
    if (end === -1) throw new SyntaxError("it ends within a text");
    const quoted = this.#text.slice(this.#at, end + 1);
    try {
      const text = JSON.parse(quoted) as string;
      this.#at = end + 1;
      return text;
    } catch {
      throw new SyntaxError(`JSON does not allow the text at ${this.#place()}`);
    }
  }

  /** Whether an odd number of backslashes comes before. */
  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text[first - 1] === "\\") first--;
    return (at - first) % 2 === 1;
  }

  /** Takes `sign` where it comes next. */
  #isNext(sign: string): boolean {
    this.#take(SPACE);
    const isThere = this.#text[this.#at] === sign;
    if (isThere) this.#at++;
    return isThere;
  }

  #expect(sign: string): void {
    if (!this.#isNext(sign)) throw this.#unexpected();
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at += found[0].length;
    return found;
  }

  #unexpected(): SyntaxError {
    if (this.#at >= this.#text.length) return new SyntaxError("it ends too early");
    return new SyntaxError(`there is something unexpected at ${this.#place()}`);
  }

  #place(): string {
    const before = this.#text.slice(0, this.#at).split("\n");
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
}

function numeralOf(text: string, isFloat: boolean): Numeral {
  if (!isFloat) {
    if (text.length > DIGITS_MAX) throw new SyntaxError("a number has too many digits");
    return new Numeral(text === "-0" ? "0" : text);
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new SyntaxError("a number is too large");
  return new Numeral(floatText(value));
}

/** From here on, and below the other, Python writes a float with an exponent. */
const PLAIN_EXPONENT_MAX = 16;
const PLAIN_EXPONENT_MIN = -4;

/** A float as Python writes it: always with a point or an exponent, which has at least two digits. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const [digits = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= PLAIN_EXPONENT_MIN && exponent < PLAIN_EXPONENT_MAX) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const sign = exponent < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Whether `value` is an object, and not a list or a number. */
export function isObject(value: Json | undefined): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Numeral);
}

/** The fields of an object; none where `value` is something else. */
export function fieldsOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** The items of a list; none where `value` is something else. */
export function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** A text that is not blank, as it stands. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
