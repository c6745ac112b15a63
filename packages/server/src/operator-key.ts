/**
 * The operator's key, `operator.key` in the data directory: whoever may read that file runs the
 * server. Made at the first start, for nobody else to read.
 */
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./lib/random.ts";

const KEY_FILE = "operator.key";
const KEY_BYTES = 32;
/** Permissions of the group and of everybody else. */
const OTHERS = 0o077;

/** Reads the key, or makes it where there is none. Throws where others may read it. */
export function readOperatorKey(directory: string, random: Random): string {
  const path = join(directory, KEY_FILE);
  try {
    writeFileSync(path, `${random.bytes(KEY_BYTES).toString("base64url")}\n`, {
      mode: 0o600,
      // Another process may be starting on the same directory: one of them makes it.
      flag: "wx",
    });
    // A umask takes permissions away, also our own.
    chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  requirePrivate(path);
  const key = readFileSync(path, "utf8").trim();
  if (key.length < KEY_BYTES) throw new Error(`${path} holds no key; remove it to have one made`);
  return key;
}

function requirePrivate(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if (process.platform === "win32" || (mode & OTHERS) === 0) return;
  const found = mode.toString(8).padStart(4, "0");
  throw new Error(`${path} has mode ${found}, so others may read it; run: chmod 600 '${path}'`);
}
