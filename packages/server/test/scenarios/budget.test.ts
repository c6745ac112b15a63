/**
 * A thousand at once on a budget for fifty: exactly fifty succeed, and the others learn which limit it
 * was. Each kind of limit alone, over HTTP, on both hosts, again and again.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DATABASE_HOSTS, isSkipped } from "../support/database.ts";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { balanceOf, invoke, type Seller, sell } from "../support/hire.ts";

const CALLS = 1_000;
const ADMITTED = 50;
const ROUNDS = process.env.GUILDHALL_TEST_LONG ? 50 : 1;
const PRICE_CREDITS = 100;
/** Fifty calls. */
const LIMIT_USD = "0.50";
/** More than the wallet holds: a new member has 100 US dollars of play money. */
const NO_CEILING_USD = "1000";
const BALANCE_CREDITS = 1_000_000;

interface Sellers {
  readonly seller: Seller;
  /** Costs all of a new member's money but what fifty calls cost. */
  readonly drain: Seller;
}

interface Prepared {
  readonly member: Member;
  readonly headers?: Record<string, string>;
  /** Calls that were admitted already. */
  readonly before?: number;
}

interface Case {
  readonly scope: string;
  readonly code: string;
  prepare(hall: Guildhall, sellers: Sellers, email: string): Promise<Prepared>;
}

const CASES: readonly Case[] = [
  {
    scope: "wallet",
    code: "insufficient_credits",
    async prepare(hall, { drain }, email) {
      const member = await hall.member(email);
      await hall.admin("POST", "/members/limits", { email, chain_ceiling_usd: NO_CEILING_USD });
      const { status, body } = await invoke(member, drain.agentId);
      assert.equal(status, 200, JSON.stringify(body));
      return { member };
    },
  },
  {
    scope: "chain",
    code: "ceiling_exceeded",
    async prepare(hall, { seller }, email) {
      const member = await hall.member(email);
      await hall.admin("POST", "/members/limits", { email, chain_ceiling_usd: LIMIT_USD });
      const first = await invoke(member, seller.agentId);
      assert.equal(first.status, 200, JSON.stringify(first.body));
      const chainId = first.headers.get("x-linkedclaw-chain-id") ?? "";
      return { member, headers: { "x-linkedclaw-chain-id": chainId }, before: 1 };
    },
  },
  {
    scope: "key_day",
    code: "spend_limit_reached",
    prepare: async (hall, _sellers, email) => ({
      member: await hall.member(email, { daily_usd: LIMIT_USD }),
    }),
  },
  {
    scope: "workspace_day",
    code: "spend_limit_reached",
    async prepare(hall, _sellers, email) {
      const member = await hall.member(email);
      await hall.admin("POST", "/members/limits", { email, daily_usd: LIMIT_USD });
      return { member };
    },
  },
];

for (const host of DATABASE_HOSTS) {
  test(`budgets (${host})`, async (t) => {
    if (await isSkipped(t, host)) return;
    const hall = await startGuildhall(t, host, { GUILDHALL_RATE_LIMITS: "invoke=0" });
    const drained = BALANCE_CREDITS - ADMITTED * PRICE_CREDITS;
    const sellers = {
      seller: await sell(t, hall, { slug: "seller", priceCredits: PRICE_CREDITS }),
      drain: await sell(t, hall, { slug: "drain", priceCredits: drained }),
    };
    for (const limit of CASES) {
      await t.test(`${CALLS} at once, ${limit.scope} for ${ADMITTED}`, async (inner) => {
        for (let round = 1; round <= ROUNDS; round++)
          await stress(inner, hall, sellers, limit, round);
      });
    }
    const verdict = await hall.admin("GET", "/ledger/verify");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
}

async function stress(
  _t: TestContext,
  hall: Guildhall,
  sellers: Sellers,
  limit: Case,
  round: number,
): Promise<void> {
  const email = `${limit.scope.replace("_", "-")}-${round}@example.com`;
  const { member, headers, before = 0 } = await limit.prepare(hall, sellers, email);
  const { available } = await balanceOf(member);
  const answers = await Promise.all(
    Array.from({ length: CALLS - before }, () =>
      invoke(member, sellers.seller.agentId, {}, headers),
    ),
  );
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const word = status === 200 ? "ok" : `${status} ${body.code}`;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  const admitted = ADMITTED - before;
  const expected = { ok: admitted, [`402 ${limit.code}`]: CALLS - before - admitted };
  assert.deepEqual(counts, expected, `round ${round}`);
  const after = await balanceOf(member);
  assert.deepEqual([after.available, after.escrowed], [available - admitted * PRICE_CREDITS, 0]);
}
