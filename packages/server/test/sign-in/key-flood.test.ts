/**
 * A flood of keys that are none. Malformed ones cost neither a hash nor a query; of those with the right
 * shape that nobody has, many share a query; and who has a key is served meanwhile.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Agent, request } from "undici";
import { KEY_LOOKUP_LIMITS } from "../../src/core/key-lookup.ts";
import { composeKey, KEY_KINDS, KEY_SHAPES } from "../../src/domain/key.ts";
import { afterTest } from "../support/cleanup.ts";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, startGuildhall } from "../support/guildhall.ts";

const KEYS = process.env.GUILDHALL_TEST_LONG === "1" ? 50_000 : 2_000;
const AT_ONCE = 256;
const { restMs, keysPerQueryMax, strangersAtOnce } = KEY_LOOKUP_LIMITS;

/** A door of each wire, and the header in which it is shown a key. */
const DOORS = [
  { path: "/api/v1/credits", header: "authorization" },
  { path: "/api/guildhall/v1/wallet", header: "authorization" },
  { path: "/v1/balance", header: "authorization" },
  { path: "/v1/chat/completions", header: "authorization" },
  { path: "/v1/messages", header: "x-api-key" },
] as const;

for (const host of DATABASE_HOSTS) {
  test(`a flood of ${KEYS} keys that are none (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host);
    const agent = new Agent({ connections: AT_ONCE, pipelining: 1 });
    afterTest(t, () => agent.close());
    const ada = await hall.member("ada@example.com");

    await t.test("malformed", async () => {
      const before = await stepsOf(hall);
      await flood(hall, agent, (index) => malformed(realKey(index), index));
      const done = await stepsSince(hall, before);
      assert.deepEqual(done, { malformed: KEYS, hash: 0, query: 0, unknown: 0 });
    });

    await t.test("of the right shape", async (inner) => {
      const before = await stepsOf(hall);
      const startedMs = performance.now();
      let isOver = false;
      const flooding = flood(hall, agent, realKey).finally(() => {
        isOver = true;
      });
      let served = 0;
      for (; !isOver; served++) assert.equal((await ada.ask("GET", "/credits")).status, 200);
      await flooding;
      const elapsedMs = performance.now() - startedMs;
      const { unknown, query } = await stepsSince(hall, before);
      inner.diagnostic(`${query} queries in ${Math.round(elapsedMs)} ms, ${served} answers`);
      assert.equal(unknown, KEYS);
      // A few are looked up at once, then there is a rest between two queries; and ada's own are few.
      const most = strangersAtOnce + elapsedMs / restMs + KEYS / keysPerQueryMax + 5;
      assert.ok(query <= most, `${query} queries`);
      const grace = await hall.member("grace@example.com");
      assert.equal((await grace.ask("GET", "/credits")).status, 200, "a new key is not kept out");
    });
  });
}

/** Shows so many keys, some at once; each is refused. */
async function flood(
  hall: Guildhall,
  dispatcher: Agent,
  keyOf: (index: number) => string,
): Promise<void> {
  let next = 0;
  const show = async (): Promise<void> => {
    for (let index = next++; index < KEYS; index = next++) {
      const { path, header } = DOORS[index % DOORS.length] as (typeof DOORS)[number];
      const key = keyOf(index);
      const isPost = path.startsWith("/v1/") && path !== "/v1/balance";
      const { statusCode, body } = await request(hall.url + path, {
        ...{ dispatcher, method: isPost ? "POST" : "GET" },
        headers: { [header]: header === "authorization" ? `Bearer ${key}` : key },
      });
      await body.dump();
      assert.equal(statusCode, 401, path);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, show));
}

function realKey(index: number): string {
  const kind = KEY_KINDS[index % KEY_KINDS.length] as (typeof KEY_KINDS)[number];
  return composeKey(kind, randomBytes(KEY_SHAPES[kind].randomBytes));
}

/** A wrong checksum, a letter too few, one too many, or another beginning. */
function malformed(key: string, index: number): string {
  const wrong = key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
  return [wrong, key.slice(0, -1), `${key}0`, `x${key}`][index % 4] ?? wrong;
}

const STEPS = ["malformed", "hash", "query", "unknown"] as const;
type Steps = Readonly<Record<(typeof STEPS)[number], number>>;

async function stepsOf(hall: Guildhall): Promise<Steps> {
  const { body } = await request(`${hall.url}/metrics`);
  const page = await body.text();
  const of = (step: string) =>
    Number(
      new RegExp(`^guildhall_keys_total\\{step="${step}"\\} (\\d+)$`, "m").exec(page)?.[1] ?? 0,
    );
  return Object.fromEntries(STEPS.map((step) => [step, of(step)])) as Steps;
}

async function stepsSince(hall: Guildhall, before: Steps): Promise<Steps> {
  const now = await stepsOf(hall);
  return Object.fromEntries(STEPS.map((step) => [step, now[step] - before[step]])) as Steps;
}
