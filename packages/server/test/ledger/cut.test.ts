/**
 * The line to the database is cut in the middle of a batch: it was done, or not, or is being done while
 * it is sent again. It is done once, and answered as it was done.
 */
import assert from "node:assert/strict";
import { connect as openSocket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createBooks } from "../../src/core/books.ts";
import type { Ledger } from "../../src/core/ledger.ts";
import type { Command, CommandOutcome } from "../../src/domain/command.ts";
import { type Database, databaseOver, openPostgresql } from "../../src/store/database.ts";
import {
  DATABASE_HOSTS,
  type DatabaseHost,
  isSkipped,
  testDatabaseUrl,
} from "../support/database.ts";
import { openTestConnections } from "../support/embedded-connections.ts";
import { type Cut, CutProxy } from "./cut-proxy.ts";
import { freshId, holdOf, opening, openLedger, openWallets, transferring } from "./support.ts";

const ROUNDS = process.env.GUILDHALL_TEST_LONG === "1" ? 20 : 1;
/** A batch as it travels has some 30 KB, its answer one. */
const TRIPLES = 70;
const WALLET_MICROS = 1_000n;

// biome-ignore format: read as a table
const CUTS: readonly (readonly [what: string, cut: Cut])[] = [
  ["before any of it is through",           { in: "question", bytes: 0 }],
  ["when half of it is through",            { in: "question", bytes: 15_000 }],
  ["as soon as the database has it",        { after: "question" }],
  ["while the database waits for a lock",   { when: "told" }],
  ["before any of the answer is through",   { in: "answer", bytes: 0 }],
  ["when half of the answer is through",    { in: "answer", bytes: 500 }],
];

for (const host of DATABASE_HOSTS) {
  test(`a line that is cut in the middle of a batch (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const place = await openPlace(t, host);
    for (const [what, cut] of CUTS) {
      await t.test(what, async (inner) => {
        for (let round = 0; round < ROUNDS; round++) await cutTwice(inner, place, cut);
      });
    }
    const { problems } = await createBooks({ database: place.direct }).verify({ isFull: true });
    assert.deepEqual(problems, []);
  });
}

interface Place {
  readonly proxy: CutProxy;
  /** Through the proxy. */
  readonly database: Database;
  readonly direct: Database;
}

async function openPlace(t: TestContext, host: DatabaseHost): Promise<Place> {
  if (host === "embedded") {
    const connections = await openTestConnections(t, 4);
    const proxy = await CutProxy.start(t, () => connections.host.stream());
    const database = databaseOver("embedded", { host: "127.0.0.1", port: proxy.port }, 2);
    t.after(() => database.close());
    return { proxy, database, direct: connections.database };
  }
  const url = new URL(await testDatabaseUrl(t));
  const direct = openPostgresql(url.href, 4);
  const target = { host: url.hostname, port: Number(url.port || 5432) };
  const proxy = await CutProxy.start(t, () => openSocket(target));
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  const database = openPostgresql(url.href, 2);
  t.after(() => Promise.all([database.close(), direct.close()]));
  return { proxy, database, direct };
}

/** A writer's first batch, of which the database knows nothing yet, and one that comes later. */
async function cutTwice(t: TestContext, place: Place, cut: Cut): Promise<void> {
  const { proxy, database, direct } = place;
  // One lane: what is cut is the batch that has them all.
  const ledger = openLedger(t, database, { lanes: 1 });
  const bank = openLedger(t, direct);
  for (let batch = 1; batch <= 2; batch++) {
    const [payer = "", payee = ""] = await openWallets(direct, bank, 2, WALLET_MICROS);
    const commands = makeBatch(payer, payee);
    // There is a line to be cut.
    await database.query("select $1::int as one", [1]);
    const cutsBefore = proxy.cuts;
    proxy.cutNext(cut);
    const answers =
      "when" in cut ? waitAndCut(place, ledger, commands, payer) : ask(ledger, commands);
    // A second doing would say that these are duplicates.
    const expected = commands.map((command) => answerTo(command, payer));
    assert.deepEqual(await answers, expected);
    assert.equal(proxy.cuts, cutsBefore + 1);
    assert.deepEqual(await readBatch(direct, payer), {
      ...{ posted: WALLET_MICROS - BigInt(TRIPLES), held: BigInt(TRIPLES) },
      ...{ works: BigInt(TRIPLES), tips: BigInt(TRIPLES) },
    });
  }
}

function makeBatch(payer: string, payee: string): Command[] {
  return Array.from({ length: TRIPLES }, (_, index) => [
    transferring(payer, payee, 1n, payer, String(index)),
    opening(holdOf(payer, freshId(), []), 1n),
    transferring(payer, payee, 2n * WALLET_MICROS, payer, `too much ${index}`),
  ]).flat();
}

function answerTo({ work, steps }: Command, payer: string): CommandOutcome {
  if (work) return { ok: true, version: 1, isDuplicate: false };
  const [step] = steps;
  assert.ok(step?.kind === "transfer");
  if (step.amountMicros === 1n) return { ok: true, version: 0, isDuplicate: false };
  return { ok: false, refusal: { code: "insufficient_funds", accountId: payer } };
}

function ask(ledger: Ledger, commands: readonly Command[]): Promise<CommandOutcome[]> {
  return Promise.all(commands.map((command) => ledger.commit(command)));
}

/** The batch meets a lock, loses its line, and is sent again while the first one still waits. */
async function waitAndCut(
  { proxy, direct }: Place,
  ledger: Ledger,
  commands: readonly Command[],
  payer: string,
): Promise<CommandOutcome[]> {
  let answers: Promise<CommandOutcome[]> | undefined;
  await direct.transaction(async (tx) => {
    await tx.query("select id from accounts where id = $1 for update", [payer]);
    answers = ask(ledger, commands);
    await proxy.asked;
    await untilWaiting(direct, 1);
    await proxy.cut();
    await untilWaiting(direct, 2);
  });
  return (await answers) ?? [];
}

/** On the embedded host a batch waits in front of the backend, where nobody can look. */
async function untilWaiting(database: Database, count: number): Promise<void> {
  for (let waiting = 0n; database.host === "postgresql" && waiting < count; await delay(5)) {
    const [row] = await database.query<{ waiting: bigint }>(
      `select count(*) as waiting from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
          and query like '%commit_commands%' and pid <> pg_backend_pid()`,
    );
    waiting = row?.waiting ?? 0n;
  }
}

async function readBatch(database: Database, payer: string): Promise<unknown> {
  const [row] = await database.query(
    `select a.posted_micros as posted, a.held_micros as held,
            (select count(*) from work w where w.workspace_id = a.id) as works,
            (select count(*) from transfers t where t.debit_id = a.id) as tips
       from accounts a where a.id = $1`,
    [payer],
  );
  return row;
}
