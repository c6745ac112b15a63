/** Top-ups: a payment is noted, and counts once it is paid. The transfer says that it is. */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isPaymentId, type Topup, topupName } from "../domain/topup.ts";
import { checkOperationAmount } from "../domain/wallet.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { findTopup, findTopupByPayment, insertTopup, listTopups } from "../store/topup.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";

export interface OpenTopup {
  readonly amountMicros: bigint;
  /** The payment's name where it is paid; the top-up's own id where none is given. */
  readonly paymentId?: string | undefined;
  /** Leaves it pending, as a rail does that has a person pay on a page. */
  readonly isPaidLater?: boolean | undefined;
}

export interface Topups {
  /**
   * Opens a top-up on the development rail, which pays at once unless told otherwise. The same
   * payment again is the same top-up.
   *
   * @throws {Fault} `forbidden` where this server has no such rail; `idempotency_conflict` where the
   * payment is of another amount or another's; `invalid_request`
   */
  open(caller: Caller, command: OpenTopup): Promise<Topup>;
  /** The caller's, newest first. */
  list(
    caller: Caller,
    page: { readonly beforeId: string | undefined; readonly limit: number },
  ): Promise<readonly Topup[]>;
  /** For the operator: pays one on the development rail. Throws `not_found`, `forbidden`. */
  pay(id: string): Promise<Topup>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: OperationLedger;
  /** On a development server, and nowhere else: it pays without money. */
  readonly hasDevRail: boolean;
}

export function createTopups(deps: Dependencies): Topups {
  const { database, clock, random } = deps;
  return {
    async open(caller, { amountMicros, paymentId, isPaidLater = false }) {
      requireDevRail(deps);
      checkOperationAmount(amountMicros);
      if (paymentId !== undefined && !isPaymentId(paymentId)) {
        throw new Fault("invalid_request", "This is no payment's id.", { field: "payment_id" });
      }
      const id = newId(clock, random);
      const payment = { rail: "dev", paymentId: paymentId ?? id } as const;
      const { workspaceId } = caller;
      const createdAt = clock.now();
      await insertTopup(database, { id, workspaceId, ...payment, amountMicros, createdAt });
      const topup = await findTopupByPayment(database, payment.rail, payment.paymentId);
      if (topup?.workspaceId !== workspaceId || topup.amountMicros !== amountMicros) {
        throw new Fault("idempotency_conflict", "This payment is another top-up's.");
      }
      return isPaidLater ? topup : payOnce(deps, topup, caller.keyId);
    },

    list: (caller, { beforeId, limit }) =>
      listTopups(database, caller.workspaceId, beforeId, limit),

    async pay(id) {
      requireDevRail(deps);
      const topup = await findTopup(database, id);
      if (topup) return payOnce(deps, topup, undefined);
      throw new Fault("not_found", "There is no such top-up.", { kind: "topup", id });
    },
  };
}

async function payOnce(
  { ledger }: Dependencies,
  topup: Topup,
  keyId: string | undefined,
): Promise<Topup> {
  const transfer = {
    reference: "topup",
    name: topupName(topup),
    fromAccountId: HOUSE_ACCOUNTS.bought,
    toAccountId: walletOf(topup.workspaceId),
    amountMicros: topup.amountMicros,
  } as const;
  await transferOnce(ledger, transfer, { keyId });
  return { ...topup, state: "paid" };
}

function requireDevRail({ hasDevRail }: Dependencies): void {
  if (hasDevRail) return;
  throw new Fault(
    "forbidden",
    "Top-ups by the development rail exist on development servers only.",
  );
}
