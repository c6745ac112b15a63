/** Reads a command line as the published client's does: `--name value` or `--name=value`, each name in full. */
import { usageFailure } from "../failure.ts";

export interface Flag {
  /** What it stands for in the help; a flag without one is a switch. */
  readonly value?: string;
  readonly about: string;
  /** Checked while reading: numbers from `min` on, whole ones only where so said. */
  readonly number?: {
    readonly min?: number;
    readonly isAbove?: boolean;
    readonly isWhole?: boolean;
  };
  readonly choices?: readonly string[];
  readonly isRequired?: boolean;
  readonly isRepeatable?: boolean;
  /** Taken where the flag is not given. */
  readonly otherwise?: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

/** The flags of one command line. Asking for a flag that the command does not have is a bug. */
export class Flags {
  readonly #table: FlagTable;
  readonly #given: ReadonlyMap<string, readonly string[]>;

  constructor(table: FlagTable, given: ReadonlyMap<string, readonly string[]>) {
    this.#table = table;
    this.#given = given;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** Every value, in order. */
  all(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }

  /** The last value, or what is taken without one. */
  text(name: string): string | undefined {
    return this.all(name).at(-1) ?? this.#table[name]?.otherwise;
  }

  /** The value of a flag that is required or has a default. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Error(`--${name} has neither a value nor a default`);
    return value;
  }

  number(name: string): number {
    return Number(this.required(name));
  }
}

/** Everything before the first word that is no flag, that word, and everything after it. */
export function splitAtCommand(
  table: FlagTable,
  args: readonly string[],
): {
  readonly before: readonly string[];
  readonly command?: string;
  readonly after: readonly string[];
} {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("-")) {
      return { before: args.slice(0, at), command: arg, after: args.slice(at + 1) };
    }
    const takesNext = !arg.includes("=") && table[arg.slice(2)]?.value !== undefined;
    if (takesNext) at++;
  }
  return { before: args, after: [] };
}

/** Reads `args` into `given`. Refuses, with exit code 2, what the table does not have. */
export function readFlags(
  table: FlagTable,
  args: readonly string[],
  given: Map<string, readonly string[]>,
): void {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, name = "", inline] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg) ?? [];
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!flag)
      throw usageFailure(`There is no ${name ? "option" : "place for"} ${shown(arg)} here.`);
    if (flag.value === undefined) {
      if (inline !== undefined) throw usageFailure(`--${name} takes no value.`);
      given.set(name, []);
      continue;
    }
    const next = args[at + 1];
    if (inline === undefined && (next === undefined || next.startsWith("--"))) {
      throw usageFailure(`--${name} needs a value: ${flag.value}.`);
    }
    if (inline === undefined) at++;
    const value = inline ?? next ?? "";
    checkValue(name, flag, value);
    given.set(name, flag.isRepeatable ? [...(given.get(name) ?? []), value] : [value]);
  }
}

/** Refuses, with exit code 2, a command line without a flag that has to be there. */
export function checkRequired(table: FlagTable, given: ReadonlyMap<string, unknown>): void {
  for (const [name, flag] of Object.entries(table)) {
    if (flag.isRequired && !given.has(name)) throw usageFailure(`--${name} is missing.`);
  }
}

function checkValue(name: string, { choices, number, isRequired }: Flag, value: string): void {
  if (choices && !choices.includes(value)) {
    throw usageFailure(`--${name} takes ${choices.join(" or ")}, not ${shown(value)}.`);
  }
  if (isRequired && value.trim() === "") throw usageFailure(`--${name} must not be empty.`);
  if (!number) return;
  const { min = Number.NEGATIVE_INFINITY, isAbove = false, isWhole = false } = number;
  const parsed = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)
    ? Number(value)
    : Number.NaN;
  const isGood = Number.isFinite(parsed) && (isAbove ? parsed > min : parsed >= min);
  if (isGood && (!isWhole || Number.isSafeInteger(parsed))) return;
  const kind = isWhole ? "a whole number" : "a number";
  const bound = min === Number.NEGATIVE_INFINITY ? "" : ` ${isAbove ? "above" : "from"} ${min}`;
  throw usageFailure(`--${name} takes ${kind}${bound}, not ${shown(value)}.`);
}

/** What looks like a key, also in the middle of a word that somebody mistyped. */
const SECRET = /\w*_[A-Za-z0-9]{16,}/g;

/** Something of a command line in one short line: it may be a key, or a whole document. */
export function shown(text: string): string {
  const line = text.replaceAll(SECRET, "…").replaceAll(/\s+/g, " ");
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line);
}
