/**
 * Budgets under stress: many at once, answers that do not end, a database and a server that go away in
 * the middle. Each time all of the budget is spent and no more, which it could not be if a hold were
 * left behind, and nothing is held when all is over.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DATABASE_HOSTS, type DatabaseHost, isSkipped } from "../support/database.ts";
import type { Environment, Member } from "../support/guildhall.ts";
import { startOwnPostgresql } from "../support/own-postgresql.ts";
import { type ModelWorld, type Posted, startModelWorld } from "./support.ts";

const CHAT = "/v1/chat/completions";
const HELLO = { model: "oa/gpt", messages: [{ role: "user", content: "Hello!" }] };
/** What a call costs, whatever it comes to: budgets then are numbers of calls. */
const CALL_MICROS = 1_000n;
const NO_RATE_LIMIT = { GUILDHALL_RATE_LIMITS: "models=0" };
const CALLERS = 64;
const IS_LONG = process.env.GUILDHALL_TEST_LONG === "1";
/** Calls that a budget is for while a server or a database goes away in the middle. */
const CALLS = IS_LONG ? 5_000 : 400;
/** Longer than a caller is believed and a lease lives; at full count, than the ledger has patience. */
const AWAY_MS = IS_LONG ? 40_000 : 5_500;
const AGAIN_MS = 250;

