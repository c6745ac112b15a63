/**
 * The operator's key, `operator.key` in the data directory: whoever may read that file runs the
 * server. Made at the first start, for nobody else to read.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./lib/random.ts";
import { readOrMakeSecret, SECRET_BYTES } from "./secret-file.ts";
import { StartFault } from "./start-fault.ts";

const KEY_FILE = "operator.key";
/** Permissions of the group and of everybody else. */
const OTHERS = 0o077;

/** Reads the key, or makes it where there is none. Throws where others may read it. */
export function readOperatorKey(directory: string, random: Random): string {
  const path = join(directory, KEY_FILE);
  const key = readOrMakeSecret(path, random);
  requirePrivate(path);
  if (key.length < SECRET_BYTES)
    throw new StartFault(`${path} holds no key; remove it to have one made`);
  return key;
}

function requirePrivate(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if (process.platform === "win32" || (mode & OTHERS) === 0) return;
  const found = mode.toString(8).padStart(4, "0");
  throw new StartFault(
    `${path} has mode ${found}, so others may read it; run: chmod 600 '${path}'`,
  );
}
