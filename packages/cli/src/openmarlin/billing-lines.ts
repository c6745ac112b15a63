/** Balances, top-ups and what was booked, for people (contract §10.3). */
import { amountOf, amountText } from "./decimal.ts";
import { fieldsOf, itemsOf, type Json, type JsonObject, textOf } from "./json.ts";
import { type Output, wordOf } from "./output.ts";
import { scriptCommand } from "./own-script.ts";
import { recoveryCommands, type Shortfall } from "./shortfall.ts";
import type { Refreshed } from "./topup.ts";

export function printShortfall(output: Output, shortfall: Shortfall, storedAt: string): void {
  const { message, workspaceId, current, required, missing } = shortfall;
  output.line(message ?? "The balance of the workspace does not suffice for this request.");
  output.field("Workspace ID", workspaceId);
  output.line(`Current balance: ${amountText(current)}`);
  output.line(`Required balance: ${amountText(required)}`);
  output.line(`Shortfall: ${amountText(missing)}`);
  output.line("Recovery: this is mended by a top-up, after which the request can be sent again.");
  for (const command of recoveryCommands(shortfall)) output.line(`  ${command}`);
  output.line(`Billing state path: ${storedAt}`);
}

/** What a status means, and what comes next. */
const NEXT: Readonly<Record<string, (id: string) => string>> = {
  pending_payment: (id) =>
    `Open the checkout URL in a browser and pay: that is the only step outside. Then: ${scriptCommand("billing", ["watch", "--session-id", id])}`,
  credit_applied: () => "The payment has arrived and is part of the balance.",
  payment_failed: () =>
    "The payment failed or was given up, and nothing was charged. Create another top-up to try again.",
};

export function printTopup(output: Output, told: JsonObject, refreshed?: Refreshed): void {
  const requested = amountOf(told.requested_amount);
  output.field("Top-up session ID", told.topup_session_id);
  output.field("Workspace ID", told.workspace_id);
  output.field("Requested amount", requested && amountText(requested));
  output.field("Status", told.status);
  output.field("Created at", told.created_at);
  output.field("Completed at", told.completed_at);
  output.field("Stripe reference", told.stripe_reference);
  output.field("Checkout URL", told.checkout_url);
  output.field("Credited ledger entry ID", told.credited_ledger_entry_id);
  const status = textOf(told.status) ?? "";
  const next = Object.hasOwn(NEXT, status) ? NEXT[status] : undefined;
  if (next) output.line(`Next: ${next(textOf(told.topup_session_id) ?? "<unknown>")}`);
  if (!refreshed) return;
  const balance = refreshed.balance && amountOf(refreshed.balance);
  if (!balance) output.line("Refreshed balance: <unknown>");
  else {
    const estimated = refreshed.balance?.estimated === true ? "yes" : "no";
    output.line(`Refreshed balance: ${amountText(balance)} (estimated=${estimated})`);
  }
}

const AUTHORITATIVE = "authoritative_balance_api";

export function printBalance(output: Output, snapshot: JsonObject, path: string): void {
  const { source, estimated, message, required_amount, reference } = snapshot;
  const known = amountOf(snapshot);
  const title = source === AUTHORITATIVE ? "Authoritative balance" : "Last known balance";
  const required = amountOf({ amount: required_amount, unit: snapshot.unit });
  output.field("Workspace ID", snapshot.workspace_id);
  output.field(title, known && amountText(known));
  output.field("Observed at", snapshot.observed_at);
  output.field("Source", source);
  output.line(`Estimated: ${estimated === true ? "yes" : "no"}`);
  const updatedAt = fieldsOf(reference).updated_at;
  if (updatedAt) output.field("Server updated at", updatedAt);
  if (required) output.line(`Required balance from last 402: ${amountText(required)}`);
  if (message) output.field("Message", message);
  output.line(`Billing state path: ${path}`);
}

export function historyLine(topup: JsonObject): string {
  const requested = amountOf(topup.requested_amount);
  return line(`- ${wordOf(topup.topup_session_id)}`, {
    workspace: topup.workspace_id,
    status: topup.status,
    amount: requested && amountText(requested),
    credited_ledger_entry_id: topup.credited_ledger_entry_id,
  });
}

export function usageLine(event: Json): string {
  const { created_at, capability, status, provider_id, request_id, measured_units, settlement } =
    fieldsOf(event);
  const units = fieldsOf(measured_units).requests ?? measured_units;
  return line(`- ${wordOf(created_at)}`, {
    ...{ capability, status, provider: provider_id, request: request_id, units },
    ...debits(fieldsOf(settlement)),
  });
}

/** The amounts of a settlement that are there: in the newer form, or the one flat pair of the older. */
function debits(settlement: JsonObject): Readonly<Record<string, string>> {
  const amounts = {
    final_debit: amountOf(settlement.convertedFinalDebit ?? settlement),
    final_total: amountOf(settlement.finalTotal),
    provider_subtotal: amountOf(settlement.providerReportedSubtotal),
    platform_fee: amountOf(settlement.platformFeeTotal),
  };
  const known = Object.entries(amounts).flatMap(([name, amount]) =>
    amount ? [[name, amountText(amount)] as const] : [],
  );
  return Object.fromEntries(known);
}

export function ledgerLine(entry: Json): string {
  const { created_at, type, status, amount, reference_id } = fieldsOf(entry);
  const booked = amountOf(amount);
  return line(`- ${wordOf(created_at)}`, {
    ...{ type, status, amount: booked && amountText(booked), reference_id },
  });
}

function line(start: string, facts: Readonly<Record<string, Json | undefined>>): string {
  const words = Object.entries(facts).map(([name, value]) => `${name}=${wordOf(value)}`);
  return [start, ...words].join(" ");
}

/** The newest first, no more than so many. Instants are compared as text, as they all end alike. */
export function newest(items: Json | undefined, name: string, limit: number): JsonObject[] {
  const at = (item: JsonObject) => textOf(item[name]) ?? "";
  return itemsOf(items)
    .map(fieldsOf)
    .sort((one, other) => Number(at(one) < at(other)) - Number(at(one) > at(other)))
    .slice(0, Math.max(limit, 0));
}
