/**
 * How much a daemon works on at once, and what it takes without asking its owner (LinkedClaw contract
 * §7.6): what a flag says, else the listing, else the usual.
 */
import { type Command, Option } from "commander";
import { Failure } from "../../failure.ts";
import { wholeNumber } from "../../input.ts";
import type { HandlerChoice } from "./handler.ts";
import { MICROS_PER_CREDIT } from "./job.ts";
import type { ListingFile } from "./listing-file.ts";

const CONCURRENT_RUNS_DEFAULT = 4;
const PER_REQUESTER_DEFAULT = 2;
const SESSIONS_DEFAULT = 64;
/** Each holds a process of its own for as long as its session is open. */
const AGENT_SESSIONS_DEFAULT = 8;
const TURN_SECONDS_DEFAULT = 60;
const TURN_SECONDS_MAX = 3_600;
const RUNS_MAX = 1_000;
/** Ten thousand US dollars. */
const STAKE_MAX = 100_000_000;

export interface LimitOptions {
  readonly maxConcurrentRuns?: number;
  readonly perRequesterLimit?: number;
  readonly maxSessions?: number;
  readonly turnTimeout?: number;
  readonly maxStake?: number;
  readonly invokes: boolean;
  readonly sessions: boolean;
  readonly gigTasks?: boolean;
}

// biome-ignore format: read as a table
const LIMITS = [
  ["--max-concurrent-runs <n>",  "work on so many at once; default 4",                                   1, RUNS_MAX],
  ["--per-requester-limit <n>",  "and on so many for one requester; default 2",                          1, RUNS_MAX],
  ["--max-sessions <n>",         "have so many sessions open at once; default 64, 8 with --handler-acp", 1, RUNS_MAX],
  ["--turn-timeout <seconds>",   "for the answer to one message of a session; default 60",               1, TURN_SECONDS_MAX],
  ["--max-stake <credits>",      "put so many of your credits at risk for one task; default 0",          0, STAKE_MAX],
] as const;

/** The flags. */
export function addLimits(run: Command): Command {
  for (const [flag, says, min, max] of LIMITS) {
    run.addOption(new Option(flag, says).argParser(wholeNumber(min, max)));
  }
  return run
    .option("--no-invokes", "take no calls; they are refused as provider_manual_mode")
    .option("--no-sessions", "take no sessions; the same")
    .option("--gig-tasks", "take broadcast tasks as well");
}

export function limitsOf(options: LimitOptions, listing: ListingFile, { kind }: HandlerChoice) {
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

/** What is taken without asking anybody (LinkedClaw contract §7.6), and what is risked for it. */
export function choicesOf(options: LimitOptions, listing: ListingFile) {
  const takesRuns = options.invokes && choice(listing, "auto_accept_invokes", true);
  const takesSessions = options.sessions && choice(listing, "auto_accept_sessions", true);
  const stakeCredits = options.maxStake ?? limit(undefined, listing, "max_stake", STAKE_MAX, 0);
  return {
    byHand: [
      ...(takesRuns ? [] : (["runs"] as const)),
      ...(takesSessions ? [] : (["sessions"] as const)),
    ],
    takesTasks: options.gigTasks ?? choice(listing, "auto_accept_gig_tasks", false),
    stakeMicrosMax: BigInt(stakeCredits ?? 0) * MICROS_PER_CREDIT,
  };
}

function choice(listing: ListingFile, name: string, usual: boolean): boolean {
  const value = listing.body[name];
  if (value === undefined) return usual;
  if (typeof value === "boolean") return value;
  throw new Failure("config_error", `${name} must be true or false.`);
}

function limit(
  flag: number | undefined,
  listing: ListingFile,
  name: string,
  max = RUNS_MAX,
  min = 1,
): number | undefined {
  if (flag !== undefined) return flag;
  const value = listing.body[name];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value);
  throw new Failure("config_error", `${name} must be a whole number from ${min} to ${max}.`);
}
