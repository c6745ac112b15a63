/**
 * The two hosts of the database beside each other: `npm run bench -- storage`.
 *
 * Statements a second with 32 callers, alternating between the hosts so that both meet the same
 * machine. PostgreSQL is that of TEST_DATABASE_URL, or of this machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../packages/server/src/lib/log.ts";
import { type Database, openPostgresql } from "../packages/server/src/store/database.ts";
import { openEmbedded } from "../packages/server/src/store/embedded/index.ts";
import { median } from "./support/figures.ts";
import { load } from "./support/load.ts";

const URL = process.env.TEST_DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
const CALLERS = 32;
const ROUND_SECONDS = 1;
const ROUNDS = 3;
const TABLE = "guildhall_bench_storage";

type Work = (database: Database) => Promise<unknown>;
const WORKS: Record<string, Work> = {
  select: (database) => database.query("select $1::bigint as n", [5n]),
  insert: (database) => database.query(`insert into ${TABLE}(n, text) values ($1, $2)`, [7n, "x"]),
  "transaction of three": (database) =>
    database.transaction(async (tx) => {
      await tx.query(`insert into ${TABLE}(n, text) values ($1, $2)`, [7n, "x"]);
      await tx.query("select $1::bigint as n", [5n]);
    }),
};

const directory = mkdtempSync(join(tmpdir(), "guildhall-bench-"));
const made = await timed("make a new directory", () => open());
await made.close();
const hosts = [await timed("open it again", () => open()), openPostgresql(URL)];
for (const database of hosts) {
  await database.script(
    `drop table if exists ${TABLE}; create table ${TABLE}(n bigint, text text)`,
  );
}

for (const [name, work] of Object.entries(WORKS)) {
  const results = new Map<Database, number[]>(hosts.map((database) => [database, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const database of hosts) {
      const { perSecond } = await load(
        CALLERS,
        ROUND_SECONDS,
        async () => void (await work(database)),
      );
      // The first round warms up.
      if (round > 0) results.get(database)?.push(perSecond);
    }
  }
  const [embedded, postgresql] = hosts.map((database) =>
    Math.round(median(results.get(database) ?? [])),
  );
  const ratio = ((embedded ?? 0) / (postgresql ?? 1)).toFixed(2);
  console.log(`${name}: embedded ${embedded}/s, PostgreSQL ${postgresql}/s, ratio ${ratio}`);
}
console.log(`memory of this process: ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);

for (const database of hosts) {
  await database.script(`drop table ${TABLE}`);
  await database.close();
}
rmSync(directory, { recursive: true });

function open(): Promise<Database> {
  return openEmbedded({ directory, log: createLog("warn") });
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  console.log(`${what}: ${Math.round(performance.now() - startedAt)} ms`);
  return result;
}
