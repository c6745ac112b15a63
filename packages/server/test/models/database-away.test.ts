/** Answers under way at two servers while the database is away for longer than their leases last. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { LEASE_MS } from "../../src/core/process.ts";
import { openPostgresql } from "../../src/store/database.ts";
import { until } from "../links/support.ts";
import { emptyDirectory } from "../support/database.ts";
import { startServer } from "../support/guildhall.ts";
import { startOwnPostgresql } from "../support/own-postgresql.ts";
import { startModelWorld } from "./support.ts";

const CALLS_EACH = 4;

test("a database that was away ends no call of a server that lives", async (t) => {
  const postgresql = await startOwnPostgresql(t);
  if (!postgresql) return;
  const shared = {
    DATABASE_URL: postgresql.url,
    GUILDHALL_SECRET_KEY: "a secret that both servers share, for tests",
  };
  const world = await startModelWorld(t, "postgresql", shared);
  const other = await startServer(t, await emptyDirectory(t), shared);
  const leaving = new AbortController();
  const heard: string[] = [];
  const ask = async ({ url }: { readonly url: string }) => {
    const { body } = await request(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${world.member.key}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        ...{ model: "oa/slow", stream: true },
        messages: [{ role: "user", content: "Hello!" }],
      }),
      signal: leaving.signal,
    });
    for await (const bytes of body) heard.push(String(bytes));
  };
  const servers = [world.hall, other].flatMap((hall) => new Array(CALLS_EACH).fill(hall));
  const asking = servers.map((hall) => ask(hall).catch(() => undefined));
  await until(() => heard.length > servers.length);

  await postgresql.away(LEASE_MS + 1_500);
  // Each server looks for what the dead have left behind once a second.
  await sleep(3_000);
  const database = openPostgresql(postgresql.url, 1);
  const states = async () => {
    const sql = "select state, count(*)::int as n from work group by state";
    const rows = await database.query<{ state: string; n: number }>(sql);
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  };
  try {
    assert.deepEqual(await states(), { running: servers.length });
    leaving.abort();
    await Promise.all(asking);
    await until(async () => (await states()).cancelled === servers.length);
  } finally {
    await database.close();
  }
  await world.verify();
});
