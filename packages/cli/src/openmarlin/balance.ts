/**
 * What this machine remembers of balances and top-ups (contract §3.2, `billing-state.json`). It is never
 * more than that: the balance is what the server says, and a snapshot is told as the last known one.
 */
import { type Amount, amountOf, decimalOf } from "./decimal.ts";
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { StateFile } from "./state-file.ts";

const BALANCE = "last_balance_snapshot";
const TOPUPS = "topup_sessions";

export class BillingState {
  readonly #file: StateFile;

  constructor(directory: string) {
    this.#file = new StateFile(directory, "billing-state.json", "workspaces");
  }

  get path(): string {
    return this.#file.path;
  }

  /** The last balance that was seen of a workspace. */
  snapshot(workspaceId: string): JsonObject | undefined {
    const found = fieldsOf(entryOf(this.#file.entries(), workspaceId)[BALANCE]);
    return Object.keys(found).length === 0 ? undefined : found;
  }

  /** Every top-up that was seen, with its workspace: of all workspaces, or of one. */
  topups(workspaceId?: string): JsonObject[] {
    const workspaces = this.#file.entries();
    const ids = workspaceId === undefined ? Object.keys(workspaces) : [workspaceId];
    return ids.flatMap((id) =>
      Object.values(fieldsOf(entryOf(workspaces, id)[TOPUPS])).map((topup) => ({
        workspace_id: id,
        ...fieldsOf(topup),
      })),
    );
  }

  keepSnapshot(workspaceId: string, snapshot: JsonObject): void {
    this.#change(workspaceId, (entry) => ({ ...entry, [BALANCE]: snapshot }));
  }

  /** Keeps a top-up as the server told it. */
  keepTopup(workspaceId: string, id: string, told: JsonObject, now: Date): void {
    const topup = { ...told, last_seen_at: now.toISOString() };
    this.#change(workspaceId, (entry) => ({
      ...entry,
      [TOPUPS]: { ...fieldsOf(entry[TOPUPS]), [id]: topup },
    }));
  }

  #change(workspaceId: string, changed: (entry: JsonObject) => JsonObject): void {
    this.#file.change((workspaces) => ({
      ...workspaces,
      [workspaceId]: changed(entryOf(workspaces, workspaceId)),
    }));
  }
}

function entryOf(workspaces: JsonObject, id: string): JsonObject {
  return fieldsOf(Object.hasOwn(workspaces, id) ? workspaces[id] : undefined);
}

export interface Balance extends Amount {
  readonly workspaceId: string;
  readonly updatedAt: string | undefined;
}

/** The balance that `GET /v1/balance` tells; `undefined` where the answer is none (contract §8.2). */
export function balanceOf(told: JsonObject): Balance | undefined {
  const workspaceId = textOf(told.workspace_id);
  const available = amountOf(told.available_balance);
  if (workspaceId === undefined || available === undefined) return undefined;
  return { workspaceId, ...available, updatedAt: textOf(told.updated_at) };
}

export function snapshotOfBalance(balance: Balance, now: Date): JsonObject {
  const { workspaceId, amount, unit, updatedAt } = balance;
  return {
    workspace_id: workspaceId,
    amount: amount.toFloat(),
    unit,
    observed_at: now.toISOString(),
    source: "authoritative_balance_api",
    estimated: false,
    ...(updatedAt !== undefined && { reference: { updated_at: updatedAt } }),
  };
}

/**
 * The balance after a top-up that was paid, where the server cannot be asked for it: the last known one and
 * the top-up. `undefined` where nothing was known, in another unit, or where this top-up is in it already.
 */
export function snapshotAfterTopup(
  before: JsonObject | undefined,
  topup: JsonObject,
  now: Date,
): JsonObject | undefined {
  const known = decimalOf(before?.amount);
  const added = amountOf(topup.requested_amount);
  const reference = fieldsOf(before?.reference);
  const isCounted = reference.topup_session_id === topup.topup_session_id;
  if (!before || !known || !added || added.unit !== before.unit || isCounted) return undefined;
  return {
    workspace_id: before.workspace_id,
    amount: known.plus(added.amount).toFloat(),
    unit: added.unit,
    observed_at: now.toISOString(),
    source: "topup_session_credit_applied",
    estimated: before.estimated ?? true,
    reference: {
      topup_session_id: topup.topup_session_id,
      credited_ledger_entry_id: topup.credited_ledger_entry_id,
      base_observed_at: before.observed_at,
    },
  };
}
