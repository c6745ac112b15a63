/** Carries out an instruction (contract §6): one request, answered whole or as a stream of events. */
import { Failure } from "../failure.ts";
import { requireBody } from "./body.ts";
import type { Client } from "./client.ts";
import { eventsOf, isStream } from "./events.ts";
import { executionRequestOf } from "./execution-body.ts";
import type { Flags } from "./flags.ts";
import { lineOfJson } from "./json-text.ts";
import { oneLine } from "./output.ts";
import { type Asked, answered, tellRefusal } from "./platform-answer.ts";
import { kindOf, type Reply } from "./wire.ts";

export async function runExecution(client: Client, flags: Flags): Promise<number> {
  const { output, settings } = client;
  const { body, provider, labels, timeoutMs } = executionRequestOf(
    requireBody(flags, "body"),
    settings,
    flags,
  );
  const asked = { isTask: false, provider, labels };
  const isJson = flags.has("json");
  const reply = await output.waiting(
    "waiting for the answer",
    client.call({ method: "POST", path: "/v1/executions", body, timeoutMs }),
  );
  if (!reply.isSuccess) return tellRefusal(client, reply, asked, isJson);
  refusePage(reply);
  if (isJson) output.json(answered(client, reply, asked));
  else printExecution(client, reply, asked);
  return 0;
}

/** Where a page for people answers, the server's address is not what it should be. */
function refusePage(reply: Reply): void {
  if (!/^(?:text\/html|application\/xhtml)/i.test(reply.headers["content-type"] ?? "")) return;
  throw new Failure(
    "bad_response",
    `${reply.method} ${reply.url} answered with ${kindOf(reply)}. Is that the address of a server?`,
  );
}

function printExecution({ output }: Client, reply: Reply, { provider, labels }: Asked): void {
  output.line("Command: executions");
  output.line(`Provider override: ${provider === null ? "<none>" : oneLine(provider)}`);
  output.line(`Routing labels: ${lineOfJson(labels)}`);
  if (isStream(reply)) {
    output.line("Execution stream:");
    for (const { event, data } of eventsOf(reply.text)) {
      output.line(`- ${oneLine(event)}: ${lineOfJson(data)}`);
    }
    return;
  }
  output.line("Response:");
  if (reply.json === undefined) output.line(reply.text);
  else output.json(reply.json);
}
