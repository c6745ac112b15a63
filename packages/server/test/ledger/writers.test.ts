/**
 * Two ledgers on one database, in one process and in two, on the same hot account and budget: callers
 * of either notice nothing of the other but its spending.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createBooks } from "../../src/core/books.ts";
import type { Ledger } from "../../src/core/ledger.ts";
import type { Budget } from "../../src/domain/budget.ts";
import type { CommandOutcome } from "../../src/domain/command.ts";
import { type Database, databaseOver, openPostgresql } from "../../src/store/database.ts";
import { DATABASE_HOSTS, isSkipped, testDatabaseUrl } from "../support/database.ts";
import { openTestConnections } from "../support/embedded-connections.ts";
import {
  CAPTURED_MICROS,
  commandsOf,
  doWork,
  type Field,
  isUnderBudget,
  PRICE_MICROS,
  requireToldIsSo,
  Told,
  workUntil,
} from "./load.ts";
import {
  freshId,
  openBudget,
  openLedger,
  openWallets,
  requireOk,
  transferring,
} from "./support.ts";
import { watchErrors } from "./watch.ts";
import { startWriter } from "./writer-process.ts";

const WALLETS = 8;
/** So many of a ledger's callers work at a time, and so much they do. */
const CALLERS = 32;
const WORKS = 400;
const CROWD = 64;
const TURNS = 8;
/** Less than a third of what falls under it, so that there is a fight over what comes back. */
const PAID_FOR = 120n;
const LIMIT_MICROS = (PAID_FOR - 1n) * CAPTURED_MICROS + PRICE_MICROS + 7n;

