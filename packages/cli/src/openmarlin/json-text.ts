/** JSON as Python's `json.dumps(…, sort_keys=True)` writes it, byte by byte: our files are read and written by both. */
import { floatText, type Json, Numeral } from "./json.ts";

interface Form {
  /** Between two items of one line. */
  readonly comma: string;
  readonly colon: string;
  /** Spaces a level; without it all is one line. */
  readonly indent?: number;
}

const PRETTY: Form = { comma: ",", colon: ": ", indent: 2 };
const LINE: Form = { comma: ", ", colon: ": " };
const CANONICAL: Form = { comma: ",", colon: ":" };

/** Over many lines, two spaces a level: files, and answers with `--json`. */
export function prettyJson(value: Json): string {
  return write(value, PRETTY, 0);
}

/** One line for people: `{"a": 1, "b": [2, 3]}`. */
export function lineOfJson(value: Json): string {
  return write(value, LINE, 0);
}

/** The one spelling that fingerprints are made of (contract §3.2). */
export function canonicalJson(value: Json): string {
  return write(value, CANONICAL, 0);
}

function write(value: Json, form: Form, level: number): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return Number.isInteger(value) ? `${value}` : floatText(value);
  if (value instanceof Numeral) return value.text;
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => write(item, form, level + 1));
    return enclosed("[]", items, form, level);
  }
  const fields = Object.entries(value)
    .filter((field): field is [string, Json] => field[1] !== undefined)
    .sort(([one], [other]) => byCodePoints(one, other))
    .map(([name, item]) => `${quoted(name)}${form.colon}${write(item, form, level + 1)}`);
  return enclosed("{}", fields, form, level);
}

function enclosed(brackets: string, items: readonly string[], form: Form, level: number): string {
  const [open = "", close = ""] = brackets;
  if (items.length === 0) return brackets;
  if (form.indent === undefined) return open + items.join(form.comma) + close;
  const inner = `\n${" ".repeat(form.indent * (level + 1))}`;
  const outer = `\n${" ".repeat(form.indent * level)}`;
  return open + inner + items.join(form.comma + inner) + outer + close;
}

/** Python sorts by code points; JavaScript, by halves of those beyond the first 65,536. */
function byCodePoints(one: string, other: string): number {
  const [ones, others] = [[...one], [...other]];
  for (const [index, sign] of ones.entries()) {
    const difference = (sign.codePointAt(0) ?? 0) - (others[index]?.codePointAt(0) ?? -1);
    if (difference !== 0) return difference;
  }
  return ones.length - others.length;
}

const NOT_ASCII = /[\u007f-\uffff]/g;

function quoted(text: string): string {
  return ascii(JSON.stringify(text));
}

/** JSON with everything beyond ASCII spelled out. */
export function ascii(json: string): string {
  return json.replace(
    NOT_ASCII,
    (half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
