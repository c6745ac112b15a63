/**
 * Where a wallet's money came from. Earned and bought money may be paid out; given money (play,
 * grants, vouchers, referrals) may only be spent.
 *
 * A wallet is one pot, so a rule says which money a transfer takes: what is spent comes from gifts
 * first, what is paid out and what goes back to a buyer comes from the earned part first. Applied to
 * the transfers in the order in which the ledger made them, the rule needs no lock and has no race.
 */
import assert from "node:assert/strict";
import { HOUSE_ACCOUNTS } from "./account.ts";
import type { Transfer } from "./wallet.ts";

export interface Origin {
  /** Earned or bought. */
  readonly earnedMicros: bigint;
  /** Given. */
  readonly giftMicros: bigint;
}

export const NO_MONEY: Origin = { earnedMicros: 0n, giftMicros: 0n };

type Part = keyof Origin;

const HOUSE: ReadonlySet<string> = new Set(Object.values(HOUSE_ACCOUNTS));
const { bought, payouts } = HOUSE_ACCOUNTS;

/** Whether an account is some workspace's wallet. */
export function isWallet(accountId: string): boolean {
  return !HOUSE.has(accountId);
}

/** The payout that a transfer makes or takes back, if it does either. */
export function payoutOf({
  reference,
  name,
}: Pick<Transfer, "reference" | "name">): string | undefined {
  if (reference === "payout") return name;
  const prefix = "payout:";
  return reference === "reversal" && name.startsWith(prefix)
    ? name.slice(prefix.length)
    : undefined;
}

/** The payer's wallet after a transfer out of it, and how much of that was given money. */
export function afterPaying(
  origin: Origin,
  transfer: Pick<Transfer, "toAccountId" | "amountMicros">,
): { readonly origin: Origin; readonly giftMicros: bigint } {
  const { toAccountId, amountMicros } = transfer;
  const first: Part =
    toAccountId === payouts || toAccountId === bought ? "earnedMicros" : "giftMicros";
  const second: Part = first === "earnedMicros" ? "giftMicros" : "earnedMicros";
  const fromFirst = min(origin[first], amountMicros);
  const rest = amountMicros - fromFirst;
  assert(rest <= origin[second], "a wallet paid what it did not have");
  const after = { ...origin, [first]: origin[first] - fromFirst, [second]: origin[second] - rest };
  return { origin: after, giftMicros: first === "giftMicros" ? fromFirst : rest };
}

/**
 * The payee's wallet after a transfer into it. A payout that comes back is what it was before, of
 * which `returnedGiftMicros` were given. Other money that comes back from a wallet counts as given:
 * what it was for the first payer is not known any more, and guessing would make gifts payable.
 */
export function afterReceiving(
  origin: Origin,
  transfer: Pick<Transfer, "reference" | "fromAccountId" | "amountMicros">,
  returnedGiftMicros = 0n,
): Origin {
  const { amountMicros, fromAccountId, reference } = transfer;
  const giftMicros = givenMicros(fromAccountId, reference, amountMicros, returnedGiftMicros);
  return {
    earnedMicros: origin.earnedMicros + amountMicros - giftMicros,
    giftMicros: origin.giftMicros + giftMicros,
  };
}

function givenMicros(
  fromAccountId: string,
  reference: string,
  amountMicros: bigint,
  returnedGiftMicros: bigint,
): bigint {
  if (fromAccountId === payouts) return returnedGiftMicros;
  if (fromAccountId === bought) return 0n;
  return isWallet(fromAccountId) && reference !== "reversal" ? 0n : amountMicros;
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
