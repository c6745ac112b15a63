/**
 * A process with a ledger and nothing else, for tests that have two of it or kill it: `writer.ts <task>`.
 * Each line that it prints is something that it was told, or `asked` and the id of what it asks for.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createBooks } from "../../src/core/books.ts";
import { createLedger } from "../../src/core/ledger.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";
import { systemRandom as random } from "../../src/lib/random.ts";
import { openPostgresql } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { doWork, type Field, type Stage, workUntil } from "./load.ts";
import { watchErrors } from "./watch.ts";

export interface WriterTask {
  /** The URL of a PostgreSQL database, or a data directory. */
  readonly place: string;
  readonly field: Field;
  readonly callers: number;
  /** After so many works it closes in order and ends; without, it works until it is killed. */
  readonly works: number | undefined;
  /** What it finishes first: work that was asked for, and what was said about it. */
  readonly unanswered: readonly (readonly [string, Stage])[];
  /** Begins only when something comes in. */
  readonly waits: boolean;
}

const task: WriterTask = JSON.parse(process.argv[2] ?? "");
const log = createLog("silent");
const database = task.place.startsWith("postgres")
  ? openPostgresql(task.place)
  : await openEmbedded({ directory: task.place, log });
const watched = watchErrors(database, (code) => print("error", code));
const { problems } = await createBooks({ database }).verify({ isFull: true });
assert.deepEqual(problems, []);
const ledger = createLedger({ database: watched, clock, random, log });
print("ready", "");
if (task.waits) await once(process.stdin, "data");
await Promise.all(
  task.unanswered.map(([id, stage]) => doWork(ledger, task.field, id, print, stage)),
);
let left = task.works ?? Number.POSITIVE_INFINITY;
await workUntil(ledger, task.field, task.callers, () => left-- <= 0, print);
await ledger.close();
await database.close();
process.stdin.destroy();

/** Pipes are written at once: what was printed is read, however this process ends. */
function print(word: string, id: string): void {
  process.stdout.write(`${word} ${id}\n`);
}
