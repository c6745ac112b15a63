import { join } from "node:path";
import type { Log } from "../../lib/log.ts";
import { type Database, databaseOver } from "../database.ts";
import { lockDirectory } from "./directory-lock.ts";
import { EmbeddedHost } from "./host.ts";

export interface EmbeddedOptions {
  /** The data directory. This process becomes the only one to use it. */
  directory: string;
  log: Log;
  /** See `HostOptions`; a minute unless said otherwise. */
  statementMsMax?: number;
}

/** The one backend serves one at a time; with a few, the next is there when one is done. */
const CONNECTIONS_MAX = 8;
const STATEMENT_MS_MAX = 60_000;

/**
 * A `Database` inside this process, in `<directory>/database`, made if there is none.
 *
 * @throws when another process uses the directory, or the database cannot be opened or would not be
 *   durable. The message says what an operator can do.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Database> {
  const { directory, log, statementMsMax = STATEMENT_MS_MAX } = options;
  const lock = lockDirectory(directory);
  try {
    const host = await EmbeddedHost.start({
      directory: join(directory, "database"),
      log,
      statementMsMax,
    });
    const database = databaseOver("embedded", { stream: () => host.stream() }, CONNECTIONS_MAX);
    let closing: Promise<void> | undefined;
    const endAll = async (): Promise<void> => {
      await database.close();
      await host.close();
      lock.release();
    };
    return {
      ...database,
      close() {
        closing ??= endAll();
        return closing;
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
