/** A ledger and the wallets on it, over one database. */
import type { TestContext } from "node:test";
import { createAttempts } from "../../src/core/attempt.ts";
import { createCallers } from "../../src/core/caller.ts";
import { createDisputes } from "../../src/core/dispute.ts";
import { createLedger, type Ledger } from "../../src/core/ledger.ts";
import { createMembers } from "../../src/core/member.ts";
import { createOrigins } from "../../src/core/origin.ts";
import { createPayments } from "../../src/core/payment.ts";
import { createPayouts } from "../../src/core/payout.ts";
import type { CardPayments } from "../../src/core/ports.ts";
import { createTopups } from "../../src/core/topup.ts";
import { createVouchers } from "../../src/core/voucher.ts";
import { createWallets } from "../../src/core/wallet.ts";
import { HOUSE_ACCOUNTS } from "../../src/domain/account.ts";
import type { Caller } from "../../src/domain/caller.ts";
import { createLog } from "../../src/lib/log.ts";
import { newId, systemRandom } from "../../src/lib/random.ts";
import type { Database } from "../../src/store/database.ts";

export type Bank = ReturnType<typeof openBank>;

/** Everything that moves money other than for work. `clock.at` is the time. */
export function openBank(t: TestContext, database: Database, cards?: CardPayments) {
  const clock = { at: new Date("2026-03-01T12:00:00Z"), now: () => clock.at };
  const random = systemRandom;
  const log = createLog("silent");
  const ledger = createLedger({ database, clock, random, log });
  const callers = createCallers({ database, clock, log });
  t.after(async () => {
    await ledger.close();
    await callers.close();
  });
  const members = createMembers({
    database,
    clock,
    random,
    ledger,
    callers,
    policy: "open",
    givesPlayCredit: true,
  });
  const origins = createOrigins({ database, clock });
  const payouts = createPayouts({ database, clock, random, log, ledger, origins });
  const attempts = createAttempts({ database, clock });
  return {
    clock,
    callers,
    database,
    ledger,
    members,
    origins,
    payouts,
    topups: createTopups({
      ...{ database, clock, random, log, ledger, hasDevRail: true, cards },
      baseUrl: () => "http://127.0.0.1",
    }),
    payments: createPayments({
      ...{ database, clock, log, ledger, cards },
      disputes: createDisputes({ database, clock, random, log, ledger }),
    }),
    vouchers: createVouchers({ database, clock, random, ledger, attempts }),
    wallets: createWallets({ database, clock, random, ledger, members, payouts }),
    async member(name: string): Promise<Caller> {
      const member = await members.create({ email: `${name}@example.org` });
      return (await callers.ofMember(member.id)).caller;
    },
    /** One wallet pays another, as for work that was done. */
    pay: (from: Caller, to: Caller, amountMicros: bigint) =>
      move(ledger, from.workspaceId, to.workspaceId, amountMicros, newId(clock, random)),
    /** A wallet pays the house. */
    spend: (from: Caller, amountMicros: bigint) =>
      move(ledger, from.workspaceId, HOUSE_ACCOUNTS.fees, amountMicros, newId(clock, random)),
  };
}

async function move(
  ledger: Ledger,
  fromAccountId: string,
  toAccountId: string,
  amountMicros: bigint,
  reference: string,
): Promise<boolean> {
  const step = { kind: "transfer", fromAccountId, toAccountId, amountMicros, reference } as const;
  const steps = [{ ...step, name: "pay" }];
  return (await ledger.commit({ keyId: undefined, work: undefined, steps })).ok;
}

/** The sum over all accounts: zero at every moment. */
export async function totalMicros(database: Database): Promise<bigint> {
  const [row] = await database.query<{ total: bigint }>(
    "select sum(posted_micros)::bigint as total from accounts",
  );
  return row?.total ?? 0n;
}
