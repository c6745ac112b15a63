/** Where a program speaks: the answer on stdout, everything else on stderr. */
import type { Paint } from "../terminal/paint.ts";
import { plain, redactKey } from "../terminal/redact.ts";
import { type Label, SpinnerLine, spin } from "../terminal/spinner.ts";
import { type Json, Numeral } from "./json.ts";
import { ascii, lineOfJson, prettyJson } from "./json-text.ts";

interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** What is shorter is no key, and blotting it out would spoil words. */
const SECRET_LENGTH_MIN = 8;
const UNKNOWN = "<unknown>";
const TEXT_LENGTH_MAX = 2000;

const same = (text: string) => text;
/** No colours: what Node has for them is not in every Node 20, and a file that imports it does not start there. */
const PLAIN: Paint = {
  ...{ isOn: false, bold: same, dim: same, good: same },
  ...{ warning: same, bad: same, accent: same },
};

export class Output {
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  readonly #progress: SpinnerLine;
  readonly #secrets = new Set<string>();

  constructor(stdout: Stream, stderr: Stream) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#progress = new SpinnerLine(stderr);
  }

  /** From here on `secret` is shown by its prefix and last four characters only. */
  keepSecret(secret: string): void {
    if (secret.length >= SECRET_LENGTH_MIN) this.#secrets.add(secret);
  }

  /** From here on `secret` may be shown: whoever asked for it has no other copy. */
  reveal(secret: string): void {
    this.#secrets.delete(secret);
  }

  /** One or more lines of the answer. */
  line(text: string): void {
    this.#say(this.#stdout, text);
  }

  /** `Name: value`, and `<unknown>` where there is none. */
  field(name: string, value: Json | undefined): void {
    this.line(`${name}: ${wordOf(value)}`);
  }

  /** One JSON object, in ASCII also where a secret was blotted out. */
  json(value: Json): void {
    this.line(ascii(this.#blotted(prettyJson(value))));
  }

  /** A line on stderr: for whoever watches, or why it did not work. */
  note(text: string): void {
    this.#say(this.#stderr, text);
  }

  /** Waits for `work`; on a terminal, stderr has a line meanwhile that says how it stands. */
  waiting<T>(label: Label, work: Promise<T>): Promise<T> {
    const clean = () => this.#blotted(plain(typeof label === "string" ? label : label()));
    return spin(this.#stderr, this.#progress, PLAIN, clean, work);
  }

  #say(stream: Stream, text: string): void {
    this.#progress.hide();
    stream.write(`${this.#blotted(plain(text))}\n`);
  }

  #blotted(text: string): string {
    let shown = text;
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, redactKey(secret));
    return shown;
  }
}

/** A value within a line. */
export function wordOf(value: Json | undefined): string {
  if (value === undefined || value === null || value === "") return UNKNOWN;
  if (typeof value === "string") return oneLine(value);
  if (value instanceof Numeral) return value.text;
  return lineOfJson(value);
}

/** A server's text within a line of ours. */
export function oneLine(text: string): string {
  return plain(text).replaceAll(/\s+/g, " ").trim();
}

/** As much of a server's text as somebody reads who only wants to know what is wrong. */
export function shortened(text: string): string {
  const line = oneLine(text);
  return line.length > TEXT_LENGTH_MAX ? `${line.slice(0, TEXT_LENGTH_MAX)}…` : line;
}
