/**
 * What of our environment an agent that we spawn may see (LinkedClaw contract §8, A-21, A-23).
 *
 * A stranger pays for what it does and writes what it reads, so it is handed what it needs to run and
 * to reach its own model, and nothing else: not our key, not the chain, nobody's cloud account.
 */
import { Failure } from "../../failure.ts";

type Env = Readonly<Record<string, string | undefined>>;

const ALLOWED: ReadonlySet<string> = new Set([
  ...["PATH", "HOME", "TMPDIR"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION"],
  ...["LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER"],
  ...["LC_TELEPHONE", "LC_TIME"],
  ...["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY"],
  ...["CODEX_API_KEY", "OPENAI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "OPENCODE_API_KEY"],
  "PI_ACP_PI_COMMAND",
]);

/** Without these no program starts on Windows. */
const ALLOWED_ON_WINDOWS = [
  ...["SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"],
];

/** Not even by `--acp-env`: ours, and those that open more than an agent's own model. */
const NEVER = /^(?:LINKEDCLAW_.*|GUILDHALL_.*|LC_DB_.*|AWS_.*|NODE_OPTIONS)$/i;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads the lists of `--acp-env A,B --acp-env C`. Refuses what an agent is never given. */
export function envNames(lists: readonly string[]): string[] {
  const names = lists.flatMap((list) => list.split(",")).map((name) => name.trim());
  return names
    .filter((name) => name !== "")
    .map((name) => {
      if (!NAME.test(name)) {
        throw new Failure("config_error", `--acp-env: "${name}" is not a variable's name.`, {
          exitCode: 2,
        });
      }
      if (NEVER.test(name)) {
        throw new Failure("config_error", `--acp-env: ${name} is never handed to an agent.`, {
          exitCode: 2,
        });
      }
      return name;
    });
}

/** The environment of an agent. What holds `key` stays out, whatever it is called. */
export function agentEnvironment(env: Env, names: readonly string[], key: string): Env {
  const allowed = new Set([
    ...ALLOWED,
    ...names,
    ...(process.platform === "win32" ? ALLOWED_ON_WINDOWS : []),
  ]);
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => allowed.has(name) && value !== undefined && !value.includes(key),
    ),
  );
}
