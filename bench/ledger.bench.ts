/**
 * The ledger's group commit beside the same function with batches of one: `npm run bench -- ledger`.
 *
 * Two workloads, every one touching one hot account, 256 callers: bare transfers, and work that is
 * opened with its hold under one budget and settled. Both hosts; the disk is waited for on both sides.
 * The baseline is the best of 1, 4 and 16 connections (the embedded host has one backend). Three
 * alternating rounds, medians; afterwards every acknowledged id is in the books, and they verify.
 *
 *   npm run bench -- ledger [--host embedded|postgresql] [--seconds 2]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createBooks } from "../packages/server/src/core/books.ts";
import { budgetId, createLedger, type Ledger } from "../packages/server/src/core/ledger.ts";
import { systemClock as clock } from "../packages/server/src/lib/clock.ts";
import { createLog } from "../packages/server/src/lib/log.ts";
import { newId, systemRandom as random } from "../packages/server/src/lib/random.ts";
import { type Database, openPostgresql } from "../packages/server/src/store/database.ts";
import { openEmbedded } from "../packages/server/src/store/embedded/index.ts";
import { migrate } from "../packages/server/src/store/migrate.ts";
import { type Field, prepareField, WORKLOADS, type WorkloadName } from "./support/ledger-work.ts";
import { load, type Measured, medianRound } from "./support/load.ts";

const SERVER = process.env.TEST_DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
const CALLERS = 256;
const ROUNDS = 3;
/** Long enough for both ends to have compiled what they do often, the embedded engine among them. */
const WARM_UP_SECONDS = 2;
const SINGLE_CONNECTIONS = { embedded: [1], postgresql: [1, 4, 16] } as const;
const { values } = parseArgs({
  options: { host: { type: "string" }, seconds: { type: "string", default: "2" } },
});
const SECONDS = Number(values.seconds);

type Host = Database["host"];
interface Outcome {
  readonly ratio: number;
  readonly group: Measured;
  readonly single: Measured;
  readonly bytes: number;
}

await main();

async function main(): Promise<void> {
  const ratios: Record<string, number | null> = {};
  const figures: Record<string, unknown> = {};
  for (const host of ["postgresql", "embedded"] as const) {
    for (const name of ["hot", "hold"] as const) {
      const isWanted = values.host === undefined || values.host === host;
      const outcome = isWanted && (await isThere(host)) ? await compare(host, name) : undefined;
      ratios[`${host}_${name}`] = outcome ? round(outcome.ratio) : null;
      if (!outcome) continue;
      figures[`${host}_${name}_per_second`] = Math.round(outcome.group.perSecond);
      figures[`${host}_${name}_single_per_second`] = Math.round(outcome.single.perSecond);
      figures[`${host}_${name}_p50_ms`] = round(outcome.group.p50Ms);
      figures[`${host}_${name}_p99_ms`] = round(outcome.group.p99Ms);
      figures[`${host}_${name}_bytes`] = outcome.bytes;
    }
  }
  figures.memory_mb = Math.round(process.memoryUsage().rss / 1e6);
  console.log(JSON.stringify({ bench: "ledger", ratios, figures }));
  process.exit(0);
}

async function isThere(host: Host): Promise<boolean> {
  if (host === "embedded") return true;
  const server = openPostgresql(SERVER, 1);
  try {
    await server.query("select 1 as one");
    return true;
  } catch {
    console.log("no PostgreSQL: its figures are null");
    return false;
  } finally {
    await server.close();
  }
}

async function compare(host: Host, name: WorkloadName): Promise<Outcome> {
  const group: Measured[] = [];
  const singles = new Map<number, Measured[]>();
  let bytes = 0;
  for (let turn = 1; turn <= ROUNDS; turn++) {
    const grouped = await measure(host, name, undefined);
    group.push(grouped.rate);
    bytes = grouped.bytes;
    for (const connections of SINGLE_CONNECTIONS[host]) {
      const { rate } = await measure(host, name, connections);
      singles.set(connections, [...(singles.get(connections) ?? []), rate]);
    }
  }
  const best = [...singles].map(([connections, rates]) => ({
    connections,
    rate: medianRound(rates),
  }));
  best.sort((a, b) => b.rate.perSecond - a.rate.perSecond);
  const single = best[0]?.rate ?? medianRound(group);
  const rate = medianRound(group);
  const ratio = rate.perSecond / single.perSecond;
  console.log(
    `${host} ${name}: ${Math.round(rate.perSecond)}/s together (p50 ${rate.p50Ms.toFixed(1)}, p99 ` +
      `${rate.p99Ms.toFixed(1)} ms), ${Math.round(single.perSecond)}/s one by one ` +
      `(${best[0]?.connections} connections): ${ratio.toFixed(1)} times; ${bytes} bytes each`,
  );
  return { ratio, group: rate, single, bytes };
}

