/** Carries out an instruction (contract §6): one request, answered whole or as a stream of events. */
import { Failure } from "../failure.ts";
import { requireBody } from "./body.ts";
import type { Client } from "./client.ts";
import { EventReader, isStream, type StreamEvent } from "./events.ts";
import { executionRequestOf } from "./execution-body.ts";
import type { Flags } from "./flags.ts";
import { lineOfJson } from "./json-text.ts";
import { type Output, oneLine } from "./output.ts";
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
  const stream = new StreamPrinter(output, asked);
  const reply = await output.waiting(
    "waiting for the answer",
    client.call({
      ...{ method: "POST", path: "/v1/executions", body, timeoutMs },
      ...(!isJson && { onText: (text, headers) => isStream({ headers }) && stream.print(text) }),
    }),
  );
  if (!reply.isSuccess) return tellRefusal(client, reply, asked, isJson);
  refusePage(reply);
  if (isJson) output.json(answered(client, reply, asked));
  else if (isStream(reply)) stream.end();
  else printAnswer(output, reply, asked);
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

/** Prints events as they come: whoever watches need not wait for the last. */
class StreamPrinter {
  readonly #output: Output;
  readonly #asked: Asked;
  readonly #reader = new EventReader();
  #isBegun = false;

  constructor(output: Output, asked: Asked) {
    this.#output = output;
    this.#asked = asked;
  }

  print(text: string): void {
    const events = this.#reader.read(text);
    // A server that only says that it is still there has said nothing yet.
    if (events.length > 0) this.#begin();
    this.#lines(events);
  }

  end(): void {
    this.#begin();
    this.#lines(this.#reader.end());
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    printAsked(this.#output, this.#asked);
    this.#output.line("Execution stream:");
  }

  #lines(events: readonly StreamEvent[]): void {
    for (const { event, data } of events) {
      this.#output.line(`- ${oneLine(event)}: ${lineOfJson(data)}`);
    }
  }
}

function printAsked(output: Output, { provider, labels }: Asked): void {
  output.line("Command: executions");
  output.line(`Provider override: ${provider === null ? "<none>" : oneLine(provider)}`);
  output.line(`Routing labels: ${lineOfJson(labels)}`);
}

function printAnswer(output: Output, reply: Reply, asked: Asked): void {
  printAsked(output, asked);
  output.line("Response:");
  if (reply.json === undefined) output.line(reply.text);
  else output.json(reply.json);
}
