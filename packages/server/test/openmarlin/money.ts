/** Workspaces on OpenMarlin's wire, and what it says of their money. */
import assert from "node:assert/strict";
import type { Guildhall } from "../support/guildhall.ts";
import { type Reply, send } from "./support.ts";

/** A member as a program of this wire acts for one. */
export interface Account {
  readonly email: string;
  readonly key: string;
  readonly keyId: string;
  readonly workspaceId: string;
  ask(method: string, path: string, body?: object | string): Promise<Reply>;
  balance(): Promise<number>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
  list(path: "/v1/ledger" | "/v1/usage-events" | "/v1/topup/sessions"): Promise<any[]>;
}

/** What a newcomer to a development server has to play with, in credits of this wire. */
export const PLAY_CREDITS = 10_000;

/** Adds a member, and a key of this wire. */
export async function openAccount(hall: Guildhall, email: string): Promise<Account> {
  const member = await hall.admin("POST", "/members", { email });
  const key = await hall.admin("POST", "/keys", { email, kind: "claw_wsk", label: "test" });
  return accountOf(hall, {
    email,
    key: String(key.key),
    keyId: String(key.key_id),
    workspaceId: String(member.workspace_id),
  });
}

/** The same for a member that is there already. */
export function accountOf(
  hall: { readonly url: string },
  who: { email: string; key: string; keyId: string; workspaceId: string },
): Account {
  const ask = (method: string, path: string, body?: object | string) =>
    send(hall, method, path, body, { authorization: `Bearer ${who.key}` });
  return {
    ...who,
    ask,
    async balance() {
      const { status, body } = await ask("GET", "/v1/balance");
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.available_balance.unit, "credits");
      return body.available_balance.amount;
    },
    async list(path) {
      const { status, body } = await ask("GET", path);
      assert.equal(status, 200, JSON.stringify(body));
      return body.data;
    },
  };
}

/** The sum of what a ledger says is posted, in millionths of a credit: sums of doubles are not exact. */
export function postedSum(
  entries: readonly { status: string; amount: { amount: number } }[],
): bigint {
  return entries
    .filter(({ status }) => status === "posted")
    .reduce((sum, { amount }) => sum + BigInt(Math.round(amount.amount * 1e6)), 0n);
}

/** The ledger's posted entries are the balance, to the last digit. */
export async function assertSumIsBalance(account: Account): Promise<void> {
  const entries = await account.list("/v1/ledger");
  const balance = await account.balance();
  assert.equal(postedSum(entries), BigInt(Math.round(balance * 1e6)));
  assert.ok(entries.length <= 200, `${entries.length} entries`);
  const instants = entries.map((entry) => entry.created_at as string);
  assert.deepEqual(instants, [...instants].sort().reverse(), "newest first, as text");
  const ids = new Set(entries.map((entry) => entry.ledger_entry_id));
  assert.equal(ids.size, entries.length, "each entry has an id of its own");
}

/** The books add up. */
export async function assertBooks(hall: Guildhall): Promise<void> {
  const verdict: Record<string, unknown> = await hall.admin("GET", "/ledger/verify?full=1");
  assert.deepEqual([verdict.ok, verdict.drift_micros], [true, "0"], JSON.stringify(verdict));
}
