/** A top-up (contract §8.5): made here, paid on a page of the payment processor's. */

import { messageOf } from "../failure.ts";
import { type BillingState, balanceOf, snapshotAfterTopup, snapshotOfBalance } from "./balance.ts";
import type { Client } from "./client.ts";
import type { Decimal } from "./decimal.ts";
import { fieldsOf, type JsonObject, Numeral, textOf } from "./json.ts";
import { oneLine } from "./output.ts";
import { type Reply, segment } from "./wire.ts";

const SESSIONS = "/v1/topup/sessions";

export function openTopup(client: Client, amount: Decimal): Promise<Reply> {
  const body = { amount: new Numeral(amount.toString()) };
  return client.call({ method: "POST", path: SESSIONS, body });
}

export function lookAtTopup(client: Client, id: string): Promise<Reply> {
  return client.call({ method: "GET", path: `${SESSIONS}/${segment(id)}` });
}

/** Where it went, for `--json`. */
export interface StoredTopup {
  readonly billing_state_path: string;
  readonly workspace_id: string;
  readonly topup_session_id: string;
}

/** Remembers a top-up that the server told. One without its ids cannot be, and is shown all the same. */
export function rememberTopup(
  client: Client,
  state: BillingState,
  told: JsonObject,
): StoredTopup | undefined {
  const workspaceId = textOf(told.workspace_id);
  const id = textOf(told.topup_session_id);
  if (workspaceId === undefined || id === undefined) {
    client.output.note("The server told a top-up without its ids: it is not remembered here.");
    return undefined;
  }
  // It is paid for, or going to be: that it could not be written down must not hide it.
  return noteFailure(client, () => {
    state.keepTopup(workspaceId, id, told, new Date());
    return { billing_state_path: state.path, workspace_id: workspaceId, topup_session_id: id };
  });
}

/** The balance after a payment: the server's, or an estimate where it does not tell. */
export interface Refreshed {
  /** The answer's status; `null` where there was none. */
  readonly status: number | null;
  readonly response: Reply["json"];
  readonly balance: JsonObject | undefined;
}

export async function refreshBalance(
  client: Client,
  state: BillingState,
  topup: JsonObject,
): Promise<Refreshed> {
  const reply = await client
    .call({ method: "GET", path: "/v1/balance" })
    .catch((error: unknown) => {
      client.output.note(oneLine(messageOf(error)));
      return undefined;
    });
  const answered = { status: reply?.status ?? null, response: reply?.json ?? reply?.text ?? null };
  const told = reply?.isSuccess ? balanceOf(fieldsOf(reply.json)) : undefined;
  const workspaceId = told?.workspaceId ?? textOf(topup.workspace_id);
  if (workspaceId === undefined) return { ...answered, balance: undefined };
  const balance = noteFailure(client, () => {
    const now = new Date();
    const before = state.snapshot(workspaceId);
    const after = told ? snapshotOfBalance(told, now) : snapshotAfterTopup(before, topup, now);
    if (after) state.keepSnapshot(workspaceId, after);
    return after ?? before;
  });
  return { ...answered, balance };
}

/** What is only remembered does no harm where it cannot be. */
export function noteFailure<T>(client: Client, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    client.output.note(oneLine(messageOf(error)));
    return undefined;
  }
}
