/** A run engine as `app-core.ts` joins it, with a clock that is held and a ledger that can lose its database. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { createLedger } from "../../src/core/ledger.ts";
import { createRunEngine } from "../../src/core/run-engine.ts";
import { createWaiters } from "../../src/core/waiters.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Caller } from "../../src/domain/caller.ts";
import { createLog } from "../../src/lib/log.ts";
import { Outage } from "../../src/lib/outage.ts";
import { systemRandom as random } from "../../src/lib/random.ts";
import { LocalBus } from "../../src/outbound/bus/local.ts";
import type { Database } from "../../src/store/database.ts";
import { listEnded } from "../../src/store/run.ts";
import { addCaller } from "../sessions/world.ts";
import { HeldClock } from "./clock.ts";

export const FUNDS_MICROS = 1_000_000n;
export const PROCESS_ID = "engine";

/** `trouble` is what happens to the ledger's batches: nothing, or their answers or they themselves are lost. */
export async function openRunEngine(t: TestContext, database: Database) {
  const clock = new HeldClock();
  const log = createLog("silent");
  const bus = new LocalBus(log);
  const trouble: { lost: "nothing" | "answers" | "batches" } = { lost: "nothing" };
  const losing: Database = {
    ...database,
    async query(text, parameters) {
      const isBatch = text.includes("commit_commands");
      if (isBatch && trouble.lost === "batches") throw new Outage(new Error("lost"));
      const rows = await database.query(text, parameters);
      if (isBatch && trouble.lost === "answers") throw new Outage(new Error("lost"));
      return rows as never;
    },
  };
  const ledger = createLedger({ database: losing, clock, random, log, patienceMs: 100 });
  const waiters = createWaiters({ bus, log, listEnded: (ids) => listEnded(database, ids) });
  await database.query(
    "insert into processes(id, started_at, lease_until) values ($1, $2, '2100-01-01')",
    [PROCESS_ID, clock.now()],
  );
  const nothing = () => assert.fail("nobody asks for this");
  const links = {
    isNewest: async () => true,
    whereIs: async (): Promise<{ processId: string; epoch: number } | undefined> => undefined,
    hasEnded: async () => false,
  };
  const engine = createRunEngine({
    ...{ database, ledger, clock, random, log, bus, waiters, processId: PROCESS_ID },
    ...{ mayTakeOver: () => true, feeBasisPoints: 0, schemas: { problemsOf: nothing } },
    links,
    files: { check: async () => undefined, deliver: async (_: string, input: unknown) => input },
    metrics: { ended: () => undefined, step: () => undefined },
    models: {
      ...{ tieBreak: "least-loaded", outputTokens: 100, grantsAll: true },
      unpriced: { inputMicros: 0n, cachedMicros: 0n, outputMicros: 0n, requestMicros: 500n },
    },
    tasks: { executor: undefined, links: { urlOf: nothing, verify: nothing } },
    videos: { directory: {}, files: {}, upstreams: {} },
  } as never);
  t.after(async () => {
    await engine.close();
    waiters.stop();
    await ledger.close();
    await bus.close();
  });
  return { database, clock, engine, trouble, links };
}

/** Somebody with `FUNDS_MICROS`. */
export async function fundedCaller(database: Database, clock: HeldClock): Promise<Caller> {
  const caller = await addCaller(database, clock);
  const ledger = createLedger({ database, clock, random, log: createLog("silent") });
  const grant = {
    kind: "transfer",
    ...{ fromAccountId: HOUSE_ACCOUNTS.grant, amountMicros: FUNDS_MICROS },
    ...{ toAccountId: caller.workspaceId, reference: "grant", name: caller.workspaceId },
  } as const;
  const { ok } = await ledger.commit({ keyId: undefined, work: undefined, steps: [grant] });
  assert.ok(ok);
  await ledger.close();
  return caller;
}

export async function walletOf(database: Database, { workspaceId }: Caller) {
  const [row] = await database.query<{ posted: bigint; held: bigint }>(
    "select posted_micros as posted, held_micros as held from accounts where id = $1",
    [workspaceId],
  );
  return row ?? { posted: 0n, held: 0n };
}
