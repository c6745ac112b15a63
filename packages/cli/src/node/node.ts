/** `guildhall node …`: programs of one's own that run models for others (OpenMarlin contract §9). */
import type { Command } from "commander";
import { type Cli, requireKey } from "../cli.ts";
import { Failure } from "../failure.ts";
import type { NodeDescription } from "./connection.ts";
import type { RunnerChoice } from "./runner.ts";

interface RunOptions {
  readonly providerId: string;
  readonly models: readonly string[];
  readonly defaultModel?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly handlerCmd?: string;
  readonly upstream?: string;
  readonly upstreamKeyEnv?: string;
  readonly upstreamModel?: string;
}

const CONCURRENCY_DEFAULT = 4;

export function addNode(program: Command, cli: Cli): void {
  const node = program.command("node").description("Run models for others");
  node
    .command("run")
    .description("Connect as a provider of models and do what is asked, until stopped")
    .requiredOption("--provider-id <id>", "what callers name this provider by")
    .requiredOption(
      "--models <names...>",
      "models such as openai-codex/gpt-5.4, also comma-separated",
    )
    .option("--default-model <name>", "the one for callers who name none")
    .option(
      "--label <key=value>",
      "what callers may choose by, e.g. region=eu; repeatable",
      collect,
    )
    .option("--concurrency <number>", "executions at once", countOf, CONCURRENCY_DEFAULT)
    .option("--handler-cmd <command>", "a program: JSON lines in, JSON lines out")
    .option("--upstream <url>", "an OpenAI-compatible server, such as http://127.0.0.1:11434/v1")
    .option("--upstream-key-env <name>", "the variable that holds the upstream's key")
    .option("--upstream-model <name>", "what the upstream calls the model, where it is one")
    .action(async (options: RunOptions) => {
      const runner = runnerOf(cli, options);
      const settings = await cli.settings();
      const models = options.models.flatMap((named) => named.split(",")).filter(Boolean);
      const description: NodeDescription = {
        provider_id: options.providerId,
        kinds: ["agent_run"],
        models,
        ...(options.defaultModel !== undefined && { default_model: options.defaultModel }),
        labels: options.label ?? {},
        max_concurrency: options.concurrency,
        client: `guildhall-cli/${cli.version}`,
      };
      // Only here, because no other command needs what a daemon loads.
      const { runNode } = await import("./run.ts");
      const key = requireKey(settings);
      await runNode(cli, { url: settings.cloudUrl, key, description, runner });
    });
}

function runnerOf(cli: Cli, options: RunOptions): RunnerChoice {
  const { handlerCmd, upstream, upstreamKeyEnv, upstreamModel } = options;
  if (handlerCmd !== undefined && upstream === undefined) {
    return { kind: "cmd", command: handlerCmd };
  }
  if (upstream !== undefined && handlerCmd === undefined) {
    const key = upstreamKeyEnv === undefined ? undefined : cli.env[upstreamKeyEnv];
    if (upstreamKeyEnv !== undefined && !key) {
      throw usage(`--upstream-key-env: the variable ${upstreamKeyEnv} is not set.`);
    }
    if (!URL.canParse(upstream)) throw usage(`--upstream: ${upstream} is no address.`);
    return { kind: "upstream", url: upstream.replace(/\/+$/, ""), key, model: upstreamModel };
  }
  throw usage("--handler-cmd and --upstream are mutually exclusive, and one of them is needed.");
}

function collect(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  const [key, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at < 0 || key === "" || value === "") throw usage(`--label: ${text} is not key=value.`);
  return { ...before, [key]: value };
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw usage("--concurrency must be 1 to 10000.");
}

function usage(message: string): Failure {
  return new Failure("config_error", message, {
    exitCode: 2,
    hint: "For example: guildhall node run --provider-id node-a --models acme/one --upstream http://127.0.0.1:11434/v1",
  });
}
