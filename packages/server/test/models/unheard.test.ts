/** A call whose opening was done, and never heard of: the database went away before it could say so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../../src/domain/fault.ts";
import { DATABASE_HOSTS, isSkipped, openTestDatabase } from "../support/database.ts";
import { FUNDS_MICROS, fundedCaller, openRunEngine, walletOf } from "../support/run-engine.ts";
import { ORDER, offerModel } from "./offered-model.ts";

for (const host of DATABASE_HOSTS) {
  test(`a call that was opened unheard is given back after a minute, and not before, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const database = await openTestDatabase(t, host);
    const { clock, engine, trouble } = await openRunEngine(t, database);
    const caller = await fundedCaller(database, clock);
    await offerModel(database, clock);
    const wallet = () => walletOf(database, caller);

    const heard = await engine.calls.open(caller, ORDER);
    const { held } = await wallet();
    assert.ok(held > 0n);
    trouble.lost = "answers";
    const opening = engine.calls.open(caller, ORDER);
    await assert.rejects(opening, (error) => error instanceof Fault && error.code === "overloaded");
    trouble.lost = "nothing";
    assert.deepEqual(await wallet(), { posted: FUNDS_MICROS, held: held * 2n }, "it was done");

    clock.advance(59_000);
    await engine.sweeper.sweep();
    assert.equal((await wallet()).held, held * 2n, "whoever opened it may still be about to hear");
    clock.advance(2_000);
    await engine.sweeper.sweep();
    assert.equal((await wallet()).held, held, "what was heard of goes on, however old");
    await heard.end({ end: "completed", phase: "after", usage: USAGE, output: "1" });
    assert.deepEqual(await wallet(), { posted: FUNDS_MICROS - 500n, held: 0n });
  });
}

const USAGE = { inputTokens: 1, cachedTokens: 0, outputTokens: 1 };
