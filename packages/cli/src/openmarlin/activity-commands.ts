/** What was used and booked lately, and the referral code (contract §8.3, §8.4, §8.6). */
import { Failure } from "../failure.ts";
import { ledgerLine, newest, usageLine } from "./billing-lines.ts";
import { tellRefusal } from "./billing-refusal.ts";
import type { Client } from "./client.ts";
import type { Flags } from "./flags.ts";
import { fieldsOf, type Json, type JsonObject, Numeral, textOf } from "./json.ts";
import { objectOf, type Reply } from "./wire.ts";

export async function showActivity(client: Client, flags: Flags): Promise<number> {
  const { output } = client;
  const isJson = flags.has("json");
  const limit = flags.number("limit");
  const replies: Reply[] = [];
  for (const path of ["/v1/usage-events", "/v1/ledger"]) {
    const reply = await client.call({ method: "GET", path });
    if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
    replies.push(reply);
  }
  const [usage, ledger] = replies.map((reply) => ({
    status: reply.status,
    items: newest(listOf(reply), "created_at", limit),
  }));
  if (isJson) {
    output.json({
      ...{ ok: true, api_key_source: client.key.source },
      ...{ usage_events_status: usage?.status, usage_events: usage?.items },
      ...{ ledger_status: ledger?.status, ledger_entries: ledger?.items },
    });
    return 0;
  }
  output.line(`API key source: ${client.key.source}`);
  printList(client, "Recent usage events:", usage?.items ?? [], usageLine);
  printList(client, "Recent ledger entries:", ledger?.items ?? [], ledgerLine);
  return 0;
}

function listOf(reply: Reply): Json {
  const { data } = objectOf(reply);
  if (Array.isArray(data)) return data as readonly Json[];
  throw new Failure("bad_response", `${reply.url} answered without a list.`);
}

function printList(
  { output }: Client,
  title: string,
  items: readonly JsonObject[],
  lineOf: (item: Json) => string,
): void {
  output.line(title);
  for (const item of items) output.line(lineOf(item));
  if (items.length === 0) output.line("none");
}

const COUNTS = ["signed_up_count", "qualified_count", "rewarded_count"] as const;

export async function showReferral(client: Client, flags: Flags): Promise<number> {
  const { output } = client;
  const isJson = flags.has("json");
  const reply = await client.call({ method: "GET", path: "/v1/referrals/me" });
  if (!reply.isSuccess) return tellRefusal(client, reply, isJson);
  const referral = objectOf(reply);
  const summary = fieldsOf(referral.summary);
  if (
    textOf(referral.referral_code) === undefined ||
    !COUNTS.every((name) => isCount(summary[name]))
  ) {
    throw new Failure("bad_response", `${reply.url} answered with an invalid referral.`);
  }
  if (isJson) {
    output.json({
      ...{ ok: true, status: reply.status, api_key_source: client.key.source, referral },
    });
    return 0;
  }
  output.line(`API key source: ${client.key.source}`);
  output.field("Referral code", referral.referral_code);
  output.field("Referral link", referral.referral_link);
  const [signedUp, qualified, rewarded] = COUNTS.map((name) => (summary[name] as Numeral).text);
  output.line(
    `Attribution summary: signed_up=${signedUp} qualified=${qualified} rewarded=${rewarded}`,
  );
  return 0;
}

function isCount(value: Json | undefined): boolean {
  return value instanceof Numeral && /^\d+$/.test(value.text);
}
