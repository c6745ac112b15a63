/**
 * Disputes: a payer has called a payment back at the bank.
 *
 *   open   the rail has taken the money back for now; the wallet is frozen
 *   won    it stays paid
 *   lost   what is there of it leaves the wallet, the rest is the house's loss
 */
import { type Topup, topupName } from "./topup.ts";
import { transferId } from "./wallet.ts";

export type DisputeState = "open" | "won" | "lost";

/** Every state times what the rail says of it. `null`: old news. */
export const DISPUTE_TRANSITIONS: Record<
  DisputeState,
  Record<DisputeState, DisputeState | null>
> = {
  open: { open: null, won: "won", lost: "lost" },
  won: { open: null, won: null, lost: null },
  lost: { open: null, won: null, lost: null },
};

export interface Dispute {
  readonly id: string;
  readonly topupId: string;
  readonly rail: "stripe";
  /** Its name on the rail. */
  readonly railId: string;
  readonly amountMicros: bigint;
  readonly state: DisputeState;
  /** Once it is lost: what the wallet gave back, and what the house lost. */
  readonly takenMicros: bigint | undefined;
  readonly lostMicros: bigint | undefined;
  readonly openedAt: Date;
  readonly closedAt: Date | undefined;
  /** When the operator let the wallet go although the house lost by it. */
  readonly releasedAt: Date | undefined;
}

/**
 * The name of the first transfer by which a lost dispute is settled. All of a payment goes back once,
 * whoever takes it back, so that has the payment's name; parts of it may be lost one after another.
 */
export function returnName(
  dispute: Pick<Dispute, "rail" | "railId" | "amountMicros">,
  topup: Pick<Topup, "rail" | "paymentId" | "amountMicros">,
): string {
  if (dispute.amountMicros < topup.amountMicros) return `${lossName(dispute)}:part`;
  return transferId({ reference: "topup", name: topupName(topup) });
}

/** The name of the transfer by which the house bears the rest of what a wallet gives back in part. */
export function lossName({ rail, railId }: Pick<Dispute, "rail" | "railId">): string {
  return `dispute:${rail}:${railId}`;
}

/** How much of a top-up a dispute is about: all where nothing else is said, and never more than that. */
export function disputedMicros(topupMicros: bigint, toldMicros: bigint | undefined): bigint {
  return toldMicros === undefined || toldMicros > topupMicros ? topupMicros : toldMicros;
}

/**
 * Who gives back what of a payment that was lost. The wallet gives no more than it has available:
 * what is held is promised to others, who did their work in good faith.
 */
export function splitLoss(
  amountMicros: bigint,
  availableMicros: bigint,
): { readonly takenMicros: bigint; readonly lostMicros: bigint } {
  const there = availableMicros > 0n ? availableMicros : 0n;
  const takenMicros = there < amountMicros ? there : amountMicros;
  return { takenMicros, lostMicros: amountMicros - takenMicros };
}
