/**
 * Puts a database back as it was when it was new, in a hundredth of the time that making one takes: what
 * has rows is emptied, what had rows gets them back, and sequences begin anew.
 *
 * Rows only: a database whose tables, functions or settings a test has changed is not like new any more,
 * and `restore` says so.
 */
import type { Database, Tx } from "../../src/store/database.ts";

/** What a new database has. */
export interface Pristine {
  /** By table: its rows, as JSON. */
  readonly rows: ReadonlyMap<string, string>;
  readonly sequences: readonly Sequence[];
  readonly catalog: string;
}

interface Sequence {
  readonly name: string;
  readonly start: bigint;
  readonly last: bigint | null;
}

/** Everything but rows, in one word. An object that was made anew has another oid, or another xmin. */
const CATALOG = `
  with own as (
    select oid from pg_namespace
     where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_t(oast|emp)')
  select md5(string_agg(fact, ' ' order by fact)) as catalog from (
    select concat_ws('|', 'n', oid) as fact from own
    union all
    select concat_ws('|', 'c', c.oid, relname, relkind, relchecks, reloptions, relpersistence)
      from pg_class c where relnamespace in (select oid from own)
    union all
    select concat_ws('|', 'a', attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attisdropped)
      from pg_attribute where attrelid in (
        select c.oid from pg_class c where relnamespace in (select oid from own))
    union all
    select concat_ws('|', 'd', oid, xmin) from pg_attrdef
    union all
    select concat_ws('|', 'k', oid, xmin) from pg_constraint where connamespace in (select oid from own)
    union all
    select concat_ws('|', 'p', oid, xmin) from pg_proc where pronamespace in (select oid from own)
    union all
    select concat_ws('|', 't', oid, xmin) from pg_trigger
    union all
    select concat_ws('|', 's', setdatabase, setrole, setconfig) from pg_db_role_setting
     where setdatabase in (0, (select oid from pg_database where datname = current_database()))
  ) facts`;

/** Remembers what a new database has. */
export async function remember(database: Database): Promise<Pristine> {
  const rows = new Map<string, string>();
  for (const table of await listFilled(database)) {
    const [row] = await database.query<{ rows: string }>(
      `select json_agg(t)::text as rows from ${table} t`,
    );
    if (row) rows.set(table, row.rows);
  }
  return { rows, sequences: await listSequences(database), catalog: await readCatalog(database) };
}

/** Makes the database as it was when `pristine` was taken; says whether it could. Nobody else may use it. */
export async function restore(database: Database, pristine: Pristine): Promise<boolean> {
  if ((await readCatalog(database)) !== pristine.catalog) return false;
  const filled = await listFilled(database);
  await database.transaction(async (tx) => {
    // As a copy of the whole: no rule is asked about rows that were there before.
    await tx.query("set local session_replication_role = replica");
    for (const table of filled) await tx.query(`delete from ${table}`);
    for (const [table, rows] of pristine.rows) {
      await tx.query(
        `insert into ${table} overriding system value
         select * from json_populate_recordset(null::${table}, $1::text::json)`,
        [rows],
      );
    }
    for (const { name, start, last } of pristine.sequences) {
      await tx.query("select setval($1::text::regclass, $2, $3)", [
        name,
        last ?? start,
        last !== null,
      ]);
    }
  });
  return true;
}

async function readCatalog(tx: Tx): Promise<string> {
  const [row] = await tx.query<{ catalog: string }>(CATALOG);
  return row?.catalog ?? "";
}

/** The tables that have rows. */
async function listFilled(tx: Tx): Promise<string[]> {
  const tables = await tx.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const each = tables.map(
    ({ name }) => `select '${name}' as name where exists (select from ${name})`,
  );
  return (await tx.query<{ name: string }>(each.join(" union all "))).map(({ name }) => name);
}

async function listSequences(tx: Tx): Promise<Sequence[]> {
  return tx.query(
    `select format('%I.%I', schemaname, sequencename) as name, start_value as start, last_value as last
       from pg_sequences order by 1`,
  );
}
