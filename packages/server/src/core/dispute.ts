/**
 * Disputed payments.
 *
 *   1. A dispute freezes the wallet: nothing leaves but what was promised before.
 *   2. Won, the wallet is let go.
 *   3. Lost, what is available of the money goes back to where it was bought, and the house bears the
 *      rest, in one command. A wallet that the house lost by stays frozen until the operator lets it go.
 *
 * The rail repeats itself and its reports overtake each other: each step may be done again, and what a
 * closed dispute is told changes nothing.
 */
import { HOUSE_ACCOUNTS, walletOf } from "../domain/account.ts";
import type { Step } from "../domain/command.ts";
import {
  DISPUTE_TRANSITIONS,
  type Dispute,
  disputedMicros,
  lossName,
  returnName,
  splitLoss,
} from "../domain/dispute.ts";
import { Fault } from "../domain/fault.ts";
import { type Topup, topupName } from "../domain/topup.ts";
import { transferId } from "../domain/wallet.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Tx } from "../store/database.ts";
import {
  findDispute,
  findDisputeOnRail,
  insertDispute,
  listDisputes,
  lockWallet,
  updateDisputeClosed,
  updateDisputeReleased,
  updateWalletFrozen,
} from "../store/dispute.ts";
import { findTopup } from "../store/topup.ts";
import { findBalance, findTransfer } from "../store/wallet.ts";
import type { PaymentReport } from "./ports.ts";
import type { TopupTools } from "./topup-settling.ts";

export type DisputeReport = Extract<PaymentReport, { kind: "dispute" }>;

export interface Disputes {
  /** Takes over what the rail says of a dispute about this top-up. */
  settle(topup: Topup, report: DisputeReport): Promise<void>;
  /** For the operator: newest first. */
  list(limit: number): Promise<readonly { readonly dispute: Dispute; readonly email: string }[]>;
  /** For the operator: lets a wallet go although the house lost by it. Throws `not_found`, `conflict`. */
  release(id: string): Promise<Dispute>;
}

/** Money may become available between looking and taking; not this often. */
const ATTEMPTS_MAX = 5;

export function createDisputes(deps: TopupTools & { readonly random: Random }): Disputes {
  const { database, clock, random, log } = deps;

  /** Changes a dispute and freezes the wallet or lets it go by it. */
  async function change(accountId: string, work: (tx: Tx) => Promise<unknown>): Promise<void> {
    await database.transaction(async (tx) => {
      await lockWallet(tx, accountId);
      await work(tx);
      await updateWalletFrozen(tx, accountId, clock.now());
    });
  }

  async function open(topup: Topup, report: DisputeReport): Promise<Dispute> {
    const known = await findDisputeOnRail(database, "stripe", report.railId);
    if (known) return known;
    const dispute: Dispute = {
      id: newId(clock, random),
      topupId: topup.id,
      rail: "stripe",
      railId: report.railId,
      amountMicros: disputedMicros(topup.amountMicros, report.amountMicros),
      state: "open",
      takenMicros: undefined,
      lostMicros: undefined,
      openedAt: clock.now(),
      closedAt: undefined,
      releasedAt: undefined,
    };
    await change(walletOf(topup.workspaceId), (tx) => insertDispute(tx, dispute));
    log.warn({ topupId: topup.id, railId: report.railId }, "a payment is disputed");
    return (await findDisputeOnRail(database, "stripe", report.railId)) ?? dispute;
  }

  return {
    async settle(topup, report) {
      const dispute = await open(topup, report);
      const state = DISPUTE_TRANSITIONS[dispute.state][report.state];
      if (state === null || state === "open") return;
      const loss = state === "lost" ? await takeBack(deps, topup, dispute) : undefined;
      const closing = {
        ...{ state, at: clock.now() },
        ...{ takenMicros: loss?.takenMicros, lostMicros: loss?.lostMicros },
      };
      await change(walletOf(topup.workspaceId), (tx) =>
        updateDisputeClosed(tx, dispute.id, closing),
      );
    },

    list: (limit) => listDisputes(database, limit),

    async release(id) {
      const dispute = await findDispute(database, id);
      if (!dispute)
        throw new Fault("not_found", "There is no such dispute.", { kind: "dispute", id });
      if (dispute.state !== "lost") {
        throw new Fault("conflict", `The dispute is ${dispute.state}: there is nothing to let go.`);
      }
      const topup = await findTopup(database, dispute.topupId);
      if (!topup) throw new Error(`dispute ${id} is about nothing`);
      await change(walletOf(topup.workspaceId), (tx) => updateDisputeReleased(tx, id, clock.now()));
      return (await findDispute(database, id)) ?? dispute;
    },
  };
}

interface Loss {
  readonly takenMicros: bigint;
  readonly lostMicros: bigint;
}

/**
 * Step 3, once. The first transfer has the same name, whoever pays it: two processes that do this at once,
 * of which one finds the wallet as the other left it, cannot both be let.
 */
async function takeBack(deps: TopupTools, topup: Topup, dispute: Dispute): Promise<Loss> {
  const wallet = walletOf(topup.workspaceId);
  const first = returnName(dispute, topup);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const done = await findLoss(deps.database, first, topup, dispute);
    if (done) return done;
    const balance = await findBalance(deps.database, wallet);
    const loss = splitLoss(dispute.amountMicros, balance?.availableMicros ?? 0n);
    const { takenMicros, lostMicros } = loss;
    const steps =
      takenMicros === 0n
        ? [step(HOUSE_ACCOUNTS.losses, lostMicros, first)]
        : [
            step(wallet, takenMicros, first),
            ...(lostMicros > 0n
              ? [step(HOUSE_ACCOUNTS.losses, lostMicros, lossName(dispute))]
              : []),
          ];
    const outcome = await deps.ledger.commit({ keyId: undefined, work: undefined, steps });
    if (outcome.ok) return loss;
    const { code } = outcome.refusal;
    if (code !== "insufficient_funds" && code !== "transfer_exists") {
      throw new Error(`taking back top-up ${topup.id} was refused: ${code}`);
    }
  }
  throw new Error(`taking back top-up ${topup.id} lost every race`);
}

/** What the books say of it; also where the operator had sent the payment back by hand. */
async function findLoss(
  tx: Tx,
  first: string,
  topup: Topup,
  dispute: Dispute,
): Promise<Loss | undefined> {
  const back = await findTransfer(tx, "reversal", first);
  if (!back) {
    const whole = transferId({ reference: "topup", name: topupName(topup) });
    const byHand = await findTransfer(tx, "reversal", whole);
    return byHand && { takenMicros: dispute.amountMicros, lostMicros: 0n };
  }
  if (back.fromAccountId === HOUSE_ACCOUNTS.losses) {
    return { takenMicros: 0n, lostMicros: back.amountMicros };
  }
  const rest = await findTransfer(tx, "reversal", lossName(dispute));
  return { takenMicros: back.amountMicros, lostMicros: rest?.amountMicros ?? 0n };
}

function step(
  fromAccountId: string,
  amountMicros: bigint,
  name: string,
): Extract<Step, { kind: "transfer" }> {
  const toAccountId = HOUSE_ACCOUNTS.bought;
  return {
    kind: "transfer",
    fromAccountId,
    toAccountId,
    amountMicros,
    reference: "reversal",
    name,
  };
}
