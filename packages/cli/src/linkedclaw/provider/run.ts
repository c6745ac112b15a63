/**
 * The daemon behind a listing: takes work over one outgoing connection and has a handler do it
 * (LinkedClaw contract §8). It runs in the foreground, for a supervisor to keep; it tells what
 * happens in lines of JSON on stderr, and in its status file.
 */
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { requireKey } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { fieldsOf } from "../../server.ts";
import { addExamples } from "../help.ts";
import { envNames } from "./acp-environment.ts";
import { PERMISSION_MODES, permissionMode } from "./acp-permission.ts";
import type { HandlerChoice } from "./handler.ts";
import type { Offered } from "./handler-acp.ts";
import { addLimits, choicesOf, type LimitOptions, limitsOf } from "./limits.ts";
import { type ListingFile, readListing } from "./listing-file.ts";

const PERMISSIONS_HELP = `what the agent is allowed when it asks: ${PERMISSION_MODES.join(", ")}`;

interface RunOptions extends LimitOptions {
  readonly handlerCmd?: string;
  readonly handlerHttp?: string;
  readonly handlerAcp?: string;
  readonly acpPermissions: string;
  readonly acpEnv?: readonly string[];
  readonly acpCwdBase?: string;
  readonly only?: readonly string[];
}

export function addRun(provider: Command, cli: Cli): void {
  const run = provider
    .command("run")
    .description("Take work for an agent and have a handler do it, until stopped")
    .argument("<listing>", "a slug in providers/, or a YAML file with its agentId")
    .option("--handler-cmd <command>", "a program: JSON lines in, JSON lines out")
    .option("--handler-http <url>", "an address that each piece of work is posted to")
    .option(
      "--handler-acp <command>",
      "an agent that speaks ACP; one for each call and each session",
    )
    .option("--acp-permissions <mode>", PERMISSIONS_HELP, "reject-all")
    .option("--acp-env <names>", "variables that the agent may see besides", collect)
    .option("--acp-cwd-base <directory>", "where each piece of work gets a directory of its own")
    .option("--only <capabilities...>", "refuse work of any other capability");
  addLimits(run).action(async (named: string, options: RunOptions) => {
    const handler = handlerOf(options);
    const listing = await readListing(cli, named);
    const settings = await cli.settings();
    // Only here, because no other command needs what a daemon loads.
    const { startDaemon } = await import("./daemon.ts");
    await startDaemon(cli, {
      slug: listing.slug,
      agentId: requireAgentId(listing, named),
      key: requireKey(settings),
      url: settings.cloudUrl,
      handler,
      ...limitsOf(options, listing, handler),
      ...choicesOf(options, listing),
      capabilities: options.only,
      offered: offeredIn(listing),
    });
  });
  addExamples(run, cli, [
    ['provider run shouter --handler-cmd "python3 handler.py"', "a program of yours"],
    ["provider run shouter --handler-http http://127.0.0.1:9000/work", "what listens already"],
    ['provider run shouter --handler-acp "gemini --acp"', "an agent; read docs/acp.md before"],
  ]);
}

function handlerOf(options: RunOptions): HandlerChoice {
  const { handlerCmd, handlerHttp, handlerAcp } = options;
  const permissions = permissionMode(options.acpPermissions);
  const choices: readonly (HandlerChoice | undefined)[] = [
    handlerCmd === undefined ? undefined : { kind: "cmd", command: handlerCmd },
    handlerHttp === undefined ? undefined : { kind: "http", url: handlerHttp },
    handlerAcp === undefined
      ? undefined
      : {
          ...{ kind: "acp", command: handlerAcp, permissions, cwdBase: options.acpCwdBase },
          envNames: envNames(options.acpEnv ?? []),
        },
  ];
  const [chosen, ...others] = choices.filter((choice) => choice !== undefined);
  if (chosen !== undefined && others.length === 0) return chosen;
  throw new Failure(
    "config_error",
    "--handler-cmd, --handler-http and --handler-acp are mutually exclusive, and one of them is needed.",
    { exitCode: 2, hint: 'For example: --handler-cmd "python3 handler.py"' },
  );
}

/** What the listing says of a capability. */
function offeredIn({ body }: ListingFile): (capability: string) => Offered {
  const meta = fieldsOf(body.capabilities_meta);
  return (capability) => {
    const entry = Object.hasOwn(meta, capability) ? fieldsOf(meta[capability]) : {};
    const { description, estimate_credits, ceiling_credits } = entry;
    return {
      description: typeof description === "string" ? description : undefined,
      estimateCredits: creditsIn(estimate_credits),
      ceilingCredits: creditsIn(ceiling_credits),
    };
  };
}

function creditsIn(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function requireAgentId(listing: ListingFile, named: string): string {
  if (listing.agentId !== undefined) return listing.agentId;
  throw new Failure("provider_unconfigured", `${listing.slug} is not registered: no agentId.`, {
    hint: `Run: linkedclaw provider register ${named}`,
  });
}
