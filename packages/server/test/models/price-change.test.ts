/** A price that changes while a call is being opened, and the list of prices is just being read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../src/store/database.ts";
import { upsertModelPrice } from "../../src/store/model-price.ts";
import type { HeldClock } from "../support/clock.ts";
import { DATABASE_HOSTS, isSkipped, openTestDatabase } from "../support/database.ts";
import { fundedCaller, openRunEngine, walletOf } from "../support/run-engine.ts";
import { MODEL, ORDER, offerModel } from "./offered-model.ts";

for (const host of DATABASE_HOSTS) {
  test(`a call that is opened after its price changed is held for the new one, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const database = await openTestDatabase(t, host);
    const slow = slowPrices(database);
    const { clock, engine } = await openRunEngine(t, slow.database);
    const caller = await fundedCaller(database, clock);
    await offerModel(database, clock);
    await setPrice(database, clock, 900n);
    const before = await engine.calls.open(caller, ORDER);
    assert.equal((await walletOf(database, caller)).held, 900n);

    // Old enough to be read again, and young enough to be gone by meanwhile.
    clock.advance(1_500);
    slow.hold();
    await engine.directory.list();
    await slow.isHeld;
    await setPrice(database, clock, 100n);
    const opening = engine.calls.open(caller, ORDER);
    // By now it was refused for the price before, and wants to know the one of today.
    await sleep(300);
    slow.release();
    const call = await opening;
    assert.equal(call.rates.requestMicros, 100n);
    assert.equal((await walletOf(database, caller)).held, 1_000n, "what is open keeps its price");

    const ending = { end: "completed", phase: "after", usage: undefined, output: "1" } as const;
    assert.deepEqual(await Promise.all([before.end(ending), call.end(ending)]), [900n, 100n]);
    assert.equal((await walletOf(database, caller)).held, 0n);
  });
}

/** A database that tells prices late, once it is told to: as they were when it was asked. */
function slowPrices(database: Database) {
  const told = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let isSlow = false;
  return {
    isHeld: held.promise,
    hold: () => {
      isSlow = true;
    },
    release: () => told.resolve(),
    database: {
      ...database,
      async query(text: string, parameters?: readonly unknown[]) {
        const rows = await database.query(text, parameters);
        if (!isSlow || !text.includes("from model_prices")) return rows;
        isSlow = false;
        held.resolve();
        await told.promise;
        return rows;
      },
    } as Database,
  };
}

async function setPrice(database: Database, clock: HeldClock, requestMicros: bigint) {
  const free = { inputMicros: 0n, cachedMicros: 0n, outputMicros: 0n };
  await database.transaction((tx) =>
    upsertModelPrice(tx, { model: MODEL, ...free, requestMicros }, clock.now()),
  );
}
