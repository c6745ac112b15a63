import { LIMITS } from "./limits.ts";

export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  /** `value` is what could be read all the same, for finding out whom it concerns. */
  | { readonly ok: false; readonly problem: string; readonly value: unknown };

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Parses JSON that somebody else wrote, and refuses what parses here but breaks elsewhere: nesting
 * that overflows the stack of whoever walks it, strings that a database cannot keep, and numbers that
 * are infinite here and would be passed on as `null`.
 */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "is not JSON", value: undefined };
  }
  // Neither NUL nor a lone surrogate can stand in decoded UTF-8 JSON but by an escape.
  const problem = jsonProblem(value, text.includes("\\u"));
  return problem === undefined ? { ok: true, value } : { ok: false, problem, value };
}

/** What makes a JSON value unfit to be passed on, or `undefined`. */
export function jsonProblem(value: unknown, checkStrings = true): string | undefined {
  return problemAt(value, 0, checkStrings);
}

function problemAt(value: unknown, depth: number, checkStrings: boolean): string | undefined {
  if (typeof value === "string") return checkStrings ? stringProblem(value) : undefined;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "has a number larger than any that can be kept";
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= LIMITS.jsonDepthMax) return `nests deeper than ${LIMITS.jsonDepthMax} levels`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = problemAt(item, depth + 1, checkStrings);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  for (const [name, item] of Object.entries(value)) {
    const problem =
      (checkStrings ? stringProblem(name) : undefined) ?? problemAt(item, depth + 1, checkStrings);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function stringProblem(text: string): string | undefined {
  if (text.includes("\0")) return "has a NUL character in a string";
  if (LONE_SURROGATE.test(text)) return "has half a surrogate pair in a string";
  return undefined;
}
