/** What keeps a server from starting and is no bug, in words that name the setting to look at. */
import { Outage } from "./lib/outage.ts";

/** The message is all that there is to know: nobody needs to see where in the program it was met. */
export class StartFault extends Error {
  override readonly name = "StartFault";
}

/** SQLSTATE classes 28, not let in, and 3D, no such database. */
const REFUSED_STATES = /^(?:28|3D)[0-9A-Z]{3}$/;

/** Tries something that uses the database at `url`, and says so where it cannot be reached. */
export async function reachDatabase<T>(
  url: string | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const isRefused = REFUSED_STATES.test(String((error as { code?: unknown }).code));
    if (url === undefined || !(isRefused || error instanceof Outage)) throw error;
    const message = `PostgreSQL at ${placeOf(url)}, from DATABASE_URL, cannot be used: ${(error as Error).message}`;
    throw new StartFault(message, { cause: error });
  }
}

/** Tries something that uses the data directory, and says so where that is none. */
export function useDirectory<T>(directory: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const words = `the data directory ${directory}, from GUILDHALL_DATA_DIR, cannot be used: ${message}`;
    throw new StartFault(words, { cause: error });
  }
}

/** Host and database: the rest of the address is a secret. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return "an address";
  const { host, pathname } = new URL(url);
  return `${host || "this machine"}${pathname}`;
}
