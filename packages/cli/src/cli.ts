/** What every command is handed: who it is, where it speaks, what it works with. */
import { readSettings, type Settings } from "./config/settings.ts";
import { Failure } from "./failure.ts";
import type { Terminal } from "./terminal/terminal.ts";

export type CliName = "linkedclaw" | "guildhall";
export type Env = Readonly<Record<string, string | undefined>>;

/** Options that every command takes. */
export interface GlobalOptions {
  readonly human?: boolean;
  readonly verbose?: boolean;
  readonly cloudUrl?: string;
}

export interface Cli {
  readonly name: CliName;
  readonly version: string;
  readonly env: Env;
  readonly terminal: Terminal;
  /** Known once the command line is parsed. */
  options: GlobalOptions;
  /** Reads the configuration, once. Refuses where its permissions are loose. */
  settings(): Promise<Settings>;
}

export function createCli(name: CliName, version: string, env: Env, terminal: Terminal): Cli {
  let settings: Promise<Settings> | undefined;
  const cli: Cli = {
    name,
    version,
    env,
    terminal,
    options: {},
    settings() {
      settings ??= readSettings(env, cli.options.cloudUrl).then((read) => {
        if (read.apiKey !== undefined) terminal.keepSecret(read.apiKey);
        return read;
      });
      return settings;
    },
  };
  return cli;
}

/** The key, or the refusal that a server would give to one who has none. */
export function requireKey(settings: Settings): string {
  if (settings.apiKey !== undefined) return settings.apiKey;
  throw new Failure("invalid_api_key", "Not logged in: there is no API key.", {
    hint: "Run: linkedclaw login",
    facts: { config_exists: settings.configExists, config_path: settings.configPath },
  });
}
