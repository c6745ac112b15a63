/** `platform_request`: executions, tasks and models (contract §10.2). */
import { bodyFlags, requireBody } from "./body.ts";
import { Client } from "./client.ts";
import { dryRun } from "./dry-run.ts";
import { runExecution } from "./execution.ts";
import { executionRequestOf, findLabels, findProvider } from "./execution-body.ts";
import type { Flags, FlagTable } from "./flags.ts";
import { itemsOf, type JsonObject, textOf } from "./json.ts";
import { modelLines } from "./models-lines.ts";
import { answered, tellRefusal, UNROUTED } from "./platform-answer.ts";
import { type Command, main, type Surroundings } from "./program.ts";
import { pollFlags, WITH_KEY } from "./shared-flags.ts";
import { taskRequestOf } from "./task-body.ts";
import { lookAtTask, submitTask, watchTask } from "./task-commands.ts";
import { objectOf } from "./wire.ts";

const SHARED = {
  ...WITH_KEY,
  provider: { value: "ID", about: "the provider of an execution" },
  label: { value: "NAME=VALUE", about: "a label for routing an execution", isRepeatable: true },
} satisfies FlagTable;

const WATCH_SECONDS = "1800.0";
const TASK = {
  "task-id": { value: "ID", about: "the task", isRequired: true },
} satisfies FlagTable;

interface Parts {
  readonly about: string;
  readonly flags: FlagTable;
  /** What a dry run tells of the request; refuses what the command would refuse. */
  preview(flags: Flags, client: Client): JsonObject;
  run(client: Client, flags: Flags): Promise<number>;
}

function command(name: string, { about, flags, preview, run }: Parts): Command {
  return {
    about,
    flags: { ...flags, ...SHARED },
    run(surroundings: Surroundings) {
      const client = new Client(surroundings);
      if (!surroundings.flags.has("dry-run")) return run(client, surroundings.flags);
      const provider = findProvider(client.settings, surroundings.flags);
      return dryRun(surroundings.output, surroundings.flags, {
        ...{ command: name, origin: client.origin, wire: client.wire, key: client.aboutKey() },
        facts: {
          provider_override: provider?.value ?? null,
          provider_source: provider?.source ?? null,
          labels: findLabels(client.settings, surroundings.flags),
          ...preview(surroundings.flags, client),
        },
      });
    },
  };
}

function previewExecution(flags: Flags, { settings }: Client): JsonObject {
  const { body } = executionRequestOf(requireBody(flags, "body"), settings, flags);
  const { kind = "agent_run", model = null, stream = false, instruction } = body;
  const has_instruction = textOf(instruction) !== undefined;
  return { request_preview: { kind, model, stream, has_instruction } };
}

function previewTask(flags: Flags): JsonObject {
  const { body } = taskRequestOf(requireBody(flags, "body"));
  return { request_preview: { kind: body.kind, has_prompt: true }, watch: flags.has("watch") };
}

async function listModels(client: Client, flags: Flags): Promise<number> {
  const reply = await client.call({ method: "GET", path: "/v1/models" });
  const isJson = flags.has("json");
  if (!reply.isSuccess) return tellRefusal(client, reply, UNROUTED, isJson);
  const models = itemsOf(objectOf(reply).data);
  if (isJson) client.output.json(answered(client, reply, UNROUTED));
  else {
    client.output.line("Command: models");
    client.output.line(`Exact models: ${models.length}`);
    for (const line of modelLines(models)) client.output.line(line);
  }
  return 0;
}

await main({
  name: "platform_request",
  about: "Executions, long-running tasks and models of an OpenMarlin server.",
  before: SHARED,
  commands: {
    executions: command("executions", {
      about: "Have an instruction carried out, and wait for the answer.",
      flags: bodyFlags("body", "the request: instruction, and what else it takes"),
      preview: previewExecution,
      run: runExecution,
    }),
    "tasks-submit": command("tasks-submit", {
      about: "Submit a long-running task.",
      flags: {
        ...bodyFlags("body", "the request: kind, input and metadata"),
        watch: { about: "wait until it has succeeded or failed" },
        ...pollFlags(WATCH_SECONDS),
        "dedupe-window-seconds": {
          value: "S",
          about: "how long the same request is taken for a repetition",
          number: { min: 0 },
          otherwise: "120.0",
        },
        "allow-duplicate-submit": { about: "have the same done once more" },
        "idempotency-key": { value: "KEY", about: "your own name of this request" },
      },
      preview: previewTask,
      run: submitTask,
    }),
    "tasks-status": command("tasks-status", {
      about: "Look at a task once.",
      flags: TASK,
      preview: (flags) => ({ task_id: flags.required("task-id"), operation: "status" }),
      run: lookAtTask,
    }),
    "tasks-watch": command("tasks-watch", {
      about: "Look at a task until it has succeeded or failed.",
      flags: { ...TASK, ...pollFlags(WATCH_SECONDS) },
      preview: (flags) => ({ task_id: flags.required("task-id"), operation: "watch" }),
      run: watchTask,
    }),
    models: command("models", {
      about: "List the models that there are, and who has them.",
      flags: {},
      preview: () => ({ operation: "list" }),
      run: listModels,
    }),
  },
});
