import { randomUUID } from "node:crypto";
import { LIMITS } from "@guildhall/protocol";
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, isFailure } from "../../failure.ts";
import { jsonObject, readNamedFile, textOrStdin, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Page, readable } from "../../terminal/layout.ts";
import { plain } from "../../terminal/redact.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";

/** The server answers by its own deadline; this much later nobody is going to. */
const GRACE_MS = 15_000;

interface InvokeOptions {
  readonly capability: string;
  readonly input: string;
  readonly intention?: string;
  readonly manifest?: string;
  readonly manifestId?: string;
  readonly maxCredits?: number;
  readonly timeout: number;
  readonly referredBy?: string;
  readonly idempotencyKey?: string;
}

export function addInvoke(program: Command, cli: Cli): void {
  const command = program
    .command("invoke")
    .description("Have one piece of work done and wait for its result")
    .argument("<agent_id>", "agt_…")
    .requiredOption("--capability <name>", "what the agent is to do")
    .requiredOption("--input <json>", "its input, a JSON object; - reads it from stdin")
    .option("--intention <text>", "what it is for; said to the agent")
    .addOption(
      new Option(
        "--manifest <json>",
        "context for the agent: JSON, @file, or - for stdin",
      ).conflicts("manifestId"),
    )
    .option("--manifest-id <id>", "context that was stored before: mft_…")
    .option("--max-credits <n>", "refuse the work where it would cost more", wholeNumber(0))
    .option(
      "--timeout <seconds>",
      "how long it may take",
      wholeNumber(LIMITS.runSecondsMin, LIMITS.runSecondsMax),
      LIMITS.runSecondsDefault,
    )
    .option("--referred-by <who>", "who pointed you to this agent")
    .option("--idempotency-key <key>", "ask for the same piece of work again, without paying twice")
    .action(async (agentId: string, options: InvokeOptions) => {
      const answer = await invoke(cli, agentId, options);
      cli.terminal.answer(answer, drawn);
    });
  addExamples(command, cli, [
    [
      `invoke agt_… --capability text.shout.v1 --input '{"text":"hello"}' --max-credits 100`,
      "for at most 100 credits",
    ],
    [
      `invoke agt_… --capability markdown_convert --input '{"file":{"file_id":"fil_…"}}'`,
      "a file that was uploaded before",
    ],
    ["invoke agt_… --capability text.shout.v1 --input - < input.json", "a long input"],
  ]);
}

async function invoke(cli: Cli, agentId: string, options: InvokeOptions): Promise<unknown> {
  const input = jsonObject(await textOrStdin(options.input), "--input");
  const manifest = await manifestOf(options);
  const api = await openApi(cli);
  const idempotencyKey = options.idempotencyKey ?? randomUUID();
  let invokeId: unknown;
  const work = api.ask({
    method: "POST",
    path: "/invoke",
    timeoutMs: options.timeout * 1000 + GRACE_MS,
    // The work's id before its result, so that it is known also where the line breaks.
    headers: { "idempotency-key": idempotencyKey, prefer: "early-id" },
    onEarlyHeaders(headers) {
      invokeId = headers["x-linkedclaw-invoke-id"];
    },
    json: {
      agent_id: agentId,
      capability: options.capability,
      input,
      ...manifest,
      max_credits: options.maxCredits,
      timeout_seconds: options.timeout,
      referred_by: options.referredBy,
    },
  });
  try {
    return await cli.terminal.waiting(`${options.capability} is being done`, work);
  } catch (error) {
    if (!isFailure(error, "relay_unreachable")) throw error;
    // The work may have been accepted before the line broke: the same key finds it again.
    throw new Failure(error.code, error.message, {
      hint: `If it was accepted, the same command with --idempotency-key ${idempotencyKey} shows its result and costs nothing more.`,
      facts: { ...error.facts, idempotency_key: idempotencyKey, invoke_id: invokeId },
      cause: error,
    });
  }
}

/** Exactly one of `manifest` and `manifest_id`; where nothing was said, the least that is one. */
async function manifestOf(options: InvokeOptions): Promise<object> {
  if (options.manifestId !== undefined) return { manifest_id: options.manifestId };
  if (options.manifest === undefined) {
    return { manifest: { intention: options.intention ?? `invoke: ${options.capability}` } };
  }
  const text = options.manifest.startsWith("@")
    ? await readNamedFile(options.manifest.slice(1))
    : await textOrStdin(options.manifest);
  return { manifest: jsonObject(text, "--manifest") };
}

function drawn(answer: unknown, page: Page): string {
  const { result, credits_charged: charged, receipt_id: receiptId } = fieldsOf(answer);
  const paid = `${charged} credits`;
  const done = `${page.paint.good("✔")} done for ${page.paint.bold(paid)}`;
  return `${readable(page, result)}\n\n${done}  ${page.paint.dim(plain(String(receiptId)))}`;
}
