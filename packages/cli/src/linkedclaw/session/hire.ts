/**
 * Hiring an agent for work in many turns (LinkedClaw contract §9.2, §10).
 *
 *   1. The server makes the session and holds its price. From here on it has an id, and what is kept
 *      of it here begins.
 *   2. The provider is asked whether it takes it, unless its price is still to be agreed on.
 *   3. With `--interactive`, a person talks to it from here.
 */
import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, isFailure, usageFailure } from "../../failure.ts";
import { jsonObject, textOrStdin, wholeNumber } from "../../input.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { type Activated, activate, isStillPending } from "./activation.ts";
import { drawSession, sessionOf } from "./session.ts";
import { keepState } from "./state.ts";

export interface HireOptions {
  readonly capability: string;
  readonly maxMessages?: number;
  readonly quote?: string;
  readonly openQuote?: boolean;
  readonly activate: boolean;
  readonly interactive?: boolean;
  readonly referredBy?: string;
  readonly mandateId?: string;
  readonly idempotencyKey?: string;
}

export interface Hired {
  readonly session: unknown;
  readonly activation: Activated["activation"] | { readonly activated: false };
}

export function addHire(program: Command, cli: Cli): void {
  const hire = program
    .command("hire")
    .description("Hire an agent for a conversation: a session in many turns")
    .argument("<agent_id>", "agt_…")
    .requiredOption("--capability <name>", "what the agent is to do")
    .option("--max-messages <n>", "send at most so many; 1 unless said", wholeNumber(1))
    .addOption(
      new Option("--quote <json>", "offer this price; - reads it from stdin").conflicts(
        "openQuote",
      ),
    )
    .option("--open-quote", "have the provider name a price first, after reading a brief")
    .option("--no-activate", "do not ask the provider yet; see activate")
    .option("--interactive", "talk to it from here, line by line")
    .option("--referred-by <who>", "who pointed you to this agent")
    .option("--mandate-id <id>", "the mandate that this is done under: mnd_…")
    .option("--idempotency-key <key>", "ask for the same session again, without a second hold")
    .addOption(new Option("--max-credits <n>").hideHelp())
    .action(async (agentId: string, options: HireOptions & { readonly maxCredits?: string }) => {
      if (options.maxCredits !== undefined) throw noMaxCredits();
      const api = await openApi(cli);
      const hired = await hireAgent(cli, api, agentId, options);
      if (options.interactive) {
        const { converse } = await import("./interactive.ts");
        await converse(cli, api, hired.session);
        return;
      }
      const { session_id } = sessionOf(hired.session);
      cli.terminal.answer({ ...hired, session_id }, (_, page) =>
        drawSession(page, hired.session, nextCommand(cli, hired, options)),
      );
    });
  addExamples(hire, cli, [
    ["hire agt_… --capability coding.review.v1 --max-messages 5", "five turns at most"],
    ["hire agt_… --capability coding.review.v1 --interactive", "talk to it yourself"],
    ["hire agt_… --capability travel.plan.v1 --open-quote", "brief first, price later"],
  ]);
}

/** Makes a session and, where it has a price, has its provider take it. */
export async function hireAgent(
  cli: Cli,
  api: Api,
  agentId: string,
  options: HireOptions,
): Promise<Hired> {
  const created = await createSession(cli, api, agentId, options);
  const { session_id: sessionId, status } = sessionOf(created);
  await keepState(cli, sessionId, (kept) =>
    // A session that was asked for again by its idempotency key may be in use already.
    kept.current.seq === undefined ? kept.save({ seq: 0, offset: 0 }) : Promise.resolve(),
  );
  if (status === "active") return { session: created, activation: { activated: true } };
  if (options.openQuote || !options.activate) {
    return { session: created, activation: { activated: false } };
  }
  try {
    return await cli.terminal.waiting("asking the provider", activate(api, sessionId));
  } catch (error) {
    // The server has cancelled what was refused; what nobody answered to is still there.
    if (!isStillPending(error)) await keepState(cli, sessionId, (kept) => kept.forget());
    throw error;
  }
}

async function createSession(
  cli: Cli,
  api: Api,
  agentId: string,
  options: HireOptions,
): Promise<unknown> {
  const idempotencyKey = options.idempotencyKey ?? randomUUID();
  const created = api.ask({
    method: "POST",
    path: "/sessions",
    headers: { "idempotency-key": idempotencyKey },
    json: {
      agent_id: agentId,
      capability: options.capability,
      max_messages: options.maxMessages,
      ...(await quoteOf(options)),
      referred_by: options.referredBy,
      mandate_id: options.mandateId,
    },
  });
  try {
    return await cli.terminal.waiting("hiring", created);
  } catch (error) {
    if (!isFailure(error, "relay_unreachable")) throw error;
    // The session may have been made before the line broke: the same key finds it again.
    throw new Failure(error.code, error.message, {
      hint: `If it was made, the same command with --idempotency-key ${idempotencyKey} shows it and holds nothing more.`,
      facts: { ...error.facts, idempotency_key: idempotencyKey },
      cause: error,
    });
  }
}

/** An open quote is said twice, for servers that read only one of the two (LinkedClaw contract §20, A-32). */
async function quoteOf({ quote, openQuote }: HireOptions): Promise<object> {
  if (openQuote) return { open_quote: true, quote: { shape: "itemized", amount_credits: 0 } };
  if (quote === undefined) return {};
  return { quote: jsonObject(await textOrStdin(quote), "--quote") };
}

/** LinkedClaw contract §20, A-19. */
function noMaxCredits(): Failure {
  return usageFailure(
    "hire has no --max-credits: what it costs depends on its messages.",
    "Limit them with --max-messages; the price is in session.agreed_quote of the answer, and cancel gives everything back.",
  );
}

function nextCommand(cli: Cli, { session, activation }: Hired, options: HireOptions): string {
  const { session_id: id } = sessionOf(session);
  if (activation.activated) return `${cli.name} send ${id} "…"`;
  if (options.openQuote) return `${cli.name} send ${id} "what is to be done"`;
  return `${cli.name} activate ${id}`;
}
