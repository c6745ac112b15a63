/**
 * Databases for tests: fresh, migrated, on every host that this machine has, gone after the test.
 *
 * Migrating takes longer than most tests, so each host has a template, migrated once for a set of
 * migrations and copied for a test. Test processes run at the same time; whoever comes first builds.
 * Starting takes longer than most tests as well, so a database is put back as it was (`pristine.ts`) and
 * used by the next test of the file, unless a test changed more than rows.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { constants, existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createLog } from "../../src/lib/log.ts";
import { type Database, databaseOver, openPostgresql } from "../../src/store/database.ts";
import { EmbeddedHost } from "../../src/store/embedded/host.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { listMigrations, type Migration, migrate } from "../../src/store/migrate.ts";
import { afterTest } from "./cleanup.ts";
import { type Pristine, remember, restore } from "./pristine.ts";

export type DatabaseHost = Database["host"];
/** A host, or whichever is there, for what does not care what database is behind it. */
export type WantedHost = DatabaseHost | "any";

export const DATABASE_HOSTS: readonly DatabaseHost[] = ["embedded", "postgresql"];
const SERVER_URL = process.env.TEST_DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
/** A template is unused once the migrations moved on; a test database, when its process was killed. */
const TEMPLATE_AGE_SECONDS_MAX = 86_400;
const DATABASE_AGE_SECONDS_MAX = 3_600;
const STATEMENT_MS_MAX = 60_000;
/** An arbitrary number that is ours: the advisory lock that builders of a template queue on. */
const TEMPLATE_LOCK = 7_203_142;

/** What is migrated has this name in the names of templates. */
function hashOf(migrations: readonly Migration[], engine = ""): string {
  const hash = createHash("sha256").update(engine);
  for (const { name, sha256 } of migrations) hash.update(`${name} ${sha256}\n`);
  return hash.digest("hex").slice(0, 12);
}

/** Registers one test a host. Where a host is missing, its test is reported as skipped. */
export function onEachHost(
  name: string,
  work: (t: TestContext, database: Database) => Promise<void> | void,
): void {
  for (const host of DATABASE_HOSTS) {
    test(`${name} (${host})`, async (t) => {
      if (await isSkipped(t, host)) return;
      await work(t, await openTestDatabase(t, host));
    });
  }
}

/**
 * True, and the test is reported as skipped, where the host is missing. With `REQUIRE_SERVICES=1`
 * a missing host fails the test instead.
 */
export async function isSkipped(t: TestContext, host: DatabaseHost): Promise<boolean> {
  if (host === "embedded" || process.env.REQUIRE_SERVICES === "1") return false;
  isServerUp ??= doesServerAnswer();
  const answers = await isServerUp;
  if (!answers) t.skip(`no PostgreSQL at ${new URL(SERVER_URL).host} (TEST_DATABASE_URL)`);
  return !answers;
}

/** Any host is PostgreSQL where there is one: the embedded one takes a second of processor time to start. */
export async function hostOf(wanted: WantedHost): Promise<DatabaseHost> {
  if (wanted !== "any") return wanted;
  isServerUp ??= doesServerAnswer();
  return (await isServerUp) ? "postgresql" : "embedded";
}

let isServerUp: Promise<boolean> | undefined;

async function doesServerAnswer(): Promise<boolean> {
  try {
    await onServer((server) => server.query("select 1"));
    return true;
  } catch {
    return false;
  }
}

/** A fresh, migrated database, as the next test finds it again. */
export async function openTestDatabase(t: TestContext, wanted: WantedHost): Promise<Database> {
  const host = await hostOf(wanted);
  const place = spare[host].pop() ?? (await newPlace(host));
  const database = place.connect(CONNECTIONS_MAX);
  afterTest(t, async () => {
    await database.close();
    await putBack(host, place);
  });
  return database;
}

/** Where a database is, for any number of uses, one after the other. */
interface Place {
  readonly pristine: Pristine;
  /** For servers that run as child processes. */
  readonly url: string | undefined;
  connect(connectionsMax: number): Database;
  remove(): Promise<void>;
}

/** As many as a server has. */
const CONNECTIONS_MAX = 8;
const spare: Record<DatabaseHost, Place[]> = { embedded: [], postgresql: [] };

after(async () => {
  const places = [...spare.embedded.splice(0), ...spare.postgresql.splice(0)];
  await Promise.all(places.map((place) => place.remove()));
});

async function newPlace(host: DatabaseHost): Promise<Place> {
  const place = await (host === "embedded" ? newEmbedded() : newPostgresql());
  return { ...place, pristine: await once(place, remember) };
}

/** Kept for the next test where it is like new again, whatever the last one left. */
async function putBack(host: DatabaseHost, place: Place): Promise<void> {
  let isLikeNew = false;
  try {
    isLikeNew = await once(place, (database) => restore(database, place.pristine));
  } finally {
    if (isLikeNew) spare[host].push(place);
    else await place.remove();
  }
}

