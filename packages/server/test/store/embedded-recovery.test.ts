/** The embedded host breaks, and comes back by itself. */
import assert from "node:assert/strict";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLog } from "../../src/lib/log.ts";
import type { Database } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { migrate } from "../../src/store/migrate.ts";
import { openTestDatabase, testDataDirectory } from "../support/database.ts";

/** Nested deeper than the engine's thread has stack for. A server on a real machine refuses it. */
const BREAKS_THE_ENGINE = "select repeat('[', 1000000)::jsonb";
const log = createLog("silent");

test("when the engine breaks, its clients fail once and are served again", async (t) => {
  const database = await openTestDatabase(t, "embedded");
  await database.query("create table kept(id int)");
  await database.query("insert into kept values (1)");
  await database.pool().query("select 1");

  const transaction = database.transaction(async (tx) => {
    await tx.query("insert into kept values (2)");
    await tx.query(BREAKS_THE_ENGINE);
  });
  const waiting = database.query("select 1");
  await assert.rejects(transaction, /Connection terminated/);
  await assert.rejects(waiting, /Connection terminated/);

  assert.deepEqual(await database.query("select id from kept"), [{ id: 1 }]);
  assert.deepEqual((await database.pool().query("select id from kept")).rows, [{ id: 1 }]);
});

test("a statement that would run for ever is ended, and the others are served", async (t) => {
  const database = await openWith(t, { statementMsMax: 1_000 });
  await database.query("create table kept(id int)");
  const runaway = database.query("select count(*) from generate_series(1, 1000000000000)");
  await assert.rejects(runaway, /Connection terminated/);
  assert.deepEqual(await database.query("select id from kept"), []);
});

test("many statements that are each short are not taken for a runaway", async (t) => {
  const database = await openWith(t, { statementMsMax: 500 });
  const busy = Array.from({ length: 4 }, async () => {
    for (let n = 0; n < 30; n++) await database.query("select pg_sleep(0.02)");
  });
  await Promise.all(busy);
});

test("nesting that PostgreSQL refuses is refused, and breaks nothing", async (t) => {
  const database = await openTestDatabase(t, "embedded");
  await database.transaction(async (tx) => {
    await tx.query("savepoint before");
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    await assert.rejects(tx.query("select $1::text::jsonb", [nested]), { code: "54001" });
    await tx.query("rollback to before");
    await tx.script(
      "create function again(n int) returns int language plpgsql as $f$ begin return again(n + 1); end $f$",
    );
    await assert.rejects(tx.query("select again($1)", [1]), { code: "54001" });
    await tx.query("rollback to before");
  });
});

test("a new directory is given a database, whatever an interrupted attempt has left", async (t) => {
  const directory = await testDataDirectory(t);
  await rename(join(directory, "database"), join(directory, "database.unfinished"));
  await rm(join(directory, "database.unfinished", "global"), { recursive: true });
  const database = await openEmbedded({ directory, log });
  await migrate(database);
  await database.close();
  assert.deepEqual((await readdir(directory)).sort(), ["database", "server.lock"]);
});

test("a database of another PostgreSQL is refused in words", async (t) => {
  const directory = await testDataDirectory(t);
  await writeFile(join(directory, "database", "PG_VERSION"), "17\n");
  await assert.rejects(
    openEmbedded({ directory, log }),
    /is of PostgreSQL 17; this version embeds 18/,
  );
});

test("a database that cannot start says why", async (t) => {
  const directory = await testDataDirectory(t);
  await rm(join(directory, "database", "global", "pg_control"));
  await assert.rejects(openEmbedded({ directory, log }), /did not start.*pg_control/s);
  // And leaves the directory to whoever repairs it.
  await assert.rejects(openEmbedded({ directory, log }), /did not start/);
});

async function openWith(t: TestContext, limits: { statementMsMax: number }): Promise<Database> {
  const database = await openEmbedded({ directory: await testDataDirectory(t), log, ...limits });
  t.after(() => database.close());
  return database;
}
