/** Reads what a command line can only point at: `-` for stdin, JSON, numbers within bounds. */
import { LIMITS } from "@guildhall/protocol";
import { InvalidArgumentError } from "commander";
import { Failure, messageOf, systemCodeOf, usageFailure } from "./failure.ts";

/** All of stdin, as text. Bounded, because what comes of it is sent as one body. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LIMITS.bodyBytesMax) {
      throw new Failure("payload_too_large", "stdin holds more than 1 MB.", {
        facts: { bytes_max: LIMITS.bodyBytesMax },
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** `text`, or all of stdin where it is `-`. */
export async function textOrStdin(text: string): Promise<string> {
  return text === "-" ? readStdin() : text;
}

/** The JSON object in `text`; `name` says which argument it was. */
export function jsonObject(text: string, name: string): Record<string, unknown> {
  const value = jsonIn(text, name);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usageFailure(`${name} must be a JSON object, like {"text":"hello"}.`);
  }
  return value as Record<string, unknown>;
}

/** The JSON array in `text`. */
export function jsonArray(text: string, name: string): unknown[] {
  const value = jsonIn(text, name);
  if (Array.isArray(value)) return value;
  throw usageFailure(`${name} must be a JSON array, like [{"text":"hello"}].`);
}

function jsonIn(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageFailure(
      `${name} is not JSON: ${messageOf(error)}`,
      `In a shell, put it in single quotes: ${name} '{"text":"hello"}'`,
    );
  }
}

/** The text of a file that the command line names. */
export async function readNamedFile(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fileFailure(path, error);
  }
}

/** Why a file that the command line names cannot be read. */
export function fileFailure(path: string, error: unknown): Failure {
  const words: Record<string, string> = {
    ENOENT: `There is no file ${path}.`,
    EACCES: `${path} may not be read.`,
    EISDIR: `${path} is a directory.`,
  };
  const code = systemCodeOf(error) ?? "";
  const message = words[code] ?? `${path} cannot be read: ${messageOf(error)}`;
  return new Failure(code === "ENOENT" ? "file_not_found" : "file_unreadable", message, {
    facts: { path },
  });
}

/** A parser for options that are whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be a whole number ${bounds}.`);
  };
}

/** A parser for options that are instants: `2026-03-01T14:00:00Z`, given on as the wire spells them. */
export function instant(text: string): string {
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  throw new InvalidArgumentError("It must be an instant, like 2026-03-01T14:00:00Z.");
}
