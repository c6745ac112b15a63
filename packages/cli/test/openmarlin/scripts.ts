/** Runs the scripts of the OpenMarlin skill as they are given away, each as a process with a home of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Finished, shell } from "../support.ts";

export const SCRIPTS = fileURLToPath(
  new URL("../../../../skills/openmarlin/scripts/", import.meta.url),
);
/** As a server makes them: a prefix and letters. */
export const KEY = "claw_wsk_aKeyThatNobodyElseMaySee0123456789abcdefghijkl";

export type ScriptName = "registration_session" | "platform_request" | "billing";

interface Told extends Finished {
  /** What stdout holds with `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the command prints.
  readonly json: any;
}

/** Somebody's home, and the scripts run in it. */
export function desk(t: TestContext, env: Readonly<Record<string, string | undefined>> = {}) {
  const { home, startScript } = shell(t, {
    // No browser is started by a test.
    ...{ BROWSER: "false", OPENMARLIN_PLATFORM_API_KEY: undefined },
    ...env,
  });
  const state = join(env.OPENCLAW_STATE_DIR ?? join(home, ".openclaw"), "agents/main/agent");
  const start = (name: ScriptName, args: readonly string[], extra = {}, input = "") =>
    startScript(join(SCRIPTS, `${name}.mjs`), args, { env: extra, input });
  const told = async (
    name: ScriptName,
    args: readonly string[],
    extra = {},
    input = "",
  ): Promise<Told> => {
    const finished = await start(name, args, extra, input).finished;
    const isJson = args.includes("--json") && finished.stdout !== "";
    return { ...finished, json: isJson ? JSON.parse(finished.stdout) : undefined };
  };
  return {
    home,
    /** Where the agent's files are. */
    state,
    start,
    run: told,
    registration: (...args: string[]) => told("registration_session", args),
    platform: (...args: string[]) => told("platform_request", args),
    billing: (...args: string[]) => told("billing", args),
    /** The text of one of the agent's files. */
    file: (name: string) => readFileSync(join(state, name), "utf8"),
  };
}

export type Desk = ReturnType<typeof desk>;
