import assert from "node:assert/strict";
import {
  listMigrations,
  type Migration,
  MigrationError,
  migrate,
  migrationOf,
} from "../../src/store/migrate.ts";
import { onEachHost } from "../support/database.ts";

/** A migration numbered after all real ones. */
function extra(number: number, text: string): Migration {
  return migrationOf(`9${number}00-extra.sql`, text);
}

onEachHost("migrating what is migrated changes nothing", async (_t, database) => {
  const before = await database.query("select * from migrations order by name");
  await migrate(database);
  assert.deepEqual(await database.query("select * from migrations order by name"), before);
  assert.equal(before.length, listMigrations().length);
});

onEachHost("a new migration is applied once, and many starters do not collide", async (_t, db) => {
  const migrations = [
    ...listMigrations(),
    extra(1, "create table extra(id bigint);\ninsert into extra values (1); -- once\n"),
  ];
  await Promise.all(Array.from({ length: 5 }, () => migrate(db, migrations)));
  assert.deepEqual(await db.query("select id from extra"), [{ id: 1n }]);
});

onEachHost(
  "a failing migration names its file and line, and nothing of it stays",
  async (_t, db) => {
    const broken = extra(2, "create table kept_out();\n\nselect oops;\n");
    const migrations = [...listMigrations(), extra(1, "create table also_kept_out();"), broken];
    await assert.rejects(migrate(db, migrations), {
      name: "MigrationError",
      message: 'Migration 9200-extra.sql, line 3: column "oops" does not exist',
    });
    const tables = await db.query("select 1 from pg_class where relname like '%kept_out'");
    assert.deepEqual(tables, []);
    await migrate(db);
  },
);

onEachHost("a body with semicolons and dollar quotes is one statement", async (_t, db) => {
  const body = "begin\n  perform 1;\n  return 2;\nend";
  const text = `create function two() returns int language plpgsql as $f$${body}$f$;`;
  await migrate(db, [...listMigrations(), extra(1, text)]);
  assert.deepEqual(await db.query("select two()"), [{ two: 2 }]);
});

onEachHost("a database of another past is refused before any change", async (_t, database) => {
  const base = listMigrations();
  const one = extra(1, "create table one();");
  const three = extra(3, "create table three();");
  await migrate(database, [...base, one, three]);

  const refusals: [Migration[], RegExp][] = [
    [base, /9100-extra\.sql, which this version does not know: it was used by a newer version/],
    [[...base, extra(1, "create table uno();"), three], /9100-extra\.sql was changed after/],
    [[...base, one, extra(2, "create table two();"), three], /9200-extra\.sql comes before 9300/],
  ];
  for (const [migrations, message] of refusals) {
    await assert.rejects(migrate(database, migrations), (error) => {
      assert.ok(error instanceof MigrationError);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.deepEqual(await database.query("select 1 from pg_class where relname = 'two'"), []);
  // The same text with another system's line ends is the same migration.
  const other = migrationOf(one.name, "create table one();");
  await migrate(database, [...base, other, three]);
});
