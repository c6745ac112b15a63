/** Buying credits: what a refusal asks for, the top-up, and its payment (contract §8.5, §10.3). */
import { Failure, usageFailure } from "../failure.ts";
import { BillingState } from "./balance.ts";
import { printShortfall, printTopup } from "./billing-lines.ts";
import { shortfallIn, tellRefusal } from "./billing-refusal.ts";
import { findBody, requireBody } from "./body.ts";
import type { Client } from "./client.ts";
import { Decimal } from "./decimal.ts";
import type { Flags } from "./flags.ts";
import { type JsonObject, textOf } from "./json.ts";
import { oneLine } from "./output.ts";
import { scriptCommand } from "./own-script.ts";
import { rememberShortfall } from "./platform-answer.ts";
import { poll } from "./poll.ts";
import { recoveryCommands, recoveryOf, type Shortfall } from "./shortfall.ts";
import {
  lookAtTopup,
  openTopup,
  type Refreshed,
  refreshBalance,
  rememberTopup,
  type StoredTopup,
} from "./topup.ts";
import { objectOf, type Reply } from "./wire.ts";

/** Keeps what the refusal tells of the balance. Fails where it cannot be kept. */
function keep(client: Client, shortfall: Shortfall): string {
  const path = rememberShortfall(client, shortfall);
  if (path !== undefined) return path;
  throw new Failure("state_file", "The balance could not be written down.");
}

export async function explain402(client: Client, flags: Flags): Promise<number> {
  const { output } = client;
  const isJson = flags.has("json");
  const shortfall = shortfallIn(requireBody(flags, "response"));
  const stored = keep(client, shortfall);
  const told = {
    recovery: recoveryOf(shortfall),
    commands: recoveryCommands(shortfall),
    stored: { billing_state_path: stored, workspace_id: shortfall.workspaceId },
  };
  if (!isJson) printShortfall(output, shortfall, stored);
  if (!flags.has("auto-recover")) {
    if (isJson) output.json(told);
    return 0;
  }
  const reply = await openTopup(client, shortfall.topup.amount);
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const topup = objectOf(reply);
  const session = rememberTopup(client, new BillingState(client.directory), topup);
  if (isJson) output.json({ ...told, auto_recovered: topup, stored_session: jsonOf(session) });
  else printTopup(output, topup);
  return 0;
}

export async function createTopup(client: Client, flags: Flags): Promise<number> {
  const reply = await openTopup(client, amountFor(client, flags));
  return tellTopup(client, flags, reply);
}

/** What was named, or what a refusal says is missing. */
function amountFor(client: Client, flags: Flags): Decimal {
  const named = flags.text("amount");
  const body = findBody(flags, "response");
  if (named !== undefined && body)
    throw usageFailure("Give either --amount or a response, not both.");
  const amount = named === undefined ? undefined : Decimal.of(named);
  if (amount) return amount;
  if (!body) throw usageFailure("Give --amount, --response-json or --response-file.");
  const shortfall = shortfallIn(body);
  rememberShortfall(client, shortfall);
  return shortfall.topup.amount;
}

export async function topupStatus(client: Client, flags: Flags): Promise<number> {
  return tellTopup(client, flags, await lookAtTopup(client, flags.required("session-id")));
}

export async function watchTopup(client: Client, flags: Flags): Promise<number> {
  const id = flags.required("session-id");
  let status = "";
  const polled = poll(
    flags,
    async () => {
      const reply = await lookAtTopup(client, id);
      status = reply.isSuccess ? (textOf(objectOf(reply).status) ?? "unknown") : "";
      return { reply, status };
    },
    (seen) => !seen.reply.isSuccess || isOver(seen.status),
  );
  const label = () => `waiting for the payment · ${oneLine(status)}`;
  const { value, isOver: isDone } = await client.output.waiting(label, polled);
  if (isDone) return tellTopup(client, flags, value.reply);
  rememberTopup(client, new BillingState(client.directory), objectOf(value.reply));
  throw new Failure(
    "timeout",
    `The top-up is still ${oneLine(value.status)} after ${flags.required("timeout-seconds")} s. To wait longer: ${scriptCommand("billing", ["watch", "--session-id", id])}`,
  );
}

function isOver(status: string): boolean {
  return status === "credit_applied" || status === "payment_failed";
}

/** Prints a top-up; one that was paid with the balance after it. */
async function tellTopup(client: Client, flags: Flags, reply: Reply): Promise<number> {
  const isJson = flags.has("json");
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const topup = objectOf(reply);
  const state = new BillingState(client.directory);
  const stored = rememberTopup(client, state, topup);
  const isPaid = topup.status === "credit_applied";
  const refreshed = isPaid ? await refreshBalance(client, state, topup) : undefined;
  if (!isJson) printTopup(client.output, topup, refreshed);
  else {
    client.output.json({
      ...{ ok: true, status: reply.status, api_key_source: client.key.source, response: topup },
      stored_session: jsonOf(stored),
      ...(refreshed && refreshedJson(refreshed)),
    });
  }
  return 0;
}

function refreshedJson({ status, response, balance }: Refreshed): JsonObject {
  return {
    authoritative_balance_status: status,
    authoritative_balance_response: response ?? null,
    refreshed_balance: balance ?? null,
  };
}

function jsonOf(stored: StoredTopup | undefined): JsonObject | null {
  return stored ? { ...stored } : null;
}
