/** Finds the server that runs on this machine by the note that it leaves in its data directory. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Where our own sources are, if this is a checkout. */
const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));

/** The server's data directory: `GUILDHALL_DATA_DIR`, else the checkout's `.data`. */
export function dataDirectory(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (env.GUILDHALL_DATA_DIR) return resolve(env.GUILDHALL_DATA_DIR);
  const isCheckout = existsSync(join(REPOSITORY, "packages", "server", "package.json"));
  return isCheckout ? join(REPOSITORY, ".data") : undefined;
}

/** What a running server says of itself. */
export interface ServerNote {
  /** Where clients reach it. */
  readonly url: string;
  /** Where this machine reaches it, without any proxy on the way. */
  readonly localUrl: string;
}

/** What the server of a data directory wrote to its `server.json`, if one runs. */
export function serverNoteIn(directory: string): ServerNote | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(join(directory, "server.json"), "utf8"));
    const { url, local_url: localUrl } = note as { url?: unknown; local_url?: unknown };
    if (typeof url !== "string" || !URL.canParse(url)) return undefined;
    return { url, localUrl: typeof localUrl === "string" ? localUrl : url };
  } catch {
    // No note, or one that a server is about to replace: then nobody says where a server is.
    return undefined;
  }
}

/** The address of the server that runs on this machine, where one left a note. */
export function runningServerUrl(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const directory = dataDirectory(env);
  return directory === undefined ? undefined : serverNoteIn(directory)?.url;
}
