/** The database goes away in the middle: what was asked for is done once, and answered as it was done. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createBooks } from "../../src/core/books.ts";
import type { Ledger } from "../../src/core/ledger.ts";
import { Fault } from "../../src/domain/fault.ts";
import { createLog } from "../../src/lib/log.ts";
import { type Database, openPostgresql } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded/index.ts";
import { isSkipped, onEachHost, testDatabaseUrl, testDataDirectory } from "../support/database.ts";
import {
  freshId,
  holdOf,
  opening,
  openLedger,
  openWallets,
  settling,
  transferring,
} from "./support.ts";

const CALLERS = 32;
const LOAD_MS = 1_500;

test("connections that are ended under load cost nobody anything (postgresql)", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const url = await testDatabaseUrl(t);
  const killer = openDatabase(t, url);
  const database = openDatabase(t, url);
  const ended = await underLoad(t, database, async () => {
    const rows = await killer.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query like '%commit_commands%'`,
      [],
    );
    await delay(20);
    return rows.length;
  });
  assert.ok(ended > 0, `only ${ended} connections were ended`);
});

test("a database thread that is ended under load costs nobody anything (embedded)", async (t) => {
  const database = await openEmbedded({
    directory: await testDataDirectory(t),
    log: createLog("silent"),
    statementMsMax: 1_000,
  });
  t.after(() => database.close());
  const ended = await underLoad(t, database, async () => {
    // The host ends the thread on which this runs, and with it every connection.
    await assert.rejects(database.query("select pg_sleep($1)", [60]));
    return 1;
  });
  assert.ok(ended > 0);
});

onEachHost("callers are told when the database stays away", async (t, database) => {
  const ledger = openLedger(t, database, { patienceMs: 100 });
  const [payer = "", payee = ""] = await openWallets(database, ledger, 2, 1_000n);
  await database.close();
  const settled = await Promise.allSettled(
    ["one", "two"].map((name) => ledger.commit(transferring(payer, payee, 1n, "tip", name))),
  );
  for (const result of settled) {
    assert.ok(result.status === "rejected" && result.reason instanceof Fault);
    assert.equal(result.reason.code, "overloaded");
  }
});

/** Works while `disturb` is called again and again; how often it disturbed. */
async function underLoad(
  t: TestContext,
  database: Database,
  disturb: () => Promise<number>,
): Promise<number> {
  const ledger = openLedger(t, database);
  const wallets = await openWallets(database, ledger, 8, 10n ** 9n);
  const untilMs = performance.now() + LOAD_MS;
  let disturbances = 0;
  const disturbing = (async () => {
    while (performance.now() < untilMs) disturbances += await disturb();
  })();
  const worked = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) => workUntil(untilMs, ledger, wallets, caller)),
  );
  await disturbing;
  const done = worked.reduce((sum, count) => sum + count, 0);
  const [row] = await database.query<{ opened: bigint; paid: bigint }>(
    `select (select count(*) from work) as opened,
            (select count(*) from transfers where name = 'payment') as paid`,
  );
  assert.deepEqual(row, { opened: BigInt(done), paid: BigInt(done) });
  assert.deepEqual((await createBooks({ database }).verify({ isFull: true })).problems, []);
  return disturbances;
}

async function workUntil(
  untilMs: number,
  ledger: Ledger,
  wallets: readonly string[],
  caller: number,
): Promise<number> {
  const payer = wallets[caller % wallets.length] ?? "";
  const payee = wallets[(caller + 1) % wallets.length] ?? "";
  let done = 0;
  while (performance.now() < untilMs) {
    const hold = holdOf(payer, freshId(), []);
    for (const [version, command] of [opening(hold, 100n), settling(hold, payee, 90n)].entries()) {
      const outcome = await ledger.commit(command);
      assert.deepEqual(outcome, { ok: true, version: version + 1, isDuplicate: false });
    }
    done++;
  }
  return done;
}

function openDatabase(t: TestContext, url: string): Database {
  const database = openPostgresql(url, 4);
  t.after(() => database.close());
  return database;
}
