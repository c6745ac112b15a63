/** What is wrong with a field, in words for whoever sent it. A schema's own words come before these. */
import type { z } from "zod";

type RawIssue = z.core.$ZodRawIssue;

// biome-ignore format: read as a table
const NOUNS: Readonly<Record<string, string>> = {
  string: "text", number: "a number", int: "a whole number", boolean: "true or false",
  array: "a list", object: "an object", record: "an object", null: "null",
};

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ["character", "characters"],
  array: ["item", "items"],
};

/** For a schema's `safeParse`. Words what it knows, and leaves the rest to the library. */
export function wordsOfIssue(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? "is missing"
        : `must be ${NOUNS[String(issue.expected)] ?? String(issue.expected)}`;
    case "invalid_value":
      return issue.input === undefined ? "is missing" : `must be ${choice(issue.values)}`;
    case "too_small":
      return `must ${bound(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "too_big":
      return `must ${bound(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
    case "unrecognized_keys":
      return `has ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}, which is not known here`;
    case "invalid_union":
      return issue.input === undefined ? "is missing" : "is none of what it may be";
    default:
      return undefined;
  }
}

function choice(values: readonly unknown[]): string {
  const words = values.map((value) => JSON.stringify(value)).join(", ");
  return values.length === 1 ? words : `one of ${words}`;
}

function bound(origin: string, which: string, limit: number | bigint): string {
  const unit = UNITS[origin];
  if (!unit) return `be ${which} ${limit}`;
  return `have ${which} ${limit} ${Number(limit) === 1 ? unit[0] : unit[1]}`;
}
