/**
 * A process with an embedded database, for tests that kill it: `embedded-child.ts <directory> <task>`.
 * Each line that it prints is something that it knows to be so.
 */
import assert from "node:assert/strict";
import { createLog } from "../../src/lib/log.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";

const WRITERS = 8;
const MEGABYTE = 1024 * 1024;

const [directory, task, argument] = process.argv.slice(2);
assert(directory, "which directory?");
const database = await openEmbedded({ directory, log: createLog("silent") });
say("open");

if (task === "insert") await insertForEver();
else if (task === "write") await writeLog(Number(argument));

/** Says each row's id once it is committed: half of them as statements, half in transactions. */
async function insertForEver(): Promise<never> {
  await database.query("create table acknowledged(id int primary key)");
  let next = 0;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (;;) {
      const id = next++;
      const statement = "insert into acknowledged values ($1)";
      if (writer % 2 === 0) await database.query(statement, [id]);
      else await database.transaction((tx) => tx.query(statement, [id]));
      say(String(id));
    }
  });
  await Promise.all(writers);
  throw new Error("unreachable");
}

/** Writes so much to the write-ahead log, and to a table that is rewritten all the time. */
async function writeLog(megabytes: number): Promise<void> {
  await database.query("create table hot(id int primary key, filler text)");
  await database.query("insert into hot select id, '' from generate_series(1, 1000) as id");
  const filler = "x".repeat(MEGABYTE);
  for (let written = 0; written < megabytes; written++) {
    await database.query("select pg_logical_emit_message(true, 'test', $1::text)", [filler]);
    await database.query("update hot set filler = $1::text", [String(written)]);
    say("more");
  }
  say("written");
  // To be killed, not to close in order.
  setInterval(() => undefined, 1_000);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
