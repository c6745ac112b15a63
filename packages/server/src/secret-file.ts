/** Files with a secret that is made at the first start, for nobody else to read. */
import { chmodSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Random } from "./lib/random.ts";

/** The bytes of such a secret. Its text is longer. */
export const SECRET_BYTES = 32;
/** What a file system says that has no hard links. */
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Reads the file's text, without white space around it. Where there is no such file, a secret is made:
 * whole or not at all, and by one of several processes that start at once.
 */
export function readOrMakeSecret(path: string, random: Random): string {
  const found = read(path);
  if (found !== undefined) return found;
  // Processes in different containers may have one id.
  const unfinished = `${path}.${textOf(random, 8)}`;
  try {
    writeFileSync(unfinished, `${textOf(random, SECRET_BYTES)}\n`, { mode: 0o600 });
    // A umask takes permissions away, also our own.
    chmodSync(unfinished, 0o600);
    publish(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  // Whoever made it.
  return readFileSync(path, "utf8").trim();
}

function textOf(random: Random, bytes: number): string {
  return random.bytes(bytes).toString("base64url");
}

/** Gives a file its name unless another has it already. */
function publish(unfinished: string, path: string): void {
  try {
    linkSync(unfinished, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (!NO_LINKS.has(code)) throw error;
    writeFileSync(path, readFileSync(unfinished), { mode: 0o600, flag: "wx" });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
