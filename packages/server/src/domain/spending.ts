/** Which budgets a piece of work falls under: all of them must have room when its hold opens. */
import { type Budget, dayStart, monthStart, type SpendLimits } from "./budget.ts";
import type { Caller } from "./caller.ts";

/** Turns what identifies a budget into its id. Handed in, since a rule does not hash. */
export type BudgetIdOf = (budget: Omit<Budget, "id" | "limitMicros">) => string;

/** The chain that work belongs to, and the most that it may cost. */
export interface ChainCeiling {
  readonly id: string;
  readonly ceilingMicros: bigint;
}

/** Budgets of one piece of work opened at `at`: its chain's, where it is part of one, comes first. */
export function budgetsOf(
  caller: Caller,
  chain: ChainCeiling | undefined,
  at: Date,
  idOf: BudgetIdOf,
): readonly Budget[] {
  return [
    ...(chain ? [chainBudgetOf(chain, idOf)] : []),
    ...(caller.keyId ? limitBudgetsOf("key", caller.keyId, caller.keyLimits, at, idOf) : []),
    ...limitBudgetsOf("workspace", caller.workspaceId, caller.workspaceLimits, at, idOf),
  ];
}

function chainBudgetOf({ id, ceilingMicros }: ChainCeiling, idOf: BudgetIdOf): Budget {
  const budget = { scope: "chain", ownerId: id, windowStart: undefined } as const;
  return { ...budget, id: idOf(budget), limitMicros: ceilingMicros };
}

/** The budgets by which the limits of a key or a workspace hold at `at`. */
export function limitBudgetsOf(
  owner: "key" | "workspace",
  ownerId: string,
  limits: SpendLimits,
  at: Date,
  idOf: BudgetIdOf,
): Budget[] {
  const rows = [
    { scope: `${owner}_day`, windowStart: dayStart(at), limitMicros: limits.dailyMicros },
    { scope: `${owner}_month`, windowStart: monthStart(at), limitMicros: limits.monthlyMicros },
    { scope: `${owner}_prepaid`, windowStart: undefined, limitMicros: limits.prepaidMicros },
  ] as const;
  return rows.flatMap(({ scope, windowStart, limitMicros }) => {
    if (limitMicros === undefined) return [];
    const budget = { scope, ownerId, windowStart, limitMicros };
    return [{ ...budget, id: idOf(budget) }];
  });
}