/** One round on a database of its own. `connections` is set for batches of one. */
async function measure(host: Host, name: WorkloadName, connections: number | undefined) {
  const place = await openPlace(host, connections ?? 2);
  const { database } = place;
  try {
    await migrate(database);
    await proveDurability(database);
    const ledgers = Array.from({ length: connections ?? 1 }, () =>
      newLedger(database, connections),
    );
    const field = await prepareField(database, ledgers[0] as Ledger, {
      newId: () => newId(clock, random),
      now: () => clock.now(),
      budgetId,
    });
    const call = async (caller: number) => {
      const ledger = ledgers[caller % ledgers.length] as Ledger;
      field.acknowledged.push(await WORKLOADS[name](ledger, field));
    };
    await load(CALLERS, WARM_UP_SECONDS, call);
    const before = await sizeOf(database);
    const warm = field.acknowledged.length;
    const rate = await load(CALLERS, SECONDS, call);
    const done = field.acknowledged.length - warm;
    const bytes = Math.round(Number((await sizeOf(database)) - before) / done || 0);
    await requireAll(database, field);
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    return { rate, bytes };
  } finally {
    await place.close();
  }
}

function newLedger(database: Database, connections: number | undefined): Ledger {
  return createLedger({
    ...{ database, clock, random, log: createLog("error") },
    ...(connections !== undefined && { commandsMax: 1 }),
  });
}

/** The embedded host proves at its start that a commit reaches the disk; PostgreSQL says so. */
async function proveDurability(database: Database): Promise<void> {
  for (const [name, wanted] of [
    ["fsync", "on"],
    ["synchronous_commit", "on"],
  ]) {
    const [row] = await database.query<{ value: string }>("select current_setting($1) as value", [
      name,
    ]);
    if (row?.value !== wanted) throw new Error(`${name} is ${row?.value}: nothing would be proven`);
  }
}

async function requireAll(database: Database, field: Field): Promise<void> {
  const ids = field.acknowledged;
  const [row] = await database.query<{ found: bigint }>(
    // A bare transfer is named by its id, a work's transfers refer to it.
    `select count(*) as found from unnest($1::text[]) u(id)
      where exists (select 1 from transfers t where t.reference = 'tip' and t.name = u.id)
         or exists (select 1 from transfers t where t.reference = u.id and t.name = 'payment')`,
    [ids],
  );
  if (Number(row?.found) !== ids.length) {
    throw new Error(`${ids.length} were acknowledged and ${row?.found} are in the books`);
  }
  const verdict = await createBooks({ database }).verify();
  if (!verdict.ok) throw new Error(verdict.problems.join("\n"));
}

async function sizeOf(database: Database): Promise<bigint> {
  const [row] = await database.query<{ bytes: bigint }>(
    `select sum(pg_total_relation_size(c.oid))::bigint as bytes from pg_class c
      where c.relname in ('transfers', 'holds', 'work')`,
  );
  return row?.bytes ?? 0n;
}

async function openPlace(host: Host, connections: number) {
  if (host === "embedded") {
    const directory = mkdtempSync(join(tmpdir(), "guildhall-bench-"));
    const database = await openEmbedded({ directory, log: createLog("error") });
    return {
      database,
      async close() {
        await database.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  }
  const server = openPostgresql(SERVER, 1);
  const name = `guildhall_bench_${process.pid}`;
  await server.script(`drop database if exists ${name} with (force)`);
  await server.script(`create database ${name}`);
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  const database = openPostgresql(url.href, connections);
  return {
    database,
    async close() {
      await database.close();
      await server.script(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
