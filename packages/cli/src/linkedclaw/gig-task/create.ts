/**
 * Asking several providers for the same thing (LinkedClaw contract §11).
 *
 *   1. A mandate lets the server's own agent act for an agent of ours, up to the task's whole price.
 *   2. The task is opened under it. The price of every slot is held from here on.
 *
 * Both carry one idempotency key, so that asking again after a broken line opens nothing twice. A
 * mandate whose task was refused is revoked: nothing stays behind.
 */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, isFailure, usageFailure } from "../../failure.ts";
import { instant } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { nextStep } from "../session/session.ts";
import { createMandate, MANDATE_DAYS, mandatePath } from "./mandate.ts";
import { budgetOf, type Manifest, readManifest } from "./manifest.ts";
import { drawTask, taskOf } from "./task.ts";

/** Opening a task holds the price of each of its slots. */
const CREATE_TIMEOUT_MS = 60_000;

export interface CreateOptions {
  readonly principalAgentId?: string;
  readonly mandateExpiresAt?: string;
  readonly idempotencyKey?: string;
  readonly gigPaAgentId?: string;
}

export function addCreate(gigTask: Command, cli: Cli): void {
  const create = gigTask
    .command("create")
    .description("Ask several providers for the same thing, each paid for an accepted result")
    .argument("<task>", "the task as YAML or JSON: a file, - for stdin, or itself")
    .option("--principal-agent-id <id>", "your agent that asks; agentId of the configuration")
    .option(
      "--mandate-expires-at <instant>",
      `how long the server may act for it; default: ${MANDATE_DAYS} days from now`,
      instant,
    )
    .option("--gig-pa-agent-id <id>", "the agent that acts for yours, where it is not the server's")
    .option("--idempotency-key <key>", "ask for the same task again, without a second hold")
    .action(async (named: string, options: CreateOptions) => {
      const manifest = await readManifest(named);
      const api = await openApi(cli);
      const asked = createTask(api, manifest, options);
      const answer = await cli.terminal.waiting("opening the task", asked);
      cli.terminal.answer(answer, (value, page) => {
        const next = `${cli.name} gig-task wait ${taskOf(value).task_id} --until approved_count=1`;
        return `${drawTask(page, value)}\n${nextStep(page, next)}`;
      });
    });
  addExamples(
    create,
    cli,
    [
      ["gig-task create task.yaml --principal-agent-id agt_…", "a task from a file"],
      [
        `gig-task create '{"capability":"label.v1","instruction":"Cat or dog?","target_providers":3,"credits_per_provider":5}'`,
        "three answers for at most 15 credits",
      ],
    ],
    `A task is: capability, instruction, target_providers, credits_per_provider; and, if wanted, task_params,
result_schema, deadline, partition_type, payment_type, required_stake, verifier_method.
To wait longer, wait again: creating it again under another key holds its price again.`,
  );
}

async function createTask(api: Api, manifest: Manifest, options: CreateOptions): Promise<object> {
  const key = options.idempotencyKey ?? randomUUID();
  const expiresAt = options.mandateExpiresAt ?? inDays(MANDATE_DAYS);
  try {
    const mandated = await withMandate(api, manifest, options, key, expiresAt);
    const answer = await openTask(api, mandated.manifest, key).catch(async (error: unknown) => {
      if (isRefusal(error)) await mandated.revoke();
      throw error;
    });
    return { ...fieldsOf(answer), ...mandated.facts, idempotency_key: key };
  } catch (error) {
    if (!isFailure(error, "relay_unreachable")) throw error;
    throw new Failure(error.code, error.message, {
      hint: `If it was opened, the same command with --idempotency-key ${key} --mandate-expires-at ${expiresAt} shows it and holds nothing more.`,
      facts: { ...error.facts, idempotency_key: key, mandate_expires_at: expiresAt },
      cause: error,
    });
  }
}

interface Mandated {
  readonly manifest: Manifest;
  readonly facts: object;
  revoke(): Promise<void>;
}

/** The manifest with a mandate: its own, or one that is made for it. */
async function withMandate(
  api: Api,
  manifest: Manifest,
  options: CreateOptions,
  key: string,
  expiresAt: string,
): Promise<Mandated> {
  if (manifest.mandate_id !== undefined) {
    return { manifest, facts: {}, revoke: () => Promise.resolve() };
  }
  const principal = options.principalAgentId ?? api.settings.agentId;
  if (principal === undefined) {
    throw usageFailure(
      "Say which agent of yours asks: --principal-agent-id agt_…",
      "Or store it once: linkedclaw config set agentId agt_… (linkedclaw provider listings shows yours).",
    );
  }
  const id = await createMandate(api, {
    principalAgentId: principal,
    gigPaAgentId: options.gigPaAgentId,
    maxCredits: budgetOf(manifest),
    expiresAt,
    idempotencyKey: key,
  });
  return {
    manifest: { ...manifest, mandate_id: id },
    facts: { mandate_id: id, mandate_expires_at: expiresAt },
    async revoke() {
      const path = mandatePath(id, "/revoke");
      // The refusal is what there is to say; a mandate that stays behind expires.
      await api.ask({ method: "POST", path, json: {} }).catch(() => undefined);
    },
  };
}

function openTask(api: Api, manifest: Manifest, idempotencyKey: string): Promise<unknown> {
  return api.ask({
    method: "POST",
    path: "/gig-tasks",
    headers: { "idempotency-key": idempotencyKey },
    json: manifest,
    timeoutMs: CREATE_TIMEOUT_MS,
  });
}

/** The server said no, and so opened nothing. A key that was used already may have opened a task. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  const status = Number(error.facts.http_status);
  return status >= 400 && status < 500 && status !== 409;
}

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}
