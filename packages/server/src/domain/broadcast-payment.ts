/**
 * What results of a broadcast are worth: pure functions of its verdicts (LinkedClaw contract §11).
 *
 *   fixed            each approved result is paid its slot's whole amount
 *   tiered           each is paid by its score, in whole units of the wire, rounded down
 *   winner_take_all  the best is paid the pot when the broadcast closes; the others get nothing
 *
 * What is not paid goes back to the requester. Nothing here can pay more than was held.
 */

export type PaymentType = "fixed" | "tiered" | "winner_take_all";

export interface PaymentTerms {
  readonly payment: PaymentType;
  readonly target: number;
  readonly slotMicros: bigint;
  /** Payments by score are whole multiples of this: the unit in which the wire names amounts. */
  readonly unitMicros: bigint;
}

/** A result that was approved. */
export interface ApprovedResult {
  readonly slotId: string;
  readonly providerWorkspaceId: string;
  /** 0 to 100; `undefined` where whoever approved it gave none. */
  readonly score: number | undefined;
  readonly submittedAt: Date;
}

export interface Prize {
  readonly slotId: string;
  readonly providerWorkspaceId: string;
  readonly amountMicros: bigint;
}

const SCORE_MAX = 100n;

/** What each seat's hold has. Of a pot for the winner, a single seat has nothing. */
export function seatMicros(terms: PaymentTerms): bigint {
  return terms.payment === "winner_take_all" ? 0n : terms.slotMicros;
}

/** What is held for the winner; nothing where each result is paid for itself. */
export function potMicros(terms: PaymentTerms): bigint {
  return terms.payment === "winner_take_all" ? terms.slotMicros * BigInt(terms.target) : 0n;
}

/** All that a broadcast can cost. */
export function budgetMicros(terms: PaymentTerms): bigint {
  return terms.slotMicros * BigInt(terms.target);
}

/**
 * What an approved result is paid at once. Without a score it is paid in full: nobody said that it
 * was worth less.
 */
export function paymentMicros(terms: PaymentTerms, score: number | undefined): bigint {
  if (terms.payment === "winner_take_all") return 0n;
  if (terms.payment === "fixed" || score === undefined) return terms.slotMicros;
  const units = terms.slotMicros / terms.unitMicros;
  return ((units * BigInt(score)) / SCORE_MAX) * terms.unitMicros;
}

/**
 * Who gets the pot when the broadcast closes, and how much of it. The best score wins; a result
 * without a score comes after all that have one; of equals the earlier one wins. A broadcast that was
 * cancelled gives only the shares of its approved results: the others were taken back.
 */
export function prizeOf(
  terms: PaymentTerms,
  isCancelled: boolean,
  approved: readonly ApprovedResult[],
): Prize | undefined {
  if (terms.payment !== "winner_take_all") return undefined;
  const [winner] = [...approved].sort(byRank);
  if (!winner) return undefined;
  const shares = isCancelled ? approved.length : terms.target;
  return {
    slotId: winner.slotId,
    providerWorkspaceId: winner.providerWorkspaceId,
    amountMicros: terms.slotMicros * BigInt(shares),
  };
}

function byRank(a: ApprovedResult, b: ApprovedResult): number {
  const byScore = (b.score ?? -1) - (a.score ?? -1);
  if (byScore !== 0) return byScore;
  const byTime = a.submittedAt.getTime() - b.submittedAt.getTime();
  if (byTime !== 0) return byTime;
  return a.slotId < b.slotId ? -1 : 1;
}
