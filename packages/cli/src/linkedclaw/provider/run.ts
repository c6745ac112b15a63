/**
 * The daemon behind a listing: takes work over one outgoing connection and has a handler do it
 * (LinkedClaw contract §8). It runs in the foreground, for a supervisor to keep; it tells what
 * happens in lines of JSON on stderr, and in its status file.
 */
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { requireKey } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { envNames } from "./acp-environment.ts";
import { PERMISSION_MODES, permissionMode } from "./acp-permission.ts";
import type { HandlerChoice } from "./handler.ts";
import type { Offered } from "./handler-acp.ts";
import { type ListingFile, readListing } from "./listing-file.ts";

const CONCURRENT_RUNS_DEFAULT = 4;
const PER_REQUESTER_DEFAULT = 2;
const SESSIONS_DEFAULT = 64;
/** Each holds a process of its own for as long as its session is open. */
const AGENT_SESSIONS_DEFAULT = 8;
const TURN_SECONDS_DEFAULT = 60;
const TURN_SECONDS_MAX = 3_600;
const RUNS_MAX = 1_000;
const PERMISSIONS_HELP = `what the agent may do without being asked: ${PERMISSION_MODES.join(", ")}`;

interface RunOptions {
  readonly handlerCmd?: string;
  readonly handlerHttp?: string;
  readonly handlerAcp?: string;
  readonly acpPermissions: string;
  readonly acpEnv?: readonly string[];
  readonly acpCwdBase?: string;
  readonly maxConcurrentRuns?: number;
  readonly perRequesterLimit?: number;
  readonly maxSessions?: number;
  readonly turnTimeout?: number;
  readonly gigTasks?: boolean;
  readonly only?: readonly string[];
}

export function addRun(provider: Command, cli: Cli): void {
  provider
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
    .addOption(
      new Option("--max-concurrent-runs <n>", "work on so many at once; default 4").argParser(
        wholeNumber(1, RUNS_MAX),
      ),
    )
    .addOption(
      new Option(
        "--per-requester-limit <n>",
        "and on so many for one requester; default 2",
      ).argParser(wholeNumber(1, RUNS_MAX)),
    )
    .addOption(
      new Option(
        "--max-sessions <n>",
        "have so many sessions open at once; default 64, 8 with --handler-acp",
      ).argParser(wholeNumber(1, RUNS_MAX)),
    )
    .addOption(
      new Option(
        "--turn-timeout <seconds>",
        "for the answer to one message of a session; default 60",
      ).argParser(wholeNumber(1, TURN_SECONDS_MAX)),
    )
    .option("--gig-tasks", "take broadcast tasks as well; without a stake only")
    .option("--only <capabilities...>", "refuse work of any other capability")
    .action(async (named: string, options: RunOptions) => {
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
        takesTasks: options.gigTasks === true,
        capabilities: options.only,
        offered: offeredIn(listing),
      });
    });
}

/** What a flag says, else the listing, else the usual. */
function limitsOf(options: RunOptions, listing: ListingFile, { kind }: HandlerChoice) {
  const sessionsDefault = kind === "acp" ? AGENT_SESSIONS_DEFAULT : SESSIONS_DEFAULT;
  return {
    concurrency:
      limit(options.maxConcurrentRuns, listing, "max_concurrent_runs") ?? CONCURRENT_RUNS_DEFAULT,
    perRequester:
      limit(options.perRequesterLimit, listing, "per_requester_limit") ?? PER_REQUESTER_DEFAULT,
    sessions: limit(options.maxSessions, listing, "max_sessions") ?? sessionsDefault,
    turnSeconds:
      limit(options.turnTimeout, listing, "turn_timeout", TURN_SECONDS_MAX) ?? TURN_SECONDS_DEFAULT,
  };
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

function limit(
  flag: number | undefined,
  listing: ListingFile,
  name: string,
  max = RUNS_MAX,
): number | undefined {
  if (flag !== undefined) return flag;
  const value = listing.body[name];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max) return Number(value);
  throw new Failure("config_error", `${name} must be a whole number from 1 to ${max}.`);
}
