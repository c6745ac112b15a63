/**
 * Keeps how much of each wallet may be paid out, by following the transfers:
 *
 *   1. Numbers are drawn in order, and rows become visible out of it. So the last number is read
 *      first, and followed up to only once every transaction of that time has ended.
 *   2. Slices of a few thousand, each in one transaction with the number it reached: whichever
 *      process follows, and whenever it dies, each transfer is counted once.
 *   3. A payout is decided where it stands in that order: covered by what could be paid out then, or
 *      not. Two that were asked for at once stand one after the other.
 */
import {
  afterPaying,
  afterReceiving,
  isWallet,
  NO_MONEY,
  type Origin,
  payoutOf,
} from "../domain/origin.ts";
import { PAYOUT_TRANSITIONS, type Payout } from "../domain/payout.ts";
import type { Transfer } from "../domain/wallet.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  findOrigins,
  listTransfersBetween,
  lockFollower,
  updateFollower,
  upsertOrigins,
} from "../store/origin.ts";
import { lockPayouts, updatePayoutCover } from "../store/payout.ts";
import { settledSeq } from "./settled-seq.ts";

export interface Origins {
  /** Counts every transfer that is in the books by now. Throws `overloaded` where that takes too long. */
  catchUp(): Promise<void>;
  /** Where a wallet's money came from, as far as was counted. */
  find(accountId: string): Promise<Origin>;
}

/** About a tenth of a second's work for the embedded host, which serves nobody else meanwhile. */
const SLICE = 5_000n;

export function createOrigins(deps: { database: Database; clock: Clock }): Origins {
  const { database, clock } = deps;
  return {
    async catchUp() {
      const horizon = await settledSeq(database);
      for (;;) {
        const reached = await database.transaction((tx) => followSlice(tx, horizon, clock.now()));
        if (reached >= horizon) return;
      }
    },
    async find(accountId) {
      return (await findOrigins(database, [accountId])).get(accountId) ?? NO_MONEY;
    },
  };
}

/** Step 2. Returns the number that was reached. */
async function followSlice(tx: Tx, horizon: bigint, at: Date): Promise<bigint> {
  const from = await lockFollower(tx);
  if (from >= horizon) return from;
  const until = from + SLICE < horizon ? from + SLICE : horizon;
  const transfers = await listTransfersBetween(tx, from, until);
  const wallets = transfers.flatMap((one) => [one.fromAccountId, one.toAccountId].filter(isWallet));
  const origins = await findOrigins(tx, [...new Set(wallets)]);
  const payouts = await knownPayouts(tx, transfers);
  for (const transfer of transfers) count(transfer, origins, payouts);
  await upsertOrigins(tx, origins);
  for (const { payout, giftMicros } of payouts.values()) {
    if (payout.state !== "pending" || giftMicros === undefined) continue;
    const state = PAYOUT_TRANSITIONS.pending[giftMicros === 0n ? "cover" : "refuse"];
    if (state) await updatePayoutCover(tx, payout.id, { state, giftMicros, at });
  }
  await updateFollower(tx, until);
  return until;
}

interface KnownPayout {
  readonly payout: Payout;
  giftMicros: bigint | undefined;
}

async function knownPayouts(
  tx: Tx,
  transfers: readonly Transfer[],
): Promise<Map<string, KnownPayout>> {
  const ids = transfers.flatMap((transfer) => payoutOf(transfer) ?? []);
  const locked = ids.length === 0 ? [] : await lockPayouts(tx, [...new Set(ids)]);
  return new Map(locked.map((known) => [known.payout.id, { ...known }]));
}

function count(
  transfer: Transfer,
  origins: Map<string, Origin>,
  payouts: ReadonlyMap<string, KnownPayout>,
): void {
  const { fromAccountId, toAccountId } = transfer;
  // Hiring oneself moves nothing.
  if (fromAccountId === toAccountId) return;
  const payout = payouts.get(payoutOf(transfer) ?? "");
  if (isWallet(fromAccountId)) {
    const paid = afterPaying(origins.get(fromAccountId) ?? NO_MONEY, transfer);
    origins.set(fromAccountId, paid.origin);
    if (payout) payout.giftMicros = paid.giftMicros;
  }
  if (isWallet(toAccountId)) {
    const before = origins.get(toAccountId) ?? NO_MONEY;
    origins.set(toAccountId, afterReceiving(before, transfer, payout?.giftMicros));
  }
}
