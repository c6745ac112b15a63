/** The embedded host keeps its log short and its tables tidy, under load and without help. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createLog } from "../../src/lib/log.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { killAfterTest } from "../support/cleanup.ts";
import { openTestDatabase, testDataDirectory } from "../support/database.ts";

const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const MEGABYTES = IS_LONG ? 1024 : 400;
const LOG_MEGABYTES_MAX = 300;
/** Required only in the long run: on a busy machine a time says nothing. */
const READY_MS_MAX = IS_LONG ? 3_000 : Number.POSITIVE_INFINITY;
const CHILD = fileURLToPath(new URL("../support/embedded-child.ts", import.meta.url));

test(`after ${MEGABYTES} MB of log and a kill -9, the log is short and the start quick`, async (t) => {
  const directory = await testDataDirectory(t);
  const child = spawn(process.execPath, [CHILD, directory, "write", String(MEGABYTES)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  killAfterTest(t, child);
  const log = join(directory, "database", "pg_wal");
  let peak = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "written") child.kill("SIGKILL");
    else if (line === "more") peak = Math.max(peak, megabytesIn(log));
  }
  assert.ok(peak > 0, "the child said nothing");
  assert.ok(peak < LOG_MEGABYTES_MAX, `at most, the log had ${peak} MB`);

  const startedAt = performance.now();
  const database = await openEmbedded({ directory, log: createLog("silent") });
  const readyMs = performance.now() - startedAt;
  const rows = await database.query("select count(*)::int as n, min(filler) as filler from hot");
  await database.close();
  t.diagnostic(`ready after ${Math.round(readyMs)} ms, the log had at most ${Math.round(peak)} MB`);
  assert.deepEqual(rows, [{ n: 1000, filler: String(MEGABYTES - 1) }]);
  assert.ok(readyMs < READY_MS_MAX, `ready after ${readyMs} ms`);
  assert.ok(megabytesIn(log) < LOG_MEGABYTES_MAX);
});

test("a small table that changes all the time stays small, and is analyzed", async (t) => {
  const database = await openTestDatabase(t, "embedded");
  await database.query("create table hot(id int primary key, value int) with (fillfactor = 100)");
  await database.query("insert into hot select id, 0 from generate_series(1, 1000) as id");
  const state = async () => {
    const [row] = await database.query<{ pages: number; rows: number }>(
      `select pg_relation_size('hot') / 8192 as pages, reltuples::int as rows
         from pg_class where relname = 'hot'`,
    );
    return { pages: Number(row?.pages), rows: row?.rows };
  };
  // 200 rounds are 5 MB of dead rows where nobody vacuums.
  for (let round = 0; round < 40; round++) {
    for (let n = 0; n < 5; n++) await database.query("update hot set value = value + $1", [1]);
    await delay(75);
  }
  while ((await state()).rows !== 1000) await delay(100);
  assert.ok((await state()).pages < 320, `${(await state()).pages} pages`);
});

function megabytesIn(directory: string): number {
  const sizes = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(directory, entry.name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0) / 1024 / 1024;
}
