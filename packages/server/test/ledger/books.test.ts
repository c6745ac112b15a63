/** The books find what does not add up, and nothing else, also while they are being written. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { createBooks } from "../../src/core/books.ts";
import { budgetId, createLedger, type Ledger } from "../../src/core/ledger.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Budget } from "../../src/domain/budget.ts";
import type { HoldTerms } from "../../src/domain/command.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom as random } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";
import { onEachHost } from "../support/database.ts";

const WALLETS = 20;

onEachHost(
  "books that are right are found right, from a checkpoint and in full",
  async (t, database) => {
    const market = await openMarket(t, database);
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 50 }, () => market.work()));
      const verdict = await market.books.verify();
      assert.deepEqual([verdict.ok, verdict.problems, verdict.driftMicros], [true, [], 0n]);
      // Each work captures once, with a fee; each wallet was filled once.
      assert.equal(verdict.transfers, WALLETS + (round + 1) * 100);
      assert.equal(verdict.holds, (round + 1) * 50);
    }
    assert.equal((await market.books.verify({ isFull: true })).ok, true);
  },
);

onEachHost(
  "a check while the ledger is busy finds no drift that is not there",
  async (t, database) => {
    const market = await openMarket(t, database);
    let isOver = false;
    const load = Array.from({ length: 16 }, async () => {
      while (!isOver) await market.work();
    });
    try {
      for (let check = 0; check < 10; check++) {
        const verdict = await market.books.verify({ isFull: check % 5 === 4 });
        assert.deepEqual(verdict.problems, []);
      }
    } finally {
      isOver = true;
      await Promise.all(load);
    }
  },
);

const TAMPERINGS: readonly (readonly [string, string, RegExp])[] = [
  [
    "a balance",
    "update accounts set posted_micros = posted_micros + 1 where kind = 'fees'",
    /account .* posted/,
  ],
  ["a held amount", "update accounts set held_micros = 5 where id = $wallet", /account .* held/],
  ["a budget", "update budgets set spent_micros = spent_micros - 1", /budget .* spent/],
  ["a budget's held amount", "update budgets set held_micros = 7", /budget .* held/],
  [
    "a transfer that was read before",
    "update transfers set amount_micros = amount_micros + 1 where reference = 'grant'",
    /account/,
  ],
  [
    "a hold that was closed",
    "update holds set closed_at = null",
    /hold .* is open and its work is over/,
  ],
  ["a capture", "update holds set captured_micros = captured_micros - 1", /hold .* captured/],
];

for (const [what, sql, expected] of TAMPERINGS) {
  onEachHost(`whoever tampers with ${what} is found out`, async (t, database) => {
    const market = await openMarket(t, database);
    await Promise.all(Array.from({ length: 5 }, () => market.work()));
    assert.equal((await market.books.verify()).ok, true);
    await database.query(sql.replace("$wallet", `'${market.wallets[0]}'`));
    const verdict = await market.books.verify({ isFull: true });
    assert.equal(verdict.ok, false);
    assert.match(verdict.problems.join("\n"), expected);
  });
}

onEachHost("live work without its hold is found", async (t, database) => {
  const market = await openMarket(t, database);
  await market.open();
  assert.equal((await market.books.verify()).ok, true);
  await database.query("delete from holds");
  const { problems } = await market.books.verify();
  assert.match(problems.join("\n"), /is live and has no open hold/);
});

async function openMarket(t: TestContext, database: Database) {
  const ledger = createLedger({ database, clock, random, log: createLog("silent") });
  t.after(() => ledger.close());
  const wallets = await openWallets(database, ledger);
  const owner = newId(clock, random);
  const scope = { scope: "key_prepaid", ownerId: owner, windowStart: undefined } as const;
  const budget: Budget = { ...scope, id: budgetId(scope), limitMicros: 10n ** 15n };
  await ledger.ensureBudgets([budget]);
  const open = () => openWork(ledger, wallets, budget);
  return {
    wallets,
    books: createBooks({ database }),
    open,
    async work() {
      const { hold, payeeId } = await open();
      const settled = await ledger.commit({
        keyId: undefined,
        work: {
          ...workOf(hold.workId),
          expectedVersion: 1,
          state: "succeeded",
          deadlineAt: undefined,
        },
        steps: [
          {
            kind: "capture-hold",
            hold,
            amountMicros: 1_000n,
            toAccountId: payeeId,
            feeAccountId: HOUSE_ACCOUNTS.fees,
            name: "payment",
          },
          { kind: "close-hold", hold },
        ],
      });
      assert.ok(settled.ok);
    },
  };
}

async function openWallets(database: Database, ledger: Ledger): Promise<string[]> {
  const wallets = Array.from({ length: WALLETS }, () => newId(clock, random));
  for (const id of wallets) {
    await database.query(
      "insert into workspaces(id, name, created_at) values ($1, 'a workspace', $2)",
      [id, clock.now()],
    );
    await database.query("insert into accounts(id, kind, created_at) values ($1, 'wallet', $2)", [
      id,
      clock.now(),
    ]);
    const filled = await ledger.commit({
      keyId: undefined,
      work: undefined,
      steps: [
        {
          kind: "transfer",
          fromAccountId: HOUSE_ACCOUNTS.grant,
          toAccountId: id,
          amountMicros: 1_000_000_000n,
          reference: "grant",
          name: id,
        },
      ],
    });
    assert.ok(filled.ok);
  }
  return wallets;
}

async function openWork(ledger: Ledger, wallets: readonly string[], budget: Budget) {
  const [payerId, payeeId] = pickTwo(wallets);
  const workId = newId(clock, random);
  const hold: HoldTerms = {
    id: workId,
    workId,
    accountId: payerId,
    feeBasisPoints: 500,
    budgetIds: [budget.id],
    deadlineAt: undefined,
  };
  const opened = await ledger.commit({
    keyId: undefined,
    work: {
      ...workOf(workId),
      expectedVersion: 0,
      state: "running",
      deadlineAt: new Date(clock.now().getTime() + 60_000),
      opening: {
        workspaceId: payerId,
        operation: "test",
        idempotencyKey: undefined,
        requestHash: undefined,
      },
    },
    steps: [{ kind: "open-hold", hold, amountMicros: 1_500n }],
  });
  assert.ok(opened.ok, JSON.stringify(opened));
  return { hold, payeeId };
}

function workOf(id: string) {
  return { id, shape: "run", processId: undefined, attempt: 1 } as const;
}

function pickTwo(wallets: readonly string[]): [string, string] {
  const first = random.bytes(1).readUInt8() % wallets.length;
  const second =
    (first + 1 + (random.bytes(1).readUInt8() % (wallets.length - 1))) % wallets.length;
  return [wallets[first] ?? "", wallets[second] ?? ""];
}