for (const host of DATABASE_HOSTS) {
  test(`budgets of those who ask models (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const world = await startPricedWorld(t, host);
    await t.test("a thousand at once, a budget for fifty", () => askAtOnce(world));
    const workspaces = IS_LONG || host === "postgresql" ? 250 : 25;
    await t.test(`${workspaces} workspaces at once, each with a budget for three`, () =>
      askApart(world, workspaces),
    );
    await t.test("answers without an end", () => askWithoutEnd(world));
    await t.test("a server that is killed and stopped in the middle", (inner) =>
      endInTheMiddle(inner, world),
    );
    await world.verify();
  });
}

test("budgets of those who ask models while their database goes away (postgresql)", async (t) => {
  const own = await startOwnPostgresql(t);
  if (!own) return;
  const world = await startPricedWorld(t, "postgresql", { DATABASE_URL: own.url });
  const stranger = await world.hall.member("carol@example.com");
  const { member, told } = await spendUnder(t, world, [
    () => own.restart("immediate"),
    () => own.restart("fast"),
    async () => {
      await Promise.all([own.away(AWAY_MS), requireToldAway(world, stranger)]);
    },
  ]);
  assert.equal(told.broken, undefined, "the server itself was there all the time");
  assert.equal(told.whole, CALLS, "each answer that came is in the books, and nothing else");
  await requireSpent(world, member, CALLS);
  await requireSpent(world, stranger, 0);
  await world.verify();
});

/** Whoever is not known yet cannot be looked up, and is told when to come back. */
async function requireToldAway(world: ModelWorld, member: Member): Promise<void> {
  await delay(AWAY_MS / 4);
  const { status, headers, text } = await ask(world, member, false);
  assert.deepEqual([status, headers["retry-after"]], [503, "1"], text);
  assert.equal(JSON.parse(text).error.code, "overloaded");
}

async function startPricedWorld(
  t: TestContext,
  host: DatabaseHost,
  environment: Environment = {},
): Promise<ModelWorld> {
  const world = await startModelWorld(t, host, { ...NO_RATE_LIMIT, ...environment });
  const price = { input_usd: "0", cached_usd: "0", output_usd: "0", request_usd: "0.001" };
  await world.hall.admin("POST", "/prices", { model: HELLO.model, ...price });
  return world;
}

async function askAtOnce(world: ModelWorld): Promise<void> {
  const member = await world.hall.member("at-once@example.com", { prepaid_usd: "0.05" });
  const asked = Array.from({ length: 1_000 }, (_, index) => ask(world, member, index % 2 === 0));
  assert.deepEqual(countOf(await Promise.all(asked)), { whole: 50, spend_limit_reached: 950 });
  assert.equal(world.upstream.asked.length, 50, "who was refused was not asked for");
  await requireSpent(world, member, 50);
}

async function askApart(world: ModelWorld, count: number): Promise<void> {
  const members = await inTurns(count, (index) =>
    world.hall.member(`member-${index}@example.com`, { prepaid_usd: "0.003" }),
  );
  await Promise.all(
    members.map(async (member) => {
      const asked = Array.from({ length: 5 }, (_, index) => ask(world, member, index % 2 === 0));
      const counts = countOf(await Promise.all(asked));
      assert.deepEqual(counts, { whole: 3, spend_limit_reached: 2 });
    }),
  );
  await untilNothingIsHeld(world);
  await inTurns(members.length, (index) => requirePaid(world, members[index] as Member, 3));
}

async function askWithoutEnd(world: ModelWorld): Promise<void> {
  const member = await world.hall.member("endless@example.com", { prepaid_usd: "0.05" });
  const headers = { authorization: `Bearer ${member.key}`, "x-guildhall-max-usd": "0.004" };
  const question = { ...HELLO, model: "oa/endless", stream: true };
  const asked = Array.from({ length: CALLERS }, () => world.post(CHAT, question, headers));
  const answers = await Promise.all(asked);
  const cut = answers.filter(({ status }) => status === 200);
  assert.equal(cut.length, 12, "each may come to 4,000 of 50,000 micros");
  for (const { text } of cut) {
    const last = text.split("\n\n").findLast((event) => event.startsWith("data: {")) ?? "";
    assert.match(last, /"finish_reason":"length".*"cut_at":"hold"/);
  }
  await untilNothingIsHeld(world);
  const { postedMicros } = await world.wallet(member.key);
  const spent = START_MICROS - postedMicros;
  assert.ok(spent > 12n * 3_900n && spent <= 12n * 4_000n, `${spent} micros`);
}

async function endInTheMiddle(t: TestContext, world: ModelWorld): Promise<void> {
  const again = async (signal: NodeJS.Signals): Promise<void> => {
    await world.hall.kill(signal);
    await world.hall.restart();
  };
  const { member, told } = await spendUnder(t, world, [
    () => again("SIGKILL"),
    () => again("SIGTERM"),
  ]);
  // What had gone out when the server was killed, and was in nobody's books yet, the house bears.
  const { whole = 0, broken = 0 } = told;
  assert.ok(whole <= CALLS + CALLERS, `${whole} answers for ${CALLS}`);
  assert.ok(whole + broken >= CALLS, `${CALLS} are paid, and ${whole} came`);
  await requireSpent(world, member, CALLS);
}

/** How often each was said, by word: see `wordOf`. */
type Told = Readonly<Partial<Record<string, number>>>;

const WORDS = ["whole", "broken", "spend_limit_reached", "overloaded", "starting", "stopping"];

/**
 * 64 callers spend a budget for so many calls while `disturbances` happen, one after the other; what
 * then is left of it, one of them spends alone.
 */
async function spendUnder(
  t: TestContext,
  world: ModelWorld,
  disturbances: readonly (() => Promise<void>)[],
): Promise<{ readonly member: Member; readonly told: Told }> {
  const prepaid_usd = String((Number(CALL_MICROS) * CALLS) / 1e6);
  const member = await world.hall.member("bob@example.com", { prepaid_usd });
  const told: Partial<Record<string, number>> = {};
  const spend = async (index: number): Promise<void> => {
    for (let call = index; ; call++) {
      const word = wordOf(await ask(world, member, call % 2 === 0).catch(() => undefined));
      told[word] = (told[word] ?? 0) + 1;
      if (word === "spend_limit_reached") return;
      if (word !== "whole") await delay(AGAIN_MS);
    }
  };
  const spent = Promise.all(Array.from({ length: CALLERS }, (_, index) => spend(index)));
  for (const [index, disturb] of disturbances.entries()) {
    const whole = ((index + 1) * CALLS) / (disturbances.length + 2);
    while ((told.whole ?? 0) < whole) await delay(5);
    await disturb();
  }
  await spent;
  await untilNothingIsHeld(world);
  await spend(0);
  t.diagnostic(JSON.stringify(told));
  assert.deepEqual(
    Object.keys(told).filter((word) => !WORDS.includes(word)),
    [],
  );
  return { member, told };
}

async function untilNothingIsHeld({ hall }: ModelWorld): Promise<void> {
  for (let wait = 0; wait < 400; wait++) {
    const { holds } = (await hall.admin("GET", "/status")) as unknown as Status;
    if (holds.held_micros === "0") return;
    await delay(50);
  }
  throw new Error("something is still held");
}

interface Status {
  readonly holds: { readonly held_micros: string };
}

function ask(world: ModelWorld, { key }: Member, isStream: boolean): Promise<Posted> {
  const question = { ...HELLO, max_tokens: 100, ...(isStream && { stream: true }) };
  return world.post(CHAT, question, { authorization: `Bearer ${key}` });
}

/** What became of a question: answered whole, broken off, or refused with a code. */
function wordOf(posted: Posted | undefined): string {
  if (!posted) return "broken";
  const { status, text } = posted;
  if (status !== 200) return String(JSON.parse(text).error.code);
  return text.includes("[DONE]") || text.includes('"chat.completion"') ? "whole" : "broken";
}

function countOf(answers: readonly Posted[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const word = wordOf(answer);
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** What a new member has. */
const START_MICROS = 100_000_000n;

/** So many calls were paid, and nothing is held. */
async function requireSpent(world: ModelWorld, member: Member, calls: number): Promise<void> {
  await untilNothingIsHeld(world);
  await requirePaid(world, member, calls);
}

async function requirePaid(world: ModelWorld, { key }: Member, calls: number): Promise<void> {
  assert.deepEqual(await world.wallet(key), {
    postedMicros: START_MICROS - BigInt(calls) * CALL_MICROS,
    heldMicros: 0n,
  });
}

async function inTurns<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let first = 0; first < count; first += 25) {
    const turn = Array.from({ length: Math.min(25, count - first) }, (_, index) =>
      make(first + index),
    );
    made.push(...(await Promise.all(turn)));
  }
  return made;
}
