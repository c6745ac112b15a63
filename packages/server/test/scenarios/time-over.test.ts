/** Runs whose time is over: whoever works on one may forget it once that is in the books, and not before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addAgent, addCaller } from "../sessions/world.ts";
import { DATABASE_HOSTS, isSkipped, openTestDatabase } from "../support/database.ts";
import {
  FUNDS_MICROS,
  fundedCaller,
  openRunEngine,
  PROCESS_ID,
  walletOf,
} from "../support/run-engine.ts";

const PRICE = {
  kind: "tiers",
  tiers: [{ name: "standard", quality: undefined, shape: "per_call", amountMicros: 1_000n }],
} as const;

for (const host of DATABASE_HOSTS) {
  test(`whoever works is told that time is over when that is written down, on ${host}`, async (t) => {
    if (await isSkipped(t, host)) return;
    const database = await openTestDatabase(t, host);
    const { clock, engine, trouble, links } = await openRunEngine(t, database);
    const told: string[] = [];
    engine.setDispatcher({
      holds: () => true,
      offer: ({ runId }) => told.push(`offer ${runId}`) > 0,
      cancel: (_agentId, runId) => told.push(`cancel ${runId}`),
    });
    links.whereIs = async () => ({ processId: PROCESS_ID, epoch: 1 });
    const caller = await fundedCaller(database, clock);
    const agentId = await addAgent(database, clock, await addCaller(database, clock), PRICE);
    const { run } = await engine.runs.start(caller, {
      ...{ agentId, capability: "chat", input: {}, manifest: {}, manifestId: undefined },
      ...{ maxMicros: undefined, timeoutSeconds: 5, chainId: undefined, referredBy: undefined },
      idempotencyKey: undefined,
    });
    assert.deepEqual(told.splice(0), [`offer ${run.id}`]);

    clock.advance(5_001);
    trouble.lost = "batches";
    await engine.sweeper.sweep();
    assert.deepEqual(told, [], "a server that comes back would offer it to somebody who forgot it");
    trouble.lost = "nothing";
    await engine.sweeper.sweep();
    assert.deepEqual(told, [`cancel ${run.id}`]);
    assert.equal((await engine.runs.require(caller, run.id)).fault?.code, "deadline_exceeded");
    assert.deepEqual(await walletOf(database, caller), { posted: FUNDS_MICROS, held: 0n });
  });
}
