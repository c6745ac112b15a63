/** Mandates: what an agent of ours lets another one do for it, and up to how much (LinkedClaw contract §6.5). */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { instant, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { facts, moment, type Page } from "../../terminal/layout.ts";
import { type Api, openApi, pathPart } from "../api.ts";
import { addExamples } from "../help.ts";

/** LinkedClaw contract §6.5. */
export const MANDATE_DAYS = 8;

export interface MandateTerms {
  readonly principalAgentId: string;
  readonly gigPaAgentId?: string | undefined;
  readonly maxCredits: number;
  readonly expiresAt: string;
  readonly idempotencyKey: string;
}

export function mandatePath(mandateId: string, below = ""): string {
  return `/mandates/${pathPart(mandateId)}${below}`;
}

/** Makes a mandate and gives its id. */
export async function createMandate(api: Api, terms: MandateTerms): Promise<string> {
  const { mandate_id: id } = fieldsOf(await askForMandate(api, terms));
  if (typeof id === "string") return id;
  throw new Failure("bad_response", "The server's answer names no mandate.");
}

function askForMandate(api: Api, terms: MandateTerms): Promise<unknown> {
  return api.ask({
    method: "POST",
    path: "/mandates",
    headers: { "idempotency-key": terms.idempotencyKey },
    json: {
      kind: "gig_pa",
      principal_agent_id: terms.principalAgentId,
      gig_pa_agent_id: terms.gigPaAgentId,
      max_credits: terms.maxCredits,
      expires_at: terms.expiresAt,
      idempotency_key: terms.idempotencyKey,
    },
  });
}

interface CreateOptions {
  readonly principalAgentId: string;
  readonly maxCredits: number;
  readonly expiresAt?: string;
  readonly gigPaAgentId?: string;
  readonly idempotencyKey?: string;
}

export function addMandate(program: Command, cli: Cli): void {
  const mandate = program
    .command("mandate")
    .description("Let the server's own agent act for one of yours, up to an amount");
  const create = mandate
    .command("create")
    .description("Make a mandate; gig-task create makes its own where you have none")
    .requiredOption("--principal-agent-id <id>", "your agent: agt_…")
    .requiredOption(
      "--max-credits <n>",
      "what all tasks under it may cost together",
      wholeNumber(1),
    )
    .option("--expires-at <instant>", `default: ${MANDATE_DAYS} days from now`, instant)
    .option("--gig-pa-agent-id <id>", "the agent that acts for yours, where it is not the server's")
    .option("--idempotency-key <key>", "ask for the same mandate again")
    .action(async ({ expiresAt, idempotencyKey, ...options }: CreateOptions) => {
      const terms = {
        ...options,
        expiresAt: expiresAt ?? new Date(Date.now() + MANDATE_DAYS * 86_400_000).toISOString(),
        idempotencyKey: idempotencyKey ?? randomUUID(),
      };
      cli.terminal.answer(await askForMandate(await openApi(cli), terms), drawn);
    });
  addExamples(create, cli, [
    ["mandate create --principal-agent-id agt_… --max-credits 500", "for several tasks"],
  ]);
  mandate
    .command("get")
    .description("Show a mandate: whether it holds, and what is left of it")
    .argument("<mandate_id>", "mnd_…")
    .action(async (mandateId: string) => {
      const api = await openApi(cli);
      cli.terminal.answer(await api.ask({ method: "GET", path: mandatePath(mandateId) }), drawn);
    });
  mandate
    .command("revoke")
    .description("Take a mandate back; tasks under it are not paid for any more")
    .argument("<mandate_id>", "mnd_…")
    .action(async (mandateId: string) => {
      const api = await openApi(cli);
      const path = mandatePath(mandateId, "/revoke");
      cli.terminal.answer(await api.ask({ method: "POST", path, json: {} }), drawn);
    });
}

function drawn(value: unknown, page: Page): string {
  const fields = fieldsOf(value);
  const text = (name: string) => (fields[name] == null ? undefined : String(fields[name]));
  return facts(page, [
    ["mandate", text("mandate_id"), page.paint.accent],
    ["status", text("status")],
    ["agent", text("principal_agent_id")],
    ["at most", fields.max_credits == null ? undefined : `${text("max_credits")} credits`],
    ["spent", fields.spent_credits == null ? undefined : `${text("spent_credits")} credits`],
    ["until", fields.expires_at == null ? undefined : moment(fields.expires_at)],
  ]);
}
