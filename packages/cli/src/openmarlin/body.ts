/** A JSON object that the command line gives: as it stands, or in a file. Exactly one of the two. */
import { readFileSync } from "node:fs";
import { Failure, messageOf, usageFailure } from "../failure.ts";
import type { Flags, FlagTable } from "./flags.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";

/** `--<name>-json` and `--<name>-file`. */
export function bodyFlags(name: string, about: string): FlagTable {
  return {
    [`${name}-json`]: { value: "JSON", about },
    [`${name}-file`]: { value: "FILE", about: "the same, in a file; - for stdin" },
  };
}

/** The object, or `undefined` where none was given. Refuses both at once with exit code 2. */
export function findBody(flags: Flags, name: string): JsonObject | undefined {
  const text = flags.text(`${name}-json`);
  const path = flags.text(`${name}-file`);
  if (text !== undefined && path !== undefined) {
    throw usageFailure(`Give either --${name}-json or --${name}-file, not both.`);
  }
  if (text !== undefined) return objectIn(text, `--${name}-json`);
  return path === undefined ? undefined : objectIn(readNamed(path), path);
}

export function requireBody(flags: Flags, name: string): JsonObject {
  const body = findBody(flags, name);
  if (body) return body;
  throw usageFailure(`Give --${name}-json or --${name}-file.`);
}

function objectIn(text: string, where: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new Failure("invalid_json", `${where} is not JSON: ${messageOf(error)}.`);
  }
  if (isObject(value as JsonObject)) return value as JsonObject;
  throw new Failure("invalid_json", `${where} has to be a JSON object.`);
}

function readNamed(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new Failure("file_unreadable", `${path} cannot be read: ${messageOf(error)}`);
  }
}
