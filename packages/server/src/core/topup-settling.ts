/**
 * How top-ups end. Whoever says so first, and however often: the transfer has the payment's name, so money
 * comes in once.
 */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import {
  TOPUP_TRANSITIONS,
  type Topup,
  type TopupFailure,
  type TopupRail,
  topupName,
} from "../domain/topup.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "../store/database.ts";
import {
  findTopup,
  findTopupByPayment,
  updateTopupClosed,
  updateTopupReference,
} from "../store/topup.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";
import type { Checkout } from "./ports.ts";

export interface TopupTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: OperationLedger;
}

/** Money came: it is in the wallet, and the top-up is paid, by one and the same commit. */
export async function payTopup(
  { database, ledger }: TopupTools,
  topup: Topup,
  keyId?: string,
): Promise<Topup> {
  const transfer = {
    reference: "topup",
    name: topupName(topup),
    fromAccountId: HOUSE_ACCOUNTS.bought,
    toAccountId: walletOf(topup.workspaceId),
    amountMicros: topup.amountMicros,
  } as const;
  await transferOnce(ledger, transfer, { keyId });
  return (await findTopup(database, topup.id)) ?? topup;
}

/** No money will come. Nothing changes where it did. */
export async function failTopup(
  { database, clock }: TopupTools,
  topup: Topup,
  failure: TopupFailure,
): Promise<Topup> {
  if (!TOPUP_TRANSITIONS[topup.state].fail) return topup;
  await updateTopupClosed(database, topup.id, { failure, at: clock.now() });
  return (await findTopup(database, topup.id)) ?? topup;
}

/** Takes over what a rail says of a payment; `undefined` where the payment is none of ours. */
export async function settleCheckout(
  tools: TopupTools,
  rail: TopupRail,
  checkout: Checkout,
): Promise<Topup | undefined> {
  const { database, log } = tools;
  const topup = await findTopupByPayment(database, rail, checkout.paymentId);
  if (!topup) return undefined;
  if (checkout.reference !== undefined) {
    await updateTopupReference(database, topup.id, checkout.reference);
  }
  switch (checkout.state) {
    case "open":
    case "waiting":
      return topup;
    case "expired":
    case "declined":
      return failTopup(tools, topup, checkout.state);
    case "paid":
      if (checkout.amountMicros === topup.amountMicros) return payTopup(tools, topup);
      log.error(
        { topupId: topup.id, asked: topup.amountMicros, paid: checkout.amountMicros },
        "a payment is not of the amount that was asked for, and was not credited",
      );
      return failTopup(tools, topup, "amount_mismatch");
  }
}
