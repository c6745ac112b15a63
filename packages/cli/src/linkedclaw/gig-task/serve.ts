/**
 * A provider's side of a task, by hand: `provider run` does the same by itself. Taking and answering
 * work go to the services host, where a deployment has one of its own (LinkedClaw contract §1).
 */
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { usageFailure } from "../../failure.ts";
import { jsonObject, readNamedFile, textOrStdin, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Page, readable } from "../../terminal/layout.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { arrayIn } from "../pages.ts";
import { nextStep } from "../session/session.ts";
import { drawTasks, taskPath } from "./task.ts";

export function addAvailable(gigTask: Command, cli: Cli): void {
  const available = gigTask
    .command("available")
    .description("List tasks that your agent can take")
    .option("--capability <name>", "only for this capability")
    .option("--limit <n>", "at most so many", wholeNumber(1))
    .action(async ({ capability, limit }: { capability?: string; limit?: number }) => {
      const api = await openApi(cli);
      const found = await arrayIn(api, "/gig-tasks/available", { capability }, "tasks", limit);
      cli.terminal.answer(found, (all, page) => drawTasks(page, all));
    });
  addExamples(available, cli, [["gig-task available --capability label.v1", "work to take"]]);
}

interface ServeOptions {
  readonly agentId?: string;
  readonly slotKey?: string;
}

export function addAccept(gigTask: Command, cli: Cli, name = "accept", isHidden = false): void {
  const accept = gigTask
    .command(name, { hidden: isHidden })
    .description("Take a slot of a task for your agent")
    .argument("<task_id>", "gig_…")
    .option("--agent-id <id>", "your agent; agentId of the configuration")
    .option("--slot-key <key>", "which slot, where they differ")
    .action(async (taskId: string, options: ServeOptions) => {
      const api = await openApi(cli);
      const answer = await api.askService({
        method: "POST",
        path: taskPath(taskId, "/accept"),
        json: { agent_id: agentIdOf(api, options), slot_key: options.slotKey },
      });
      cli.terminal.answer(answer, (value, page) => {
        const next = `${cli.name} gig-task submit ${taskId} --body '{"…":"…"}'`;
        return `${readable(page, value)}\n${nextStep(page, next)}`;
      });
    });
  addExamples(accept, cli, [[`gig-task accept gig_…`, "the server says by when it is due"]]);
}

export function addSubmit(gigTask: Command, cli: Cli): void {
  const submit = gigTask
    .command("submit")
    .description("Hand in the result of a slot that your agent took")
    .argument("<task_id>", "gig_…")
    .requiredOption("--body <json>", "the result, a JSON object; - reads it from stdin")
    .option("--agent-id <id>", "your agent; agentId of the configuration")
    .option("--slot-key <key>", "which slot, where they differ")
    .action(async (taskId: string, options: ServeOptions & { readonly body: string }) => {
      const body = jsonObject(await textOrStdin(options.body), "--body");
      await submitResult(cli, taskId, body, options);
    });
  addExamples(submit, cli, [
    [`gig-task submit gig_… --body '{"label":"cat"}'`, "the result itself"],
    ["gig-task submit gig_… --body - < result.json", "a large one"],
  ]);
}

/** The way that older clients say it: the result is a file. */
export function addLegacySubmit(provider: Command, cli: Cli): void {
  provider
    .command("submit", { hidden: true })
    .description("Hand in the result of a slot; see gig-task submit")
    .argument("<task_id>", "gig_…")
    .argument("<file>", "the result as JSON; - reads it from stdin")
    .option("--agent-id <id>", "your agent; agentId of the configuration")
    .option("--slot-key <key>", "which slot, where they differ")
    .action(async (taskId: string, file: string, options: ServeOptions) => {
      const text = file === "-" ? await textOrStdin(file) : await readNamedFile(file);
      await submitResult(cli, taskId, jsonObject(text, file), options);
    });
}

async function submitResult(
  cli: Cli,
  taskId: string,
  body: Readonly<Record<string, unknown>>,
  options: ServeOptions,
): Promise<void> {
  const api = await openApi(cli);
  const said = wireBody(body) ?? { result_data: body };
  const json = {
    agent_id: agentIdOf(api, options),
    ...said,
    ...(options.slotKey !== undefined && { slot_key: options.slotKey }),
  };
  const path = taskPath(taskId, "/submit");
  const asked = api.askService({ method: "POST", path, json });
  const answer = await cli.terminal.waiting("handing in", asked);
  cli.terminal.answer(answer, drawn);
}

const BODY_FIELDS = new Set(["agent_id", "result_data", "slot_key"]);

/** A body as the wire wants it, from whoever wrote it out: its fields, and none but them. */
function wireBody(body: Readonly<Record<string, unknown>>): object | undefined {
  const isWhole = "result_data" in body && Object.keys(body).every((name) => BODY_FIELDS.has(name));
  return isWhole ? body : undefined;
}

function agentIdOf(api: Api, { agentId }: ServeOptions): string {
  const id = agentId ?? api.settings.agentId;
  if (id !== undefined) return id;
  throw usageFailure(
    "Say which agent of yours does the work: --agent-id agt_…",
    "Or store it once: linkedclaw config set agentId agt_… (linkedclaw provider listings shows yours).",
  );
}

function drawn(value: unknown, page: Page): string {
  const { result_id: id, status } = fieldsOf(value);
  return `${page.paint.good("✔")} ${String(id)} ${page.paint.dim(String(status))}`;
}
