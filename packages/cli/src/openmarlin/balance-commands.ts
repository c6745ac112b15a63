/** The balance: the server's, or what was last known of it; and the top-ups that were seen (contract §10.3). */
import { messageOf } from "../failure.ts";
import { BillingState, balanceOf, snapshotOfBalance } from "./balance.ts";
import { historyLine, newest, printBalance } from "./billing-lines.ts";
import { shortfallIn, wordsOf } from "./billing-refusal.ts";
import { findBody } from "./body.ts";
import { type Client, refused } from "./client.ts";
import type { Flags } from "./flags.ts";
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { oneLine } from "./output.ts";
import { rememberShortfall } from "./platform-answer.ts";
import { noteFailure } from "./topup.ts";
import type { Reply } from "./wire.ts";

export async function showBalance(client: Client, flags: Flags): Promise<number> {
  const { output } = client;
  const isJson = flags.has("json");
  const body = findBody(flags, "response");
  const shortfall = body && shortfallIn(body);
  if (shortfall) rememberShortfall(client, shortfall);
  const wanted = textOf(flags.text("workspace-id")) ?? shortfall?.workspaceId;
  const state = new BillingState(client.directory);
  const { metadata } = client.key;
  const answer = await client.call({ method: "GET", path: "/v1/balance" }).catch(wordsOfFailure);
  const told = typeof answer !== "string" && answer.isSuccess && balanceOf(fieldsOf(answer.json));
  if (typeof answer === "string" || !told) {
    const known = lastKnown(client, state, wanted ?? textOf(metadata.workspace_id));
    return tellLastKnown(client, answer, state, known, isJson);
  }
  if (wanted !== undefined && wanted !== told.workspaceId) {
    output.note(`The key belongs to workspace ${told.workspaceId}, not to ${wanted}.`);
  }
  const snapshot = snapshotOfBalance(told, new Date());
  noteFailure(client, () => state.keepSnapshot(told.workspaceId, snapshot));
  if (!isJson) printBalance(output, snapshot, state.path);
  else {
    output.json({
      ...{ ok: true, status: answer.status, api_key_source: client.key.source },
      ...{ response: answer.json ?? null, billing_state_path: state.path, balance: snapshot },
    });
  }
  return 0;
}

function wordsOfFailure(error: unknown): string {
  return oneLine(messageOf(error));
}

function lastKnown(
  client: Client,
  state: BillingState,
  workspaceId: string | undefined,
): JsonObject | undefined {
  if (workspaceId === undefined) return undefined;
  return noteFailure(client, () => state.snapshot(workspaceId));
}

/** The balance could not be had: says why, and what was known before. */
function tellLastKnown(
  { key, output }: Client,
  answer: Reply | string,
  state: BillingState,
  known: JsonObject | undefined,
  isJson: boolean,
): number {
  if (isJson) {
    const failed =
      typeof answer === "string"
        ? { ok: false, status: null, api_key_source: key.source, response: null, message: answer }
        : refused(answer, key);
    output.json({ ...failed, billing_state_path: state.path, fallback_balance: known ?? null });
    return 1;
  }
  output.note(whyNot(answer));
  if (known) {
    output.line("The server did not tell the balance. What was last known of it:");
    printBalance(output, known, state.path);
  }
  return 1;
}

function whyNot(answer: Reply | string): string {
  if (typeof answer === "string") return answer;
  return answer.isSuccess ? "The server's answer is no balance." : wordsOf(answer);
}

export async function showHistory(client: Client, flags: Flags): Promise<number> {
  const state = new BillingState(client.directory);
  const workspaceId = textOf(flags.text("workspace-id"));
  const byTime = newest(state.topups(workspaceId), "created_at", flags.number("limit"));
  if (flags.has("json")) {
    client.output.json({ ok: true, billing_state_path: state.path, sessions: byTime });
    return 0;
  }
  client.output.line(`Top-ups that were seen here (${state.path}), the newest first:`);
  for (const topup of byTime) client.output.line(historyLine(topup));
  if (byTime.length === 0) client.output.line("none");
  return 0;
}
