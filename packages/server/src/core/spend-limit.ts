/**
 * Makes changed spend limits hold at once: the budgets of the windows that run now get the new limit,
 * and those of the next windows are made with it, before a process that still believes the old one
 * (a caller is believed for seconds) could make them with that.
 */
import type { SpendLimits } from "../domain/budget.ts";
import type { Step } from "../domain/command.ts";
import { limitBudgetsOf } from "../domain/spending.ts";
import type { Clock } from "../lib/clock.ts";
import { budgetId, type Ledger } from "./ledger.ts";

/** Longer than any process believes what it was told of a caller. */
const AHEAD_MS = 60_000;

export type LimitLedger = Pick<Ledger, "commit" | "ensureBudgets">;

export async function applySpendLimits(
  ledger: LimitLedger,
  clock: Clock,
  owner: { readonly kind: "key" | "workspace"; readonly id: string },
  limits: SpendLimits,
): Promise<void> {
  const now = clock.now();
  const soon = new Date(now.getTime() + AHEAD_MS);
  const budgets = [now, soon].flatMap((at) =>
    limitBudgetsOf(owner.kind, owner.id, limits, at, budgetId),
  );
  const distinct = [...new Map(budgets.map((budget) => [budget.id, budget])).values()];
  if (distinct.length === 0) return;
  await ledger.ensureBudgets(distinct);
  const steps = distinct.map(
    ({ id, limitMicros }): Step => ({ kind: "limit-budget", budgetId: id, limitMicros }),
  );
  const { ok } = await ledger.commit({ keyId: undefined, work: undefined, steps });
  if (!ok) throw new Error(`the limits of ${owner.kind} ${owner.id} were refused`);
}
