import { join } from "node:path";
import type { TestContext } from "node:test";
import pg from "pg";
import { createLog } from "../../src/lib/log.ts";
import { type Database, databaseOver } from "../../src/store/database.ts";
import { EmbeddedHost } from "../../src/store/embedded/host.ts";
import { afterTest } from "./cleanup.ts";
import { testDataDirectory } from "./database.ts";

/** The embedded host with what lies under a `Database`, for tests of what drivers see. */
export interface TestConnections {
  host: EmbeddedHost;
  /** A database with as many connections as asked for. */
  database: Database;
  /** A connection of its own, outside of any pool. */
  newClient(): Promise<pg.Client>;
}

export async function openTestConnections(
  t: TestContext,
  connectionsMax: number,
): Promise<TestConnections> {
  const directory = join(await testDataDirectory(t), "database");
  const log = createLog("silent");
  const host = await EmbeddedHost.start({ directory, log, statementMsMax: 60_000 });
  const stream = () => host.stream();
  const database = databaseOver("embedded", { stream }, connectionsMax);
  const clients: pg.Client[] = [];
  afterTest(t, async () => {
    await Promise.allSettled([database.close(), ...clients.map((client) => client.end())]);
    await host.close();
  });
  return {
    host,
    database,
    async newClient() {
      const client = new pg.Client({ stream });
      clients.push(client);
      await client.connect();
      return client;
    },
  };
}
