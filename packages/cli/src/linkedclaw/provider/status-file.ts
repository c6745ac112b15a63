/**
 * `providers/<slug>.status.json`: how a daemon is, in its own words. It is written at each change
 * and every ten seconds, so a daemon that says nothing for thirty is not there any more.
 */
import { join } from "node:path";
import { FILE_MODE, makeDirectory } from "../../config/directory.ts";
import { readIfThere, writeWhole } from "../../files.ts";
import { fieldsOf } from "../../server.ts";

export const STATUS_EVERY_MS = 10_000;
export const STATUS_STALE_MS = 30_000;

export interface DaemonStatus {
  readonly pid: number;
  readonly agent_id: string;
  readonly started_at: string;
  readonly updated_at: string;
  /** `connecting`, `online`, `waiting` or `stopped`. */
  readonly ws_state: string;
  readonly active_sessions: number;
  readonly in_flight: number;
  readonly last_error: string | null;
}

export async function writeStatus(
  directory: string,
  slug: string,
  status: DaemonStatus,
): Promise<void> {
  await makeDirectory(directory);
  await writeWhole(pathOf(directory, slug), `${JSON.stringify(status)}\n`, FILE_MODE);
}

/** What the daemon said last, or `undefined` where none ever ran. */
export async function readStatus(
  directory: string,
  slug: string,
): Promise<Partial<DaemonStatus> | undefined> {
  const text = await readIfThere(pathOf(directory, slug));
  if (text === undefined) return undefined;
  try {
    return fieldsOf(JSON.parse(text)) as Partial<DaemonStatus>;
  } catch {
    // Not ours: a daemon writes it whole or not at all.
    return undefined;
  }
}

function pathOf(directory: string, slug: string): string {
  return join(directory, `${slug}.status.json`);
}
