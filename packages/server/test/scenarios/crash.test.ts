/**
 * The server is killed under load, again and again. After each restart every run that was acknowledged
 * is, within ten seconds, ended or driven under a live lease; nothing was paid twice; nobody was asked
 * twice by two; and the books verify.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { connect, invoke, register } from "../support/hire.ts";

const ROUNDS = process.env.GUILDHALL_TEST_LONG ? 100 : 3;
const REQUESTERS = 8;
/** How long each round's load runs before the kill, at random. */
const LOAD_MS_MIN = 100;
const LOAD_MS_MAX = 500;
/** Questions asked at once when all is over. */
const ASKED_AT_ONCE = 32;
const DEFINITE_MS_MAX = 10_000;
const PRICE_CREDITS = 45;

for (const host of DATABASE_HOSTS) {
  test(`kill -9 under load, ${ROUNDS} rounds (${host})`, { timeout: 600_000 }, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_RATE_LIMITS: "invoke=0" });
    const story = await prepare(t, hall);
    for (let round = 1; round <= ROUNDS; round++) await crash(hall, story, round);
    await conclude(hall, story);
  });
}

interface Story {
  readonly requesters: readonly Member[];
  readonly seller: Member;
  readonly agentId: string;
  /** Runs that were acknowledged: their id was told, or their key got an answer. */
  readonly keys: Map<string, { readonly member: Member }>;
  /** How often each (run, attempt) was begun by a provider. */
  readonly begun: Map<string, number>;
}

async function prepare(t: TestContext, hall: Guildhall): Promise<Story> {
  const seller = await hall.member("seller@example.com");
  const agentId = await register(seller, "seller", PRICE_CREDITS);
  const begun = new Map<string, number>();
  await connect(t, hall, {
    key: seller.key,
    agentId,
    concurrency: 1_024,
    async handler(input, context) {
      const name = `${context.runId}/${context.attempt}`;
      begun.set(name, (begun.get(name) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      return { output: input };
    },
  });
  const requesters: Member[] = [];
  for (let index = 0; index < REQUESTERS; index++) {
    requesters.push(await hall.member(`requester-${index}@example.com`));
  }
  return { requesters, seller, agentId, keys: new Map(), begun };
}

async function crash(hall: Guildhall, story: Story, round: number): Promise<void> {
  let isOver = false;
  const asked: string[] = [];
  const load = story.requesters.flatMap((member) =>
    Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const key = randomUUID();
        asked.push(key);
        story.keys.set(key, { member });
        const headers = { "idempotency-key": key };
        await invoke(member, story.agentId, { timeout_seconds: 8 }, headers).catch(() => undefined);
      }
    }),
  );
  await new Promise((resolve) => {
    setTimeout(resolve, LOAD_MS_MIN + Math.random() * (LOAD_MS_MAX - LOAD_MS_MIN));
  });
  await hall.kill("SIGKILL");
  isOver = true;
  await Promise.all(load);
  await hall.restart();
  await untilDefinite(hall, round);
}

/** Live work has to be under a live lease; what is not has ten seconds to become so. */
async function untilDefinite(hall: Guildhall, round: number): Promise<void> {
  const deadline = performance.now() + DEFINITE_MS_MAX;
  for (;;) {
    const status = await hall.admin("GET", "/status");
    const abandoned = Number(status.work_abandoned);
    if (abandoned === 0) return;
    assert.ok(performance.now() < deadline, `round ${round}: ${abandoned} runs are nobody's`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function conclude(hall: Guildhall, story: Story): Promise<void> {
  const spent = new Map<Member, number>();
  let charged = 0;
  const asked = [...story.keys];
  const ask = async (): Promise<void> => {
    for (let next = asked.pop(); next; next = asked.pop()) {
      const [key, { member }] = next;
      // The same key again: the present state of what it opened, or new work if it opened none.
      const headers = { "idempotency-key": key };
      const { status, body } = await invoke(member, story.agentId, { timeout_seconds: 8 }, headers);
      assert.ok(status === 200 || status === 503 || status === 504, JSON.stringify(body));
      if (status !== 200) continue;
      charged += 1;
      spent.set(member, (spent.get(member) ?? 0) + PRICE_CREDITS);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  assert.ok(charged > ROUNDS, `only ${charged} runs succeeded: there was no load`);
  for (const member of story.requesters) {
    const { available, escrowed } = (await member.ask("GET", "/credits")).body;
    assert.deepEqual([available, escrowed], [1_000_000 - (spent.get(member) ?? 0), 0]);
  }
  const { available } = (await story.seller.ask("GET", "/credits")).body;
  assert.equal(available, 1_000_000 + charged * PRICE_CREDITS, "each run was paid once");
  const twice = [...story.begun].filter(([, count]) => count > 1);
  assert.deepEqual(twice, [], "nobody was asked twice for the same attempt");
  const verdict = await hall.admin("GET", "/ledger/verify");
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
}
