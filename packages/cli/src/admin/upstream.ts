import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../failure.ts";
import { pathPart } from "../linkedclaw/api.ts";
import { addExamples } from "../linkedclaw/help.ts";
import { fieldsOf } from "../server.ts";
import { table } from "../terminal/layout.ts";
import type { Admin } from "./admin.ts";

interface AddOptions {
  readonly email: string;
  readonly kind: string;
  readonly url: string;
  readonly keyFile?: string;
  readonly keyEnv?: string;
  readonly weight: number;
  readonly model: readonly { readonly model: string; readonly upstream_model?: string }[];
  readonly fallback: readonly { readonly model: string; readonly by: string }[];
  readonly label: Readonly<Record<string, string>>;
  readonly concurrency?: number;
  readonly responses?: boolean;
}

/** Interfaces of others that the server calls for models. */
export function addUpstream(parent: Command, admin: Admin): void {
  const upstream = parent
    .command("upstream")
    .description("Interfaces of others that answer for models");
  addCommand(upstream, admin);
  listCommand(upstream, admin);
  upstream
    .command("remove")
    .description("Forget an interface and its keys, or one of its endpoints")
    .argument("<provider_id>", "from upstream list")
    .option("--endpoint <endpoint_id>", "only this one")
    .action(async (name: string, { endpoint }: { endpoint?: string }) => {
      const api = await admin.open();
      const path = `/upstreams/${pathPart(name)}/remove`;
      const json = { endpoint_id: endpoint };
      admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
    });
  upstream
    .command("test")
    .description("Ask each endpoint a short question; its owner pays the interface for that")
    .argument("<provider_id>", "from upstream list")
    .option("--model <vendor/model>", "which model; otherwise its first")
    .action(async (name: string, { model }: { model?: string }) => {
      const api = await admin.open();
      const path = `/upstreams/${pathPart(name)}/test`;
      const asked = api.ask({ method: "POST", path, json: { model } });
      const answer = fieldsOf(await admin.cli.terminal.waiting("asking", asked));
      if (answer.ok !== true) {
        throw new Failure("upstream_failed", "An endpoint did not answer.", { facts: answer });
      }
      admin.cli.terminal.answer(answer);
    });
}

function addCommand(upstream: Command, admin: Admin): void {
  const command = upstream
    .command("add")
    .description("Add an interface, or one more endpoint or model of one")
    .argument("<provider_id>", "what callers name it by")
    .requiredOption("--email <address>", "the member who is paid for its calls")
    .addOption(
      new Option("--kind <kind>", "what it speaks")
        .choices(["openai", "anthropic", "gemini", "openai-videos"])
        .makeOptionMandatory(),
    )
    .requiredOption("--url <url>", "where it is, e.g. https://api.openai.com/v1")
    .option("--key-file <path>", "a file with its key")
    .option("--key-env <name>", "an environment variable with its key")
    .option("--weight <n>", "how many of its calls go to this endpoint", wholeNumber, 1)
    .addOption(
      new Option(
        "--model <vendor/model[=name]>",
        "a model, and what the interface calls it; may be repeated",
      )
        .argParser(addModel)
        .default([], "none"),
    )
    .addOption(
      new Option(
        "--fallback <model=model>",
        "which model is asked where one cannot be; may be repeated",
      )
        .argParser(addFallback)
        .default([], "none"),
    )
    .addOption(
      new Option("--label <name=value>", "what callers may choose it by; may be repeated")
        .argParser(addLabel)
        .default({}, "none"),
    )
    .option("--concurrency <n>", "calls that it is given at once", wholeNumber)
    .option("--responses", "it has /responses, as OpenAI's own has")
    .option("--no-responses", "it does not")
    .action(async (name: string, options: AddOptions) => {
      const api = await admin.open();
      const json = {
        ...{ email: options.email, provider_id: name, kind: options.kind, url: options.url },
        key: await readKey(admin, options),
        weight: options.weight,
        models: modelsOf(options),
        labels: options.label,
        concurrency: options.concurrency,
        has_responses: options.responses,
      };
      admin.cli.terminal.answer(await api.ask({ method: "POST", path: "/upstreams", json }));
    });
  addExamples(command, admin.cli, [
    [
      "admin upstream add openai --email owner@example.com --kind openai --url https://api.openai.com/v1 --key-env OPENAI_API_KEY --model openai/gpt-5",
      "one model; its price is set by admin price set",
    ],
  ]);
}

function listCommand(upstream: Command, admin: Admin): void {
  const { terminal } = admin.cli;
  upstream
    .command("list")
    .description("List interfaces, without their keys")
    .action(async () => {
      const api = await admin.open();
      const answer = await api.ask({ method: "GET", path: "/upstreams" });
      terminal.answer(answer, (value, page) => {
        const { upstreams } = fieldsOf(value);
        const rows = (Array.isArray(upstreams) ? upstreams : []).map(fieldsOf);
        if (rows.length === 0) return "No interface is set up.";
        return table(
          page,
          [
            { title: "provider", style: page.paint.accent },
            { title: "kind" },
            { title: "models", isFlexible: true },
            { title: "endpoints", align: "right" },
          ],
          rows.map(({ provider_id: name, kind, models, endpoints }) => [
            String(name),
            String(kind),
            listOf(models)
              .map(({ model }) => String(model))
              .join(", "),
            String(listOf(endpoints).length),
          ]),
        );
      });
    });
}

function listOf(value: unknown): Record<string, unknown>[] {
  return (Array.isArray(value) ? value : []).map(fieldsOf);
}

/** Never as an argument: those are seen by everybody on the machine. */
async function readKey(admin: Admin, options: AddOptions): Promise<string | undefined> {
  const { keyFile, keyEnv } = options;
  if (keyEnv !== undefined) {
    const key = admin.cli.env[keyEnv];
    if (key) return key;
    throw new Failure("key_missing", `The environment variable ${keyEnv} is empty.`);
  }
  if (keyFile === undefined) return undefined;
  return (await readFile(keyFile, "utf8")).trim();
}

function modelsOf({ model: models, fallback }: AddOptions): object[] {
  const named = new Set(models.map(({ model }) => model));
  for (const { model } of fallback) {
    if (named.has(model)) continue;
    throw new Failure("fallback_unknown", `Name ${model} with --model as well.`);
  }
  return models.map((model) => ({
    ...model,
    fallbacks: fallback.filter((other) => other.model === model.model).map(({ by }) => by),
  }));
}

function addModel(text: string, before: AddOptions["model"]): AddOptions["model"] {
  const [model = "", name] = split(text);
  return [...before, name === undefined ? { model } : { model, upstream_model: name }];
}

function addFallback(text: string, before: AddOptions["fallback"]): AddOptions["fallback"] {
  const [model = "", by] = split(text);
  if (by === undefined) throw new InvalidArgumentError("Give it as model=model.");
  return [...before, { model, by }];
}

function addLabel(text: string, before: AddOptions["label"]): AddOptions["label"] {
  const [name = "", value] = split(text);
  if (value === undefined) throw new InvalidArgumentError("Give it as name=value.");
  return { ...before, [name]: value };
}

/** At its first equals sign. */
function split(text: string): [string, string?] {
  const at = text.indexOf("=");
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number above zero.");
}
