/** The files that a server keeps beside its database: its secret, and the note that it runs. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./lib/random.ts";
import { readOrMakeSecret, SECRET_BYTES } from "./secret-file.ts";
import { StartFault } from "./start-fault.ts";

const SECRET_FILE = "secret.key";
const NOTE_FILE = "server.json";

/** Makes the directory, for nobody else to look into. */
export function prepareDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
}

/** The secret key of a development server: made once, kept beside what it sealed. Throws where the file holds none. */
export function localSecretKey(directory: string, random: Random): string {
  const path = join(directory, SECRET_FILE);
  const secret = readOrMakeSecret(path, random);
  // To make another would lose whatever was sealed with the one that stood here.
  if (secret.length < SECRET_BYTES)
    throw new StartFault(`${path} holds no key; put the old one back`);
  return secret;
}

/** Says where the server is, so that our own commands find it. Whole or not at all. */
export function writeNote(directory: string, note: Readonly<Record<string, unknown>>): void {
  const unfinished = join(directory, `${NOTE_FILE}.${process.pid}`);
  writeFileSync(unfinished, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  renameSync(unfinished, join(directory, NOTE_FILE));
}

/** Takes back our note; one that another process left since, as in a rolling restart, stays. */
export function removeNote(directory: string): void {
  const file = join(directory, NOTE_FILE);
  if (pidOf(file) === process.pid) rmSync(file, { force: true });
}

function pidOf(file: string): unknown {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { pid?: unknown }).pid;
  } catch {
    return undefined;
  }
}
