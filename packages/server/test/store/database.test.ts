/** What every user of a `Database` may rely on, on both hosts alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Database, openPostgresql } from "../../src/store/database.ts";
import { isSkipped, onEachHost, openTestDatabase, testDatabaseUrl } from "../support/database.ts";

// biome-ignore format: read as a table
const VALUES: readonly [type: string, value: unknown][] = [
  ["bigint",        9_007_199_254_740_993n],
  ["bigint[]",      [1n, null, -9_007_199_254_740_993n]],
  ["integer",       -5],
  ["integer[]",     [1, 2, null]],
  ["boolean",       true],
  ["boolean[]",     [true, false, null]],
  ["text",          "a \"quoted\" \\ text, with {braces}\nand é 漢 🙂"],
  ["text[]",        ["a,b", "", "null", "NULL", null, "\"{}\\", "é\n🙂"]],
  ["timestamptz",   new Date("2026-02-03T04:05:06.789Z")],
  ["timestamptz[]", [new Date("1999-12-31T23:59:59.999Z"), null]],
  ["bytea",         Buffer.from([0, 1, 254, 255])],
  ["bytea[]",       [Buffer.from([0, 92, 255]), Buffer.alloc(0), null]],
  ["double precision", 0.1],
  ["text",          null],
];

onEachHost("a value comes back as it went in", async (_t, database) => {
  for (const [type, value] of VALUES) {
    const rows = await database.query(`select $1::${type} as value`, [value]);
    assert.deepEqual(rows, [{ value }], type);
  }
  for (const value of [{ a: [1, "two", null] }, [], "text", 5, null]) {
    const rows = await database.query("select $1::text::jsonb as value", [JSON.stringify(value)]);
    assert.deepEqual(rows, [{ value }]);
  }
});

onEachHost("a parameter that is undefined is a bug", async (_t, database) => {
  await assert.rejects(database.query("select $1::text", [undefined]), TypeError);
});

test("a connection outlives what the database refuses, and not what ends it", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const database = openPostgresql(await testDatabaseUrl(t), 1);
  t.after(() => database.close());
  const pid = async () => (await database.query("select pg_backend_pid() as pid"))[0];
  const first = await pid();
  await database.query("create table kept(id int primary key)");
  for (const [text, code] of [
    ["insert into kept values ($1), ($1)", "23505"],
    ["select 1 / ($1::int - 1)", "22012"],
    ["select * from nowhere where id = $1", "42P01"],
  ] as const) {
    await assert.rejects(database.query(text, [1]), { code });
    assert.deepEqual(await pid(), first);
  }
  assert.equal(await countOf(database), 0);
  await assert.rejects(
    database.query("select pg_terminate_backend(pg_backend_pid()), $1::int", [1]),
  );
  assert.notDeepEqual(await pid(), first);
});

onEachHost("a transaction whose work throws leaves nothing", async (_t, database) => {
  await database.query("create table kept(id int)");
  const error = new Error("no");
  const failing = database.transaction(async (tx) => {
    await tx.query("insert into kept values (1)");
    throw error;
  });
  await assert.rejects(failing, error);
  assert.equal(await countOf(database), 0);
});

onEachHost("a transaction that swallows a failure is not taken for committed", async (_t, db) => {
  await db.query("create table kept(id int primary key)");
  const swallowing = db.transaction(async (tx) => {
    await tx.query("insert into kept values (1)");
    await tx.query("insert into kept values (1)").catch(() => undefined);
  });
  await assert.rejects(swallowing, { code: "23505" });
  assert.equal(await countOf(db), 0);
});

onEachHost("what a transaction left running never reaches the database", async (_t, database) => {
  await database.query("create table kept(id int)");
  let late: Promise<unknown> = Promise.resolve();
  await database.transaction(async (tx) => {
    late = delay(50).then(() => tx.query("insert into kept values (1)"));
    late.catch(() => undefined);
  });
  await assert.rejects(late, /transaction is over/);
  assert.equal(await countOf(database), 0);
});

onEachHost("a transaction is tried again after a serialisation failure", async (_t, database) => {
  let attempts = 0;
  const result = await database.transaction(async (tx) => {
    if (++attempts < 3) await tx.query("do $f$ begin raise sqlstate '40001'; end $f$");
    return attempts;
  });
  assert.equal(result, 3);
  const hopeless = database.transaction(async (tx) => {
    attempts++;
    await tx.query("do $f$ begin raise sqlstate '40P01'; end $f$");
  });
  await assert.rejects(hopeless, { code: "40P01" });
  assert.equal(attempts, 8);
});

onEachHost("many more callers than connections are all served", async (_t, database) => {
  const rows = await Promise.all(
    Array.from({ length: 500 }, (_, n) =>
      database.query<{ n: number }>("select $1::int as n", [n]),
    ),
  );
  assert.deepEqual(
    rows.map(([row]) => row?.n),
    Array.from({ length: 500 }, (_, n) => n),
  );
});

// The embedded host's connections are lost in embedded-recovery.test.ts.
test("a lost connection fails what used it and nothing else (postgresql)", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const database = await openTestDatabase(t, "postgresql");
  await database.query("create table kept(id int)");
  const losing = database.transaction(async (tx) => {
    await tx.query("insert into kept values (1)");
    const [own] = await tx.query<{ pid: number }>("select pg_backend_pid() as pid");
    await database.query("select pg_terminate_backend($1)", [own?.pid]);
    await delay(50);
    // Goes on although its connection is gone.
    await tx.query("insert into kept values (2)").catch(() => undefined);
  });
  await assert.rejects(losing, { code: "57P01" });
  await database.query("select pg_terminate_backend(pg_backend_pid())").catch(() => undefined);
  assert.equal(await countOf(database), 0);
});

async function countOf(database: Database): Promise<number | undefined> {
  const [row] = await database.query<{ n: number }>("select count(*)::int as n from kept");
  return row?.n;
}
