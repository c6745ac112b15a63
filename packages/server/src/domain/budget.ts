/**
 * Budgets: how much may be held and spent within a window. A hold names the budgets that it falls
 * under when it opens and is refused unless all have room, in the same step.
 *
 * A budget's id follows from what it limits and when, so that every process names the same row
 * without asking: see `budgetKey`. The window is fixed when the hold opens, in UTC.
 */

export type BudgetScope =
  | "run"
  | "chain"
  | "mandate"
  | "key_day"
  | "key_month"
  | "key_prepaid"
  | "workspace_day"
  | "workspace_month"
  | "workspace_prepaid";

/** A budget as a hold needs it: the row is made when it is not there yet. */
export interface Budget {
  readonly id: string;
  readonly scope: BudgetScope;
  /** The key, workspace, chain, mandate or run that is limited. */
  readonly ownerId: string;
  /** The start of the day or month, or `undefined` for a budget without a window. */
  readonly windowStart: Date | undefined;
  readonly limitMicros: bigint;
}

/** Spend limits of a key or a workspace; `undefined` is no limit. */
export interface SpendLimits {
  readonly dailyMicros: bigint | undefined;
  readonly monthlyMicros: bigint | undefined;
  readonly prepaidMicros: bigint | undefined;
}

export const NO_LIMITS: SpendLimits = {
  dailyMicros: undefined,
  monthlyMicros: undefined,
  prepaidMicros: undefined,
};

/** The start of the UTC day of `at`. */
export function dayStart(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()));
}

/** The start of the UTC month of `at`. */
export function monthStart(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}

/** What a budget's id is a digest of. */
export function budgetKey(
  scope: BudgetScope,
  ownerId: string,
  windowStart: Date | undefined,
): string {
  return `${scope}:${ownerId}:${windowStart ? windowStart.toISOString() : "always"}`;
}
