/** A result that is handed in while the database is away for longer than it is tried to be taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectProvider } from "@guildhall/sdk";
import { until } from "../links/support.ts";
import { startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { startOwnPostgresql } from "../support/own-postgresql.ts";
import { asker, open, taskOf, worker } from "./support.ts";

const AWAY_MS = 6_000;

test("a result that the database was not there for is asked for again, and paid", async (t) => {
  const postgresql = await startOwnPostgresql(t);
  if (!postgresql) return;
  const hall = await startGuildhall(t, "postgresql", { DATABASE_URL: postgresql.url });
  const alice = await asker(hall);
  const bob = await worker(hall);
  let times = 0;
  let away: Promise<void> | undefined;
  const connection = connectProvider({
    ...{ url: hall.url, key: bob.member.key, agentId: bob.agentId },
    stakeMicrosMax: 10_000n,
    handlers: {
      async task(input) {
        times += 1;
        away ??= postgresql.away(AWAY_MS);
        // Until it is gone.
        await sleep(500);
        return { output: { echo: input } };
      },
    },
    backoff: { baseMs: 100, maxMs: 500 },
  });
  t.after(() => connection.stop({ drainMs: 0 }));
  await until(() => connection.state.kind === "online");
  const taskId = await open(alice, {
    ...{ target_providers: 1, required_stake: 9, verifier_method: "output_schema" },
    result_schema: { type: "object" },
  });
  await until(() => away !== undefined, 20_000);
  await away;
  await until(async () => (await taskOf(alice, taskId)).status === "completed", 20_000);
  assert.equal(times, 1, "it was done once");
  assert.equal((await balanceOf(bob.member)).available, 1_000_010);
  const verdict = await hall.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});
