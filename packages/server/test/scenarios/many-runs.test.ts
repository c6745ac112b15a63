/** More runs than a server looks at more closely at a time: none of them hides another one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterTest } from "../support/cleanup.ts";
import type { Guildhall, Member } from "../support/guildhall.ts";
import { balanceOf, connect, invoke, register } from "../support/hire.ts";
import { startTwo } from "../support/two-servers.ts";

const MANY = 520;

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const givesUpAt = performance.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < givesUpAt, "it did not come to be in half a minute");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Hires somebody and does not wait for them: what was opened goes on. */
async function hireAndLeave(
  hall: Guildhall,
  { key }: Member,
  agentId: string,
  signal: AbortSignal,
): Promise<void> {
  const asked = { agent_id: agentId, capability: "echo", input: {}, timeout_seconds: 300 };
  await fetch(`${hall.url}/api/v1/invoke`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...asked, manifest: { intention: "a test" } }),
    signal,
  }).catch(() => undefined);
}

async function drivenBy(hall: Guildhall): Promise<number> {
  const page = await (await fetch(`${hall.url}/metrics`)).text();
  return Number(/^guildhall_runs_driven(?:\{[^}]*\})? (\d+)$/m.exec(page)?.[1]);
}

test("a run that only the database tells of is sent, however many are being done", async (t) => {
  const servers = await startTwo(t, "none");
  if (!servers) return;
  const [here, there] = servers;
  const seller = await there.member("seller@example.com");
  const alice = await here.member("alice@example.com");
  const busyId = await register(seller, "busy", 1);
  const quickId = await register(seller, "quick", 45);
  const begun = new Set<string>();
  const busy = {
    ...{ key: seller.key, agentId: busyId, concurrency: 1_000 },
    handler(_input: unknown, { runId }: { readonly runId: string }) {
      begun.add(runId);
      return new Promise<never>(() => undefined);
    },
  };
  await connect(t, there, busy);
  await connect(t, there, {
    ...{ key: seller.key, agentId: quickId },
    handler: (input) => ({ output: input }),
  });
  const leaving = new AbortController();
  afterTest(t, async () => leaving.abort());
  const hired = Array.from({ length: MANY }, () =>
    hireAndLeave(there, alice, busyId, leaving.signal),
  );
  await until(() => begun.size === MANY);
  leaving.abort();
  await Promise.all(hired);

  const { status, body } = await invoke(alice, quickId, { timeout_seconds: 20 });
  assert.equal(status, 200, JSON.stringify(body));

  // Its provider moves, and its runs with it: who drove them does so no longer.
  assert.equal(await drivenBy(there), MANY);
  const moved = await connect(t, here, busy);
  await until(async () => (await drivenBy(there)) === 0);
  assert.equal(await drivenBy(here), MANY);
  await moved.stop({ drainMs: 0 });
  await until(async () => (await balanceOf(alice)).escrowed === 0);
  assert.equal((await balanceOf(alice)).available, 1_000_000 - 45);
  const verdict = await here.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
});
