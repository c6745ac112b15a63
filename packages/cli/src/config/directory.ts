/**
 * The directory that holds a person's key, `~/.linkedclaw` (LinkedClaw contract §3.1). It is theirs
 * alone: 0700, and 0600 for the file with the key in it. Looser than that, nothing is read.
 */
import { mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Failure, systemCodeOf } from "../failure.ts";

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;
/** Permissions of the group and of everybody else. */
const OTHERS = 0o077;

/** Where the configuration is: `LINKEDCLAW_CONFIG_DIR`, else `~/.linkedclaw`. */
export function configDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const named = env.LINKEDCLAW_CONFIG_DIR;
  return named ? resolve(named) : join(homedir(), ".linkedclaw");
}

/** Whether `path` is there. Refuses with `config_insecure_permissions` where others may use it. */
export async function isThereAndPrivate(path: string): Promise<boolean> {
  let mode: number;
  try {
    ({ mode } = await stat(path));
  } catch (error) {
    // ENOTDIR: a file stands where the directory should be, and is refused when it is written to.
    if (systemCodeOf(error) === "ENOENT") return false;
    throw error;
  }
  // Windows has no such modes; its profile directories are private by their own means.
  if (process.platform === "win32" || (mode & OTHERS) === 0) return true;
  const found = (mode & 0o777).toString(8).padStart(4, "0");
  const wanted = (mode & 0o170000) === 0o040000 ? "700" : "600";
  throw new Failure(
    "config_insecure_permissions",
    `${path} has mode ${found}: others on this machine may read or change it.`,
    { hint: `Run: chmod ${wanted} '${path}'`, facts: { path, mode: found } },
  );
}

/** Makes the directory, and those on the way to it, where they are missing. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
}
