/**
 * A refusal for lack of balance (contract §8.1): what is there, what is needed, what is missing, and what
 * to do about it. It is a state that a top-up mends, not a failure of the transport.
 */
import { type Amount, amountJson, amountOf, amountText } from "./decimal.ts";
import { isObject, type Json, type JsonObject, textOf } from "./json.ts";
import { scriptCommand } from "./own-script.ts";

export interface Shortfall {
  /** Without one nothing can be remembered of it. */
  readonly workspaceId: string | undefined;
  readonly message: string | undefined;
  readonly current: Amount;
  readonly required: Amount;
  readonly missing: Amount;
  /** What to buy: payments have two places, so a part of a cent is rounded up. */
  readonly topup: Amount;
}

const CODE = "insufficient_balance";
const TOPUP_PLACES = 2;

/** The shortfall that a body tells; `undefined` where it is no such refusal, or not a whole one. */
export function shortfallOf(body: Json | undefined): Shortfall | undefined {
  if (!isObject(body) || body.error_code !== CODE) return undefined;
  const current = amountOf(body.current_balance);
  const required = amountOf(body.required_balance);
  if (!current || !required || current.unit !== required.unit) return undefined;
  const { unit } = required;
  const difference = required.amount.minus(current.amount);
  const missing = difference.isAboveZero ? difference : difference.minus(difference);
  const wanted = missing.isAboveZero ? missing : required.amount;
  return {
    workspaceId: textOf(body.workspace_id),
    message: textOf(body.message),
    ...{ current, required, missing: { amount: missing, unit } },
    topup: { amount: wanted.roundedUp(TOPUP_PLACES), unit },
  };
}

/** What is remembered of it. */
export function snapshotOfShortfall(shortfall: Shortfall, now: Date): JsonObject {
  const { workspaceId, message, current, required } = shortfall;
  return {
    workspace_id: workspaceId,
    amount: current.amount.toFloat(),
    unit: current.unit,
    observed_at: now.toISOString(),
    source: "structured_402",
    estimated: false,
    message,
    required_amount: required.amount.toFloat(),
    reference: { error_code: CODE },
  };
}

/** For `--json`. */
export function recoveryOf(shortfall: Shortfall): JsonObject {
  const { workspaceId, message, current, required, missing, topup } = shortfall;
  return {
    error_code: CODE,
    message,
    workspace_id: workspaceId ?? null,
    current_balance: amountJson(current),
    required_balance: amountJson(required),
    shortfall: amountJson(missing),
    topup: amountJson(topup),
  };
}

/** The two commands that mend it: buy, and see the payment through. */
export function recoveryCommands({ topup }: Shortfall): readonly string[] {
  return [
    scriptCommand("billing", ["create-topup", "--amount", topup.amount.toString()]),
    `${scriptCommand("billing", ["watch"])} --session-id <topup-session-id>`,
  ];
}

export function shortfallText({ current, required, missing }: Shortfall): string {
  return `Current=${amountText(current)} required=${amountText(required)} shortfall=${amountText(missing)}`;
}