async function once<T>(
  place: Pick<Place, "connect">,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = place.connect(1);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function newPostgresql(): Promise<Omit<Place, "pristine">> {
  const name = await createDatabase();
  const url = databaseUrl(name);
  return {
    url,
    connect: (connectionsMax) => openPostgresql(url, connectionsMax),
    remove: () => dropDatabase(name),
  };
}

async function newEmbedded(): Promise<Omit<Place, "pristine">> {
  const directory = await newDataDirectory();
  const host = await EmbeddedHost.start({
    directory: join(directory, "database"),
    log: createLog("silent"),
    statementMsMax: STATEMENT_MS_MAX,
  });
  return {
    url: undefined,
    connect: (connectionsMax) =>
      databaseOver("embedded", { stream: () => host.stream() }, connectionsMax),
    async remove() {
      await host.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The URL of a fresh, migrated PostgreSQL database, for servers that run as child processes. */
export async function testDatabaseUrl(t: TestContext): Promise<string> {
  const place = spare.postgresql.pop() ?? (await newPlace("postgresql"));
  assert(place.url);
  const { pathname } = new URL(place.url);
  afterTest(t, async () => {
    await endSessions(pathname.slice(1));
    await putBack("postgresql", place);
  });
  return place.url;
}

/** Of a server that was killed, the database goes on with what was under way, and notices it later. */
async function endSessions(name: string): Promise<void> {
  await onServer(async (server) => {
    const isOver = async () => {
      const rows = await server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        [name],
      );
      return rows.length === 0;
    };
    while (!(await isOver())) await new Promise((resolve) => setTimeout(resolve, 5));
  });
}

async function createDatabase(): Promise<string> {
  postgresqlTemplate ??= findOrBuildTemplate();
  const template = await postgresqlTemplate;
  const name = newTestName();
  await onServer((server) => server.query(`create database ${name} template ${template}`));
  return name;
}

async function dropDatabase(name: string): Promise<void> {
  await onServer((server) => server.query(`drop database if exists ${name} with (force)`));
}

/** A fresh data directory with a migrated embedded database in it, removed after the test. */
export async function testDataDirectory(t: TestContext): Promise<string> {
  const directory = await newDataDirectory();
  afterTest(t, () => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** An empty directory, removed after the test. */
export async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "guildhall-test-"));
  afterTest(t, () => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function newDataDirectory(): Promise<string> {
  embeddedTemplate ??= findOrBuildDirectory();
  const directory = await mkdtemp(join(tmpdir(), "guildhall-test-"));
  // Where the file system can, a copy shares its blocks with the original.
  await cp(await embeddedTemplate, directory, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
  return directory;
}

let embeddedTemplate: Promise<string> | undefined;

async function findOrBuildDirectory(): Promise<string> {
  const migrations = listMigrations();
  const name = `guildhall-template-${hashOf(migrations, engineVersion())}`;
  const template = join(tmpdir(), name);
  if (existsSync(template)) return template;
  await removeLeftovers();
  const unfinished = await mkdtemp(join(tmpdir(), "guildhall-test-"));
  const database = await openEmbedded({ directory: unfinished, log: createLog("silent") });
  await migrate(database, migrations).finally(() => database.close());
  try {
    await rename(unfinished, template);
  } catch {
    // Another process was faster; its template is as good.
    await rm(unfinished, { recursive: true, force: true });
  }
  return template;
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, kind] = /^guildhall-(template|test)-/.exec(name) ?? [];
    if (!kind) continue;
    const path = join(tmpdir(), name);
    const ageMax = kind === "template" ? TEMPLATE_AGE_SECONDS_MAX : DATABASE_AGE_SECONDS_MAX;
    const modifiedMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - modifiedMs < ageMax * 1000) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Changes with the engine and with how this code makes a database. */
function engineVersion(): string {
  const engine = fileURLToPath(import.meta.resolve("@electric-sql/pglite"));
  const manifest = readFileSync(join(engine, "../../package.json"), "utf8");
  const source = new URL("../../src/store/embedded/engine.ts", import.meta.url);
  return manifest + readFileSync(source, "utf8");
}

let postgresqlTemplate: Promise<string> | undefined;

async function findOrBuildTemplate(): Promise<string> {
  const migrations = listMigrations();
  const hash = hashOf(migrations);
  return onServer(async (server) => {
    // Held by this one connection, which ends with `onServer`.
    await server.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    await dropLeftovers(server);
    const [found] = await server.query<{ datname: string }>(
      "select datname from pg_database where datname ~ ('^guildhall_template_[0-9]+_' || $1::text)",
      [hash],
    );
    if (found) return found.datname;

    // Under its final name only once it is whole: a builder may be killed.
    const unfinished = newTestName();
    const template = `guildhall_template_${unixSeconds()}_${hash}`;
    await server.query(`create database ${unfinished}`);
    const database = openPostgresql(databaseUrl(unfinished), 1);
    await migrate(database, migrations).finally(() => database.close());
    await server.query(`alter database ${unfinished} rename to ${template}`);
    return template;
  });
}

async function dropLeftovers(server: Database): Promise<void> {
  const rows = await server.query<{ datname: string }>(
    "select datname from pg_database where datname ~ '^guildhall_(template|test)_[0-9]+_'",
  );
  for (const { datname } of rows) {
    const [, kind, createdAt] = datname.split("_");
    const ageMax = kind === "template" ? TEMPLATE_AGE_SECONDS_MAX : DATABASE_AGE_SECONDS_MAX;
    if (unixSeconds() - Number(createdAt) < ageMax) continue;
    await server.query(`drop database if exists ${datname} with (force)`);
  }
}

function newTestName(): string {
  return `guildhall_test_${unixSeconds()}_${randomBytes(6).toString("hex")}`;
}

function databaseUrl(name: string): string {
  const url = new URL(SERVER_URL);
  url.pathname = `/${name}`;
  return url.href;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** What concerns whole databases, on a connection of its own. */
async function onServer<T>(work: (server: Database) => Promise<T>): Promise<T> {
  const server = openPostgresql(SERVER_URL, 1);
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}
