/** Why work was not opened, in words for whoever asked for it. */
import type { Budget } from "../domain/budget.ts";
import type { Refusal } from "../domain/command.ts";
import { Fault } from "../domain/fault.ts";
import { findBudget, noteRefusal } from "../store/chain.ts";
import type { Tx } from "../store/database.ts";

/** What the work would have cost, and under which budgets. */
export interface AskedFor {
  readonly neededMicros: bigint;
  readonly at: Date;
  readonly chainId: string;
  readonly budgets: readonly Budget[];
}

export function insufficientFunds(neededMicros: bigint): Fault {
  return new Fault("insufficient_funds", "The wallet does not have what this costs.", {
    neededMicros,
  });
}

/** The fault that a refusal means to the caller. Throws where only a bug can have been refused so. */
export async function openingFault(tx: Tx, refusal: Refusal, asked: AskedFor): Promise<Fault> {
  switch (refusal.code) {
    case "insufficient_funds":
      return insufficientFunds(asked.neededMicros);
    case "account_frozen":
      return new Fault("conflict", "A payment is disputed: nothing leaves this wallet meanwhile.");
    case "key_revoked":
      return new Fault("unauthenticated", "The key is revoked or expired.", { reason: "inactive" });
    case "offer_changed":
      return new Fault("conflict", "The agent has just changed. Look at its price and ask again.");
    case "workspace_suspended":
      return new Fault("suspended", "The workspace is suspended.");
    case "budget_exceeded":
      return limitFault(tx, refusal.budgetId, asked);
    default:
      throw new Error(`opening work was refused: ${refusal.code}`);
  }
}

async function limitFault(
  tx: Tx,
  id: string,
  { neededMicros, chainId, budgets, at }: AskedFor,
): Promise<Fault> {
  const scope = budgets.find((budget) => budget.id === id)?.scope ?? "run";
  const row = await findBudget(tx, id);
  const limitMicros = row?.limitMicros ?? 0n;
  if (scope === "chain") {
    await noteRefusal(tx, chainId, neededMicros, at);
    const spentMicros = row ? row.heldMicros + row.spentMicros : 0n;
    return new Fault("ceiling_exceeded", "The chain of work has reached its ceiling.", {
      chainId,
      spentMicros,
      ceilingMicros: limitMicros,
    });
  }
  if (scope === "mandate") {
    return new Fault("mandate_invalid", "Too little is left of what the mandate allows.");
  }
  return new Fault("spend_limit_reached", `The ${SCOPE_WORDS[scope] ?? scope} limit has no room.`, {
    scope,
    neededMicros,
    limitMicros,
  });
}

const SCOPE_WORDS: Readonly<Partial<Record<Budget["scope"], string>>> = {
  key_day: "key's daily",
  key_month: "key's monthly",
  key_prepaid: "key's prepaid",
  workspace_day: "workspace's daily",
  workspace_month: "workspace's monthly",
  workspace_prepaid: "workspace's prepaid",
};