for (const host of DATABASE_HOSTS) {
  test(`two ledgers, each with its own connections (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const pools = await (host === "embedded" ? openEmbeddedPools(t) : openPools(t));
    const [here, there] = pools;
    const { field, budget } = await openField(t, here);
    const told = new Told();
    const errors: string[] = [];
    const watched = pools.map((pool) => watchErrors(pool, (code) => errors.push(code)));
    const ledgers = watched.map((database) => openLedger(t, database));
    const isOver = Promise.all(
      ledgers.map(async (ledger) => {
        let left = WORKS;
        await workUntil(ledger, field, CALLERS, () => left-- <= 0, told.say);
      }),
    );
    await watchBudget(here, budget, isOver);
    const crowd = await openWallets(here, openLedger(t, here), CROWD, 1_000n);
    // Of two, one waits or none does. Where several wait, what they have locked is seen.
    const more = [...watched, ...watched].map((database) => openLedger(t, database));
    await Promise.all(more.map((ledger) => passAround(ledger, crowd)));
    assert.deepEqual(errors, [], "locks are taken in one order");
    await spendTheRest(t, there, field, told);
    await requireAllIsWell(here, budget, told);
    await askBoth(ledgers, field);
    assert.deepEqual((await createBooks({ database: here }).verify({ isFull: true })).problems, []);
  });
}

test("two processes", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const place = await testDatabaseUrl(t);
  const database = openPostgresql(place);
  t.after(() => database.close());
  const { field, budget } = await openField(t, database);
  const told = new Told();
  const task = { place, field, callers: CALLERS, works: WORKS, unanswered: [], waits: true };
  const writers = [startWriter(t, task, told), startWriter(t, task, told)];
  await Promise.all(writers.map(({ ready }) => ready));
  for (const writer of writers) writer.process.stdin?.end("begin\n");
  await watchBudget(database, budget, Promise.all(writers.map(({ ended }) => ended)));
  for (const writer of writers) {
    assert.equal(await writer.ended, 0, "each of its callers was answered");
    assert.deepEqual(writer.errors, [], "locks are taken in one order");
  }
  await spendTheRest(t, database, field, told);
  await requireAllIsWell(database, budget, told);
});

async function openPools(t: TestContext): Promise<[Database, Database]> {
  const url = await testDatabaseUrl(t);
  const pools: [Database, Database] = [openPostgresql(url, 4), openPostgresql(url, 4)];
  t.after(() => Promise.all(pools.map((pool) => pool.close())));
  return pools;
}

async function openEmbeddedPools(t: TestContext): Promise<[Database, Database]> {
  const { host, database } = await openTestConnections(t, 4);
  const other = databaseOver("embedded", { stream: () => host.stream() }, 4);
  t.after(() => other.close());
  return [database, other];
}

async function openField(
  t: TestContext,
  database: Database,
): Promise<{ field: Field; budget: Budget }> {
  const ledger = openLedger(t, database);
  const wallets = await openWallets(database, ledger, WALLETS, 10n ** 9n);
  const budget = await openBudget(ledger, LIMIT_MICROS);
  return { field: { wallets, budgetId: budget.id }, budget };
}

/** Looks at the budget again and again: at no moment is it overshot. */
async function watchBudget(
  database: Database,
  { id, limitMicros }: Budget,
  isOver: Promise<unknown>,
): Promise<void> {
  const over = isOver.then(() => true);
  const look = async () => {
    const [row] = await database.query<{ used: bigint }>(
      "select held_micros + spent_micros as used from budgets where id = $1",
      [id],
    );
    assert.ok(row && row.used <= limitMicros, `${row?.used} of ${limitMicros}`);
    return false;
  };
  while (!(await Promise.race([over, look()])));
}

/** One after the other, so that each finds all the room there is. */
async function spendTheRest(
  t: TestContext,
  database: Database,
  field: Field,
  told: Told,
): Promise<void> {
  assert.ok(told.count("refused") > 0, "there was room for all");
  const ledger = openLedger(t, database);
  for (const before = told.count("refused"); told.count("refused") === before; ) {
    const id = freshId();
    if (isUnderBudget(id)) await doWork(ledger, field, id, told.say);
  }
}

async function requireAllIsWell(database: Database, { id }: Budget, told: Told): Promise<void> {
  await requireToldIsSo(database, told);
  const underBudget = told.entries().filter(([work]) => isUnderBudget(work));
  const admitted = underBudget.filter(([, stage]) => stage !== "refused").length;
  assert.equal(admitted, Number(PAID_FOR));
  const [row] = await database.query(
    "select held_micros as held, spent_micros as spent from budgets where id = $1",
    [id],
  );
  assert.deepEqual(row, { held: 0n, spent: PAID_FOR * CAPTURED_MICROS });
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
}

/** From anybody to anybody, so that two batches have some wallets in common and no hot one first. */
async function passAround(ledger: Ledger, crowd: readonly string[]): Promise<void> {
  await Promise.all(
    Array.from({ length: crowd.length }, async () => {
      for (let turn = 0; turn < TURNS; turn++) {
        const id = freshId();
        const chance = Number.parseInt(id.slice(-6), 16);
        const [from, to] = [crowd[chance % crowd.length], crowd[(chance >> 8) % crowd.length]];
        if (from === undefined || to === undefined || from === to) continue;
        requireOk(await ledger.commit(transferring(from, to, 1n, "turn", id)));
      }
    }),
  );
}

/** The same of both at once, in opposite orders: one of them does it, and the other says so. */
async function askBoth(ledgers: readonly Ledger[], { wallets }: Field): Promise<void> {
  const ids = Array.from({ length: 200 }, freshId);
  for (const step of ["open", "tip"] as const) {
    const answers = await Promise.all(
      ledgers.map(async (ledger, index) => {
        const commands = ids.map((id) => commandsOf({ wallets }, id)[step]);
        const ordered = index === 0 ? commands : commands.toReversed();
        const outcomes = await Promise.all(ordered.map((command) => ledger.commit(command)));
        return index === 0 ? outcomes : outcomes.toReversed();
      }),
    );
    const [first = [], second = []] = answers.map((outcomes) => outcomes.map(isDone));
    assert.deepEqual(
      first,
      second.map((is) => !is),
    );
  }
}

function isDone(outcome: CommandOutcome): boolean {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return !outcome.isDuplicate;
}
