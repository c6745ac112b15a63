/** Vouchers: made by the operator, redeemed once. The transfer says by whom, so no row can disagree. */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import {
  foldVoucherCode,
  VOUCHER_RANDOM_BYTES,
  type Voucher,
  voucherCodeOf,
} from "../domain/voucher.ts";
import { checkOperationAmount, transferId, type WalletBalance } from "../domain/wallet.ts";
import type { Clock } from "../lib/clock.ts";
import { sha256 } from "../lib/digest.ts";
import { newId, type Random } from "../lib/random.ts";
import { createTurns } from "../lib/turns.ts";
import type { Database } from "../store/database.ts";
import { findVoucherByCode, insertVoucher } from "../store/voucher.ts";
import { findBalance, findTransfer } from "../store/wallet.ts";
import type { Attempts } from "./attempt.ts";
import { type OperationLedger, transferOnce } from "./operation.ts";

export interface CreateVoucher {
  readonly amountMicros: bigint;
  /** Made up where none is given. */
  readonly code?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

export interface RedeemedVoucher {
  readonly transferId: string;
  readonly amountMicros: bigint;
  readonly balance: WalletBalance | undefined;
}

export interface Vouchers {
  /** For the operator. The code is nowhere else from then on. Throws `invalid_request`, `conflict`. */
  create(command: CreateVoucher): Promise<{ readonly voucher: Voucher; readonly code: string }>;
  /**
   * Redeeming again what one has redeemed changes nothing.
   *
   * @throws {Fault} `not_found`, `conflict` where it has expired or somebody else was first,
   * `rate_limited` after too many wrong codes, `invalid_request`
   */
  redeem(caller: Caller, code: string): Promise<RedeemedVoucher>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: OperationLedger;
  readonly attempts: Attempts;
}

const REDEEMED = "This code was redeemed already.";

export function createVouchers(deps: Dependencies): Vouchers {
  const { database, clock, random } = deps;
  // An attempt counts until it is known to be a good one. Good ones of one workspace at the same time
  // would together be too many.
  const guesses = createTurns();
  return {
    async create({ amountMicros, code: chosen, expiresAt }) {
      checkOperationAmount(amountMicros);
      const createdAt = clock.now();
      if (expiresAt && expiresAt <= createdAt) {
        throw new Fault("invalid_request", "That is in the past.", { field: "expires_at" });
      }
      const code = chosen ?? voucherCodeOf(random.bytes(VOUCHER_RANDOM_BYTES));
      const voucher = { id: newId(clock, random), amountMicros, createdAt, expiresAt };
      await insertVoucher(database, voucher, sha256(foldVoucherCode(code)));
      return { voucher, code };
    },

    async redeem(caller, code) {
      const voucher = await guesses.add(caller.workspaceId, () => find(deps, caller, code));
      await credit(deps, caller, voucher);
      return {
        transferId: transferId({ reference: "voucher", name: voucher.id }),
        amountMicros: voucher.amountMicros,
        balance: await findBalance(database, walletOf(caller.workspaceId)),
      };
    },
  };
}

/** Counts as an attempt, which is taken back where there is such a code. */
async function find({ attempts, database }: Dependencies, { workspaceId }: Caller, code: string) {
  const takeBack = await attempts.take("voucher-code", workspaceId);
  const voucher = await findVoucherByCode(database, sha256(foldVoucherCode(code)));
  if (!voucher) {
    throw new Fault("not_found", "There is no such code.", { kind: "voucher", id: "" });
  }
  await takeBack();
  return voucher;
}

async function credit(deps: Dependencies, caller: Caller, voucher: Voucher): Promise<void> {
  const { database, clock, ledger } = deps;
  const wallet = walletOf(caller.workspaceId);
  const done = await findTransfer(database, "voucher", voucher.id);
  if (done?.toAccountId === wallet) return;
  if (done) throw new Fault("conflict", REDEEMED);
  if (voucher.expiresAt && voucher.expiresAt <= clock.now()) {
    throw new Fault("conflict", "This code has expired.");
  }
  const transfer = {
    reference: "voucher",
    name: voucher.id,
    fromAccountId: HOUSE_ACCOUNTS.voucher,
    toAccountId: wallet,
    amountMicros: voucher.amountMicros,
  } as const;
  // Of two who redeem it at once, the ledger lets one.
  await transferOnce(ledger, transfer, { keyId: caller.keyId, takenMessage: REDEEMED });
}
