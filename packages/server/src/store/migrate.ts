/**
 * Applies the migrations: numbered, forward only, one idea each, the same files on both hosts.
 *
 *   1. One transaction and an advisory lock, so that of several processes starting at once one
 *      migrates and the others find it done.
 *   2. What was applied must be how the list of files begins, byte for byte. Anything else means
 *      that this database and this code have different pasts, and is refused before any change.
 *   3. The files that are missing are run in order, all of them or none.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Database, Tx } from "./database.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
/** An arbitrary number that is ours: the advisory lock that migrating processes queue on. */
const LOCK = 7_203_141;

export interface Migration {
  name: string;
  text: string;
  sha256: string;
}

interface Applied {
  name: string;
  sha256: string;
}

/** The database and this code do not have the same past. The message says what an operator can do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** The migrations that this code comes with, in the order in which they apply. */
export function listMigrations(): Migration[] {
  return readdirSync(fileURLToPath(FOLDER))
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => migrationOf(name, readFileSync(new URL(name, FOLDER), "utf8")));
}

/** A migration from its file's text. Line ends are made alike: git may have changed them. */
export function migrationOf(name: string, fileText: string): Migration {
  const text = fileText.replaceAll("\r\n", "\n");
  return { name, text, sha256: createHash("sha256").update(text).digest("hex") };
}

/**
 * Brings the database to what this code expects.
 *
 * @throws {MigrationError} when the database has other migrations than this code, or one fails.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = listMigrations(),
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock($1)", [LOCK]);
    await tx.query(
      `create table if not exists migrations(
         name       text collate "C" primary key,
         sha256     text not null,
         applied_at timestamptz not null
       )`,
    );
    const applied = await tx.query<Applied>("select name, sha256 from migrations order by name");
    requireSamePast(applied, migrations);
    for (const migration of migrations.slice(applied.length)) await apply(tx, migration);
  });
}

function requireSamePast(applied: readonly Applied[], migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.name));
  applied.forEach(({ name, sha256 }, index) => {
    if (!known.has(name)) {
      throw new MigrationError(
        `The database has had migration ${name}, which this version does not know: it was used ` +
          "by a newer version. Start that version, or restore a backup from before it.",
      );
    }
    const expected = migrations[index];
    if (expected?.name !== name) {
      throw new MigrationError(
        `Migration ${expected?.name} comes before ${name}, which was applied already. ` +
          "A new migration takes a number above all others.",
      );
    }
    if (expected.sha256 !== sha256) {
      throw new MigrationError(
        `Migration ${name} was changed after it had been applied here. Restore its text and put ` +
          "the change into a new migration.",
      );
    }
  });
}

async function apply(tx: Tx, { name, text, sha256 }: Migration): Promise<void> {
  try {
    await tx.script(text);
  } catch (error) {
    const { message, position } = error as { message: string; position?: string };
    const line = position ? text.slice(0, Number(position) - 1).split("\n").length : undefined;
    throw new MigrationError(`Migration ${name}${line ? `, line ${line}` : ""}: ${message}`, {
      cause: error,
    });
  }
  await tx.query(
    "insert into migrations(name, sha256, applied_at) values ($1, $2, statement_timestamp())",
    [name, sha256],
  );
}
