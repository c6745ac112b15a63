/** Wallets: what is there, what came and went, and the operator's corrections. */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  checkOperationAmount,
  parseTransferId,
  type Transfer,
  transferId,
  type WalletBalance,
} from "../domain/wallet.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { isPartLost } from "../store/dispute.ts";
import {
  findBalance,
  findTransfer,
  insertTransferReason,
  listOperations,
} from "../store/wallet.ts";
import type { Members } from "./member.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";
import type { Payouts } from "./payout.ts";

/** A transfer as the owner of one wallet sees it. */
export interface WalletTransfer {
  readonly id: string;
  /** What it was: `topup`, `voucher`, … */
  readonly operation: string;
  readonly isIncoming: boolean;
  readonly amountMicros: bigint;
  readonly at: Date;
}

export interface TransferPage {
  readonly transfers: readonly WalletTransfer[];
  /** Hand it in again for the next page; `undefined` on the last one. */
  readonly cursor: string | undefined;
}

export interface CreditWallet {
  readonly email: string;
  readonly amountMicros: bigint;
  readonly reason: string;
  /** The operator's own name for it: the same one credits only once. */
  readonly reference?: string | undefined;
}

export interface Correction {
  readonly transferId: string;
  /** Of the wallet that was credited; none where the money went back to the house. */
  readonly balance: WalletBalance | undefined;
}

export interface Wallets {
  balance(caller: Caller): Promise<WalletBalance>;
  /** What came in and went out other than for work, newest first. Throws `invalid_request`. */
  listTransfers(
    caller: Caller,
    page: { readonly cursor: string | undefined; readonly limit: number },
  ): Promise<TransferPage>;
  /** The operator's gift to a member. Throws `not_found`, `invalid_request`, `conflict`. */
  credit(command: CreditWallet): Promise<Correction>;
  /**
   * Moves a transfer's amount back, once. A payout that is reversed is one that is returned.
   *
   * @throws {Fault} `not_found`, `conflict`, `insufficient_funds` where the money is not there any more
   */
  reverse(command: { readonly transferId: string; readonly reason: string }): Promise<Correction>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: OperationLedger;
  readonly members: Pick<Members, "requireByEmail">;
  readonly payouts: Pick<Payouts, "sendBack">;
}

const HOUSE: ReadonlySet<string> = new Set(Object.values(HOUSE_ACCOUNTS));
const NOTHING: WalletBalance = {
  postedMicros: 0n,
  heldMicros: 0n,
  availableMicros: 0n,
  isFrozen: false,
};

export function createWallets(deps: Dependencies): Wallets {
  const { database, clock, random, ledger } = deps;
  return {
    async balance(caller) {
      return (await findBalance(database, walletOf(caller.workspaceId))) ?? NOTHING;
    },

    async listTransfers(caller, { cursor, limit }) {
      const wallet = walletOf(caller.workspaceId);
      const found = await listOperations(database, wallet, seqOf(cursor), limit + 1);
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1) : undefined;
      return {
        transfers: shown.map((transfer) => seenFrom(wallet, transfer)),
        cursor: last?.seq.toString(),
      };
    },

    async credit({ email, amountMicros, reason, reference }) {
      checkOperationAmount(amountMicros);
      const { workspaceId } = await deps.members.requireByEmail(email);
      const transfer = { reference: "credit", name: reference ?? newId(clock, random) } as const;
      await insertTransferReason(database, transfer, reason, clock.now());
      await transferOnce(ledger, {
        ...transfer,
        fromAccountId: HOUSE_ACCOUNTS.grant,
        toAccountId: walletOf(workspaceId),
        amountMicros,
      });
      return correction(database, transfer, walletOf(workspaceId));
    },

    async reverse({ transferId: id, reason }) {
      const reversed = await requireTransfer(database, id);
      checkReversible(reversed);
      if (reversed.reference === "topup" && (await isPartLost(database, reversed.name))) {
        throw new Fault("conflict", "A part of this payment was called back at the bank already.");
      }
      const transfer = { reference: "reversal", name: transferId(reversed) } as const;
      await insertTransferReason(database, transfer, reason, clock.now());
      const payee = reversed.fromAccountId;
      if (reversed.reference === "payout") await deps.payouts.sendBack(reversed.name);
      else {
        await transferOnce(ledger, {
          ...transfer,
          fromAccountId: reversed.toAccountId,
          toAccountId: payee,
          amountMicros: reversed.amountMicros,
        });
      }
      return correction(database, transfer, payee);
    },
  };
}

function seenFrom(wallet: string, transfer: Transfer): WalletTransfer {
  const { reference: operation, amountMicros, at, toAccountId } = transfer;
  const isIncoming = toAccountId === wallet;
  return { id: transferId(transfer), operation, isIncoming, amountMicros, at };
}

async function correction(
  database: Database,
  transfer: { reference: string; name: string },
  payee: string,
): Promise<Correction> {
  const balance = HOUSE.has(payee) ? undefined : await findBalance(database, payee);
  return { transferId: transferId(transfer), balance };
}

async function requireTransfer(database: Database, id: string): Promise<Transfer> {
  const named = parseTransferId(id);
  const transfer = named && (await findTransfer(database, named.reference, named.name));
  if (transfer) return transfer;
  throw new Fault("not_found", "There is no such transfer.", { kind: "transfer", id });
}

function checkReversible({ reference, fromAccountId, toAccountId }: Transfer): void {
  if (reference === "reversal") {
    throw new Fault("conflict", "A reversal stays. Credit the member instead.");
  }
  if (fromAccountId === toAccountId) {
    throw new Fault("conflict", "This transfer ended where it began: there is nothing to move.");
  }
}

/** The cursor is the number of the last transfer that was shown. */
function seqOf(cursor: string | undefined): bigint | undefined {
  if (cursor === undefined) return undefined;
  if (/^\d{1,18}$/.test(cursor)) return BigInt(cursor);
  throw new Fault("invalid_request", "This cursor is not one of ours.", { field: "cursor" });
}
