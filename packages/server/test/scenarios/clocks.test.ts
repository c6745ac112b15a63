/** Two servers on one database, the clock of one machine ahead of the database's and of the other behind it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isSkipped, testDatabaseUrl, testDataDirectory } from "../support/database.ts";
import { type Guildhall, startServer } from "../support/guildhall.ts";
import { invoke, sell } from "../support/hire.ts";
import { shiftedClock } from "../support/shifted-clock.ts";
import { at } from "../support/two-servers.ts";

/** Within what is tolerated. */
const OFF_MS = 1_900;
const WORK_MS = 3_000;

test("servers whose clocks differ agree about deadlines, and how long work took", async (t) => {
  if (await isSkipped(t, "postgresql")) return;
  const DATABASE_URL = await testDatabaseUrl(t);
  const [ahead, behind] = [
    await startShifted(t, DATABASE_URL, OFF_MS),
    await startShifted(t, DATABASE_URL, -OFF_MS),
  ];
  const alice = await ahead.member("alice@example.com");
  const durations = await Promise.all(
    [
      { sold: ahead, asked: behind },
      { sold: behind, asked: ahead },
    ].map(async ({ sold, asked }, index) => {
      const handler = async () => {
        await sleep(WORK_MS);
        return { output: {} };
      };
      const { agentId } = await sell(t, sold, { slug: `seller-${index}`, handler });
      const who = at(asked, alice);
      // The shortest deadline that there is.
      const { status, body } = await invoke(who, agentId, { timeout_seconds: 5 });
      assert.equal(status, 200, JSON.stringify(body));
      const receipt = await who.ask("GET", `/receipts/${body.receipt_id}`);
      return receipt.body.duration_ms as number;
    }),
  );
  for (const ms of durations) assert.ok(ms > WORK_MS - 500 && ms < 5_000, `${ms} ms`);
  const verdict = await ahead.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});

async function startShifted(t: TestContext, DATABASE_URL: string, ms: number): Promise<Guildhall> {
  return startServer(t, await testDataDirectory(t), {
    ...{ DATABASE_URL, GUILDHALL_SECRET_KEY: "a secret that both servers share, for tests" },
    ...shiftedClock(ms),
  });
}
