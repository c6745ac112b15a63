/** `billing`: balances, top-ups and what was booked (contract §10.3). */
import { showActivity, showReferral } from "./activity-commands.ts";
import { showBalance, showHistory } from "./balance-commands.ts";
import { bodyFlags } from "./body.ts";
import { Client } from "./client.ts";
import { dryRun } from "./dry-run.ts";
import type { Flags, FlagTable } from "./flags.ts";
import type { JsonObject } from "./json.ts";
import { type Command, main, type Surroundings } from "./program.ts";
import { pollFlags, WITH_KEY } from "./shared-flags.ts";
import { createTopup, explain402, topupStatus, watchTopup } from "./topup-commands.ts";

const WATCH_SECONDS = "300.0";
const RESPONSE = bodyFlags("response", "the refusal for lack of balance, as it came");
const WORKSPACE = { "workspace-id": { value: "ID", about: "the workspace" } } satisfies FlagTable;
const SESSION = {
  "session-id": { value: "ID", about: "the top-up", isRequired: true },
} satisfies FlagTable;
const LIMIT = {
  limit: { value: "N", about: "no more than so many", number: { isWhole: true }, otherwise: "10" },
} satisfies FlagTable;

interface Parts {
  readonly about: string;
  readonly flags: FlagTable;
  /** It asks nobody. */
  readonly isLocal?: (flags: Flags) => boolean;
  run(client: Client, flags: Flags): Promise<number>;
}

function command(name: string, { about, flags, isLocal, run }: Parts): Command {
  return {
    about,
    flags: { ...flags, ...WITH_KEY },
    run({ flags: given, ...surroundings }: Surroundings) {
      const client = new Client({ flags: given, ...surroundings });
      if (!given.has("dry-run")) return run(client, given);
      const hasKey = !isLocal?.(given);
      return dryRun(surroundings.output, given, {
        ...{ command: name, origin: client.origin, wire: client.wire },
        ...(hasKey && { key: client.aboutKey() }),
        facts: previewOf(flags, given),
      });
    },
  };
}

/** The command's own flags that were given or have a default. */
function previewOf(table: FlagTable, given: Flags): JsonObject {
  const names = Object.keys(table).filter((name) => table[name]?.value !== undefined);
  const known = names.flatMap((name) => {
    const value = given.text(name);
    return value === undefined ? [] : [[name.replaceAll("-", "_"), value] as const];
  });
  return Object.fromEntries(known);
}

await main({
  name: "billing",
  about: "Balance, top-ups, activity and referrals of an OpenMarlin workspace.",
  before: WITH_KEY,
  commands: {
    "explain-402": command("explain-402", {
      about: "Say what a refusal for lack of balance means, and how to mend it.",
      flags: { ...RESPONSE, "auto-recover": { about: "create the top-up at once" } },
      isLocal: (flags) => !flags.has("auto-recover"),
      run: explain402,
    }),
    "create-topup": command("create-topup", {
      about: "Create a top-up: by an amount, or by what a refusal says is missing.",
      flags: {
        amount: { value: "N", about: "in credits", number: { min: 0, isAbove: true } },
        ...RESPONSE,
      },
      run: createTopup,
    }),
    balance: command("balance", {
      about: "Show the balance; where the server does not tell it, the last known one.",
      flags: { ...WORKSPACE, ...RESPONSE },
      run: showBalance,
    }),
    history: command("history", {
      about: "List the top-ups that were seen from here.",
      flags: { ...WORKSPACE, ...LIMIT },
      isLocal: () => true,
      run: showHistory,
    }),
    activity: command("activity", {
      about: "List what was used and what was booked lately.",
      flags: LIMIT,
      run: showActivity,
    }),
    "referral-link": command("referral-link", {
      about: "Show your referral code and link, and what came of them.",
      flags: {},
      run: showReferral,
    }),
    status: command("status", {
      about: "Look at a top-up once.",
      flags: SESSION,
      run: topupStatus,
    }),
    watch: command("watch", {
      about: "Look at a top-up until it is paid or has failed.",
      flags: { ...SESSION, ...pollFlags(WATCH_SECONDS) },
      run: watchTopup,
    }),
  },
});
