/**
 * Payouts: earned and bought money on its way out.
 *
 *   pending     left the wallet, and not yet looked at
 *   requested   was covered by money that may be paid out; waits for the operator
 *   refused     was not covered; goes back into the wallet
 *   returned    the operator said no; goes back into the wallet
 *   paid        the operator sent it
 */
export type PayoutState = "pending" | "requested" | "refused" | "returned" | "paid";
export type PayoutEvent = "cover" | "refuse" | "return" | "pay";

export interface Payout {
  readonly id: string;
  readonly workspaceId: string;
  readonly amountMicros: bigint;
  readonly state: PayoutState;
  readonly createdAt: Date;
  readonly changedAt: Date;
}

/** Every state times every event. `null` means the event is refused in that state. */
// biome-ignore format: read as a table
export const PAYOUT_TRANSITIONS: Record<PayoutState, Record<PayoutEvent, PayoutState | null>> = {
  pending:   { cover: "requested", refuse: "refused", return: null,       pay: null },
  requested: { cover: null,        refuse: null,      return: "returned", pay: "paid" },
  refused:   { cover: null,        refuse: null,      return: null,       pay: null },
  returned:  { cover: null,        refuse: null,      return: null,       pay: null },
  paid:      { cover: null,        refuse: null,      return: null,       pay: null },
};

/** Whether the amount goes back into the wallet. */
export function goesBack(state: PayoutState): boolean {
  return state === "refused" || state === "returned";
}
