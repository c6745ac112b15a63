/**
 * A process with a ledger is killed under load, again and again, also while it starts. Each next one
 * starts at once and finds the books right; it asks again for what the last one had asked for and not
 * heard of. What was acknowledged is in the books for ever, and nothing is there twice.
 *
 * GUILDHALL_TEST_LONG=1 kills oftener, at instants of the day's own. The seed is printed.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { createBooks } from "../../src/core/books.ts";
import { createLog } from "../../src/lib/log.ts";
import { type Database, openPostgresql } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import {
  DATABASE_HOSTS,
  type DatabaseHost,
  isSkipped,
  testDatabaseUrl,
  testDataDirectory,
} from "../support/database.ts";
import { doWork, type Field, readStages, requireToldIsSo, STAGES, Told } from "./load.ts";
import { openLedger, openWallets } from "./support.ts";
import { startWriter } from "./writer-process.ts";

const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
const ROUNDS = IS_LONG ? 60 : 4;
const SEED = IS_LONG ? randomInt(2 ** 31) : 20_260_102;
/** Of so many rounds, one is killed while it starts. */
const STARTS_EACH = 4;
const START_MS_MAX = 800;
/** All others, after at most so many answers; and a little later, for an answer is no random instant. */
const ANSWERS_MAX = 1_000;
const LATER_MS_MAX = 20;
const CALLERS = 64;

for (const host of DATABASE_HOSTS) {
  test(`kill -9 of a writer, ${ROUNDS} rounds (${host})`, { timeout: 1_800_000 }, async (t) => {
    if (await isSkipped(t, host)) return;
    const place = await (host === "embedded" ? testDataDirectory(t) : testDatabaseUrl(t));
    const field = await withDatabase(host, place, async (database) => ({
      wallets: await openWallets(database, openLedger(t, database), 8, 10n ** 12n),
    }));
    const told = new Told();
    for (const [round, share] of sharesOf(SEED).entries()) {
      await killOne(t, place, field, told, { isStarting: round % STARTS_EACH === 3, share });
    }
    const [finished, unanswered] = [told.count("tipped"), told.unanswered().length];
    t.diagnostic(`seed ${SEED}: ${finished} works were done and ${unanswered} begun`);
    assert.ok(finished > ROUNDS && unanswered > 0, "there was no load");
    await withDatabase(host, place, (database) => conclude(t, database, field, told));
  });
}

/** How far into a round its process is killed, from 0 to 1. */
function sharesOf(seed: number): number[] {
  const shares = fc.integer({ min: 0, max: 2 ** 31 }).map((chance) => chance / 2 ** 31);
  return fc.sample(fc.noBias(shares), { seed, numRuns: ROUNDS });
}

async function killOne(
  t: TestContext,
  place: string,
  field: Field,
  told: Told,
  { isStarting, share }: { readonly isStarting: boolean; readonly share: number },
): Promise<void> {
  const unanswered = told.unanswered();
  const task = { place, field, callers: CALLERS, works: undefined, unanswered, waits: false };
  const writer = startWriter(t, task, told);
  if (isStarting) await delay(share * START_MS_MAX);
  else {
    await writer.answers(1 + share * ANSWERS_MAX);
    await delay(((share * ANSWERS_MAX) % 1) * LATER_MS_MAX);
  }
  writer.process.kill("SIGKILL");
  // Had it failed by itself, as for books that are wrong, this would be a code.
  assert.equal(await writer.ended, "SIGKILL");
}

async function conclude(
  t: TestContext,
  database: Database,
  field: Field,
  told: Told,
): Promise<void> {
  const found = new Map(await readStages(database));
  const lost = told.entries().filter(([id, stage]) => {
    const isAcknowledged = stage !== "asked";
    return isAcknowledged && STAGES.indexOf(found.get(id) ?? "asked") < STAGES.indexOf(stage);
  });
  assert.deepEqual(lost, [], "acknowledged, and not in the books");
  const ledger = openLedger(t, database);
  await Promise.all(
    told.unanswered().map(([id, stage]) => doWork(ledger, field, id, told.say, stage)),
  );
  await requireToldIsSo(database, told);
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
}

async function withDatabase<T>(
  host: DatabaseHost,
  place: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database =
    host === "postgresql"
      ? openPostgresql(place)
      : await openEmbedded({ directory: place, log: createLog("silent") });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
