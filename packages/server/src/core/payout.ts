/**
 * Payouts.
 *
 *   1. The amount leaves the wallet at once, so that it cannot be spent meanwhile.
 *   2. The order of transfers decides whether it was covered by money that may be paid out: see
 *      `origin.ts`. What was not goes back.
 *   3. The operator sends the money and says so, or sends it back into the wallet.
 *
 * Each step is written before it is done and may be done again, so a process that dies between two
 * of them leaves nothing but work for the next `tidy`.
 */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  goesBack,
  PAYOUT_TRANSITIONS,
  type Payout,
  type PayoutEvent,
  type PayoutState,
} from "../domain/payout.ts";
import { checkOperationAmount } from "../domain/wallet.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import {
  deletePayout,
  findPayout,
  insertPayout,
  listPayouts,
  listPayoutsToPay,
  listUnsettledPayouts,
  type PayoutToPay,
  updatePayoutSettled,
  updatePayoutState,
} from "../store/payout.ts";
import { findBalance, findTransfer } from "../store/wallet.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";
import type { Origins } from "./origin.ts";

export interface Payouts {
  /** Throws `insufficient_funds` where less than that may be paid out; `invalid_request`, `forbidden`. */
  request(caller: Caller, amountMicros: bigint): Promise<Payout>;
  /** The caller's payouts, newest first, and what could be paid out now. */
  list(
    caller: Caller,
    page: { readonly beforeId: string | undefined; readonly limit: number },
  ): Promise<{ readonly payouts: readonly Payout[]; readonly payableMicros: bigint }>;
  /** For the operator: everybody's, oldest first. */
  listAll(page: {
    readonly state: PayoutState | undefined;
    readonly afterId: string | undefined;
    readonly limit: number;
  }): Promise<readonly PayoutToPay[]>;
  /** For the operator: the money was sent. Saying so again changes nothing. Throws `not_found`, `conflict`. */
  markPaid(id: string): Promise<Payout>;
  /** For the operator: puts the money back into its wallet. Throws `not_found`, `conflict`. */
  sendBack(id: string): Promise<Payout>;
  /** Goes on with what a process that died has begun. */
  tidy(): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ledger: OperationLedger;
  readonly origins: Origins;
}

/** One that did not leave its wallet by then is not looked at any more: who asked for it is gone. */
const ABANDONED_MS = 10 * 60_000;
const TIDY_MAX = 100;

export function createPayouts(deps: Dependencies): Payouts {
  const { database, clock, random, origins } = deps;

  async function requirePayout(id: string): Promise<Payout> {
    const payout = await findPayout(database, id);
    if (payout) return payout;
    throw new Fault("not_found", "There is no such payout.", { kind: "payout", id });
  }

  async function payableMicros(caller: Caller): Promise<bigint> {
    const wallet = walletOf(caller.workspaceId);
    await origins.catchUp();
    const { earnedMicros } = await origins.find(wallet);
    const available = (await findBalance(database, wallet))?.availableMicros ?? 0n;
    return earnedMicros < available ? earnedMicros : available;
  }

  return {
    async request(caller, amountMicros) {
      checkOperationAmount(amountMicros);
      requireWholeWorkspace(caller);
      const payable = await payableMicros(caller);
      if (amountMicros > payable) throw notCovered(amountMicros);
      const at = clock.now();
      const id = newId(clock, random);
      const { workspaceId } = caller;
      const pending = { state: "pending", createdAt: at, changedAt: at } as const;
      await insertPayout(database, { id, workspaceId, amountMicros, ...pending });
      await leaveWallet(deps, id, caller, amountMicros);
      // Step 2: somebody may have spent or asked for the same money since it was looked at.
      await origins.catchUp();
      const payout = await requirePayout(id);
      if (!goesBack(payout.state)) return payout;
      await backIntoWallet(deps, payout);
      throw notCovered(amountMicros);
    },

    async list(caller, { beforeId, limit }) {
      const payouts = await listPayouts(database, caller.workspaceId, beforeId, limit);
      return { payouts, payableMicros: await payableMicros(caller) };
    },

    listAll: ({ state, afterId, limit }) =>
      listPayoutsToPay(database, {
        limit,
        ...(state === undefined ? {} : { state }),
        ...(afterId === undefined ? {} : { afterId }),
      }),

    async markPaid(id) {
      const payout = await requirePayout(id);
      if (payout.state === "paid") return payout;
      return move(deps, payout, "pay");
    },

    async sendBack(id) {
      const payout = await requirePayout(id);
      const returned = payout.state === "returned" ? payout : await move(deps, payout, "return");
      await backIntoWallet(deps, returned);
      return returned;
    },

    async tidy() {
      await origins.catchUp();
      for (const payout of await listUnsettledPayouts(database, undefined, TIDY_MAX)) {
        if (goesBack(payout.state)) await backIntoWallet(deps, payout);
        else if (payout.state === "pending") await leaveAlone(deps, payout);
      }
    },
  };
}

/** Step 1. What does not leave its wallet leaves no payout either. */
async function leaveWallet(
  { database, ledger }: Dependencies,
  id: string,
  caller: Caller,
  amountMicros: bigint,
): Promise<void> {
  const transfer = {
    reference: "payout",
    name: id,
    fromAccountId: walletOf(caller.workspaceId),
    toAccountId: HOUSE_ACCOUNTS.payouts,
    amountMicros,
  } as const;
  try {
    await transferOnce(ledger, transfer, { keyId: caller.keyId });
  } catch (error) {
    // Where it is not known whether it left, its row stays, and `tidy` looks later.
    const isKnown = error instanceof Fault && error.code !== "overloaded";
    if (isKnown) await deletePayout(database, id);
    throw error;
  }
}

async function backIntoWallet({ database, clock, ledger }: Dependencies, payout: Payout) {
  await transferOnce(ledger, {
    reference: "reversal",
    name: `payout:${payout.id}`,
    fromAccountId: HOUSE_ACCOUNTS.payouts,
    toAccountId: walletOf(payout.workspaceId),
    amountMicros: payout.amountMicros,
  });
  await updatePayoutSettled(database, payout.id, clock.now());
}

async function move(
  { database, clock }: Dependencies,
  payout: Payout,
  event: PayoutEvent,
): Promise<Payout> {
  const to = PAYOUT_TRANSITIONS[payout.state][event];
  const at = clock.now();
  const change = to && { from: payout.state, to, at, isSettled: to === "paid" };
  if (!change || !(await updatePayoutState(database, payout.id, change))) {
    throw new Fault("conflict", `The payout is ${payout.state}.`);
  }
  return { ...payout, state: change.to, changedAt: at };
}

async function leaveAlone({ database, clock, log }: Dependencies, payout: Payout): Promise<void> {
  const ageMs = clock.now().getTime() - payout.createdAt.getTime();
  const isAbandoned = ageMs > ABANDONED_MS && !(await findTransfer(database, "payout", payout.id));
  if (!isAbandoned) return;
  log.info({ payoutId: payout.id }, "a payout was asked for and never left its wallet");
  await updatePayoutSettled(database, payout.id, clock.now());
}

/** A key of one agent does that agent's work; money leaves by the workspace's own keys. */
function requireWholeWorkspace(caller: Caller): void {
  if (caller.agentId === undefined) return;
  throw new Fault("forbidden", "A key of one agent cannot ask for a payout.");
}

function notCovered(neededMicros: bigint): Fault {
  return new Fault(
    "insufficient_funds",
    "Less than that may be paid out: only earned and bought money can be.",
    { neededMicros },
  );
}
