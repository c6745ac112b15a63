/** What `platform_request` was answered, or refused: for people in words, for programs as JSON (contract §10.2). */
import { BillingState } from "./balance.ts";
import { type Client, refused } from "./client.ts";
import { eventsJson, eventsOf, isStream } from "./events.ts";
import { explain } from "./explanations.ts";
import { fieldsOf, type JsonObject, textOf } from "./json.ts";
import { lineOfJson } from "./json-text.ts";
import { oneLine, shortened } from "./output.ts";
import {
  recoveryCommands,
  recoveryOf,
  shortfallOf,
  shortfallText,
  snapshotOfShortfall,
} from "./shortfall.ts";
import { noteFailure } from "./topup.ts";
import { codeOf, kindOf, type Reply, refusal } from "./wire.ts";

/** What was asked for, as far as a refusal repeats it. */
export interface Asked {
  readonly isTask: boolean;
  readonly provider: string | null;
  readonly labels: JsonObject;
}

/** Nothing about where it goes was asked. */
export const UNROUTED: Asked = { isTask: false, provider: null, labels: {} };
export const TASK: Asked = { ...UNROUTED, isTask: true };

const PAYMENT_REQUIRED = 402;

/** A success, for `--json`. What is no JSON is given as it came. */
export function answered(client: Client, reply: Reply, { provider, labels }: Asked): JsonObject {
  return {
    ok: true,
    status: reply.status,
    ...{ provider, labels, api_key_source: client.key.source },
    response_headers: reply.headers,
    response: (isStream(reply) ? undefined : reply.json) ?? reply.text,
    ...(isStream(reply) && { stream_events: eventsJson(eventsOf(reply.text)) }),
  };
}

/** Prints why it was refused. Returns the exit code. */
export function tellRefusal(client: Client, reply: Reply, asked: Asked, isJson: boolean): number {
  const { output } = client;
  const shortfall = shortfallOf(reply.json);
  const storedAt = shortfall && rememberShortfall(client, shortfall);
  const recoverable = reply.status === PAYMENT_REQUIRED ? shortfall : undefined;
  const message = messageFor(reply, asked);
  if (isJson) {
    output.json({
      ...refused(reply, client.key),
      ...{ provider: asked.provider, labels: asked.labels, message },
      ...(isStream(reply) && { stream_events: eventsJson(eventsOf(reply.text)) }),
      ...(recoverable && {
        recovery: recoveryOf(recoverable),
        commands: recoveryCommands(recoverable),
      }),
      ...(storedAt !== undefined && { stored_balance: { billing_state_path: storedAt } }),
    });
    return 1;
  }
  if (!recoverable) {
    output.note(message);
    return 1;
  }
  output.note(`${message} ${shortfallText(recoverable)}`);
  output.note("This can be mended by a top-up:");
  for (const command of recoveryCommands(recoverable)) output.note(`  ${command}`);
  if (storedAt !== undefined) output.note(`Balance noted in ${storedAt}`);
  return 1;
}

/** Keeps what a refusal tells of the balance. Returns where. */
export function rememberShortfall(
  client: Client,
  shortfall: NonNullable<ReturnType<typeof shortfallOf>>,
): string | undefined {
  const { workspaceId } = shortfall;
  if (workspaceId === undefined) return undefined;
  return noteFailure(client, () => {
    const state = new BillingState(client.directory);
    state.keepSnapshot(workspaceId, snapshotOfShortfall(shortfall, new Date()));
    return state.path;
  });
}

/** Status, code, what it means, what the server says of it, and what it was asked. */
function messageFor(reply: Reply, asked: Asked): string {
  if (reply.status < 400) return refusal(reply).message;
  const code = codeOf(reply.json);
  const said = textOf(fieldsOf(reply.json).message);
  const words = [
    `HTTP ${reply.status} ${code ?? "without a code"}: ${explain(code, asked.isTask)}`,
    ...(said === undefined ? [] : [`The server says: ${shortened(said)}`]),
    ...(reply.json === undefined ? [`It answered with ${kindOf(reply)}.`] : []),
    ...sentWords(asked),
  ];
  return words.join(" ");
}

function sentWords({ isTask, provider, labels }: Asked): string[] {
  const sent = [
    ...(provider === null ? [] : [`provider=${oneLine(provider)}`]),
    ...(Object.keys(labels).length === 0 ? [] : [`labels=${lineOfJson(labels)}`]),
  ];
  return isTask || sent.length === 0 ? [] : [`Sent ${sent.join(", ")}.`];
}
