import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface DirectoryLock {
  release(): void;
}

/** SQLITE_BUSY: someone else has the lock. */
const BUSY = 5;

/**
 * Makes this process the only one to use a data directory, until it releases the lock or ends in
 * whatever way: two engines on one directory would ruin it.
 *
 * @throws when another process has it
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = new DatabaseSync(join(directory, "server.lock"), { timeout: 0 });
  try {
    // Nothing is ever written to it, so there is nothing to keep a journal of.
    file.exec("pragma journal_mode = memory; begin exclusive");
  } catch (error) {
    file.close();
    if ((error as { errcode?: unknown }).errcode !== BUSY) throw error;
    throw new Error(
      `The data directory ${directory} is in use by another process. Stop that server, or start ` +
        "this one with a GUILDHALL_DATA_DIR of its own.",
      { cause: error },
    );
  }
  return { release: () => file.close() };
}
