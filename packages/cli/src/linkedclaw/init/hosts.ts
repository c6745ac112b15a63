/** Programs that run agents, and where each looks for skills (LinkedClaw contract §9.2). */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Env } from "../../cli.ts";

export const HOST_NAMES = ["claude-code", "openclaw", "gemini", "codex"] as const;
export type HostName = (typeof HOST_NAMES)[number];

export interface Host {
  readonly name: HostName;
  /** Its own directory: where that is, the host is. */
  readonly directory: string;
  readonly skills: string;
  /** What it reads before each conversation, where a skill alone might never be looked at. */
  readonly context: string | undefined;
}

/** Every host, whether it is there or not. */
export function hostsOf(env: Env): Host[] {
  const home = (name: string, variable?: string) => {
    const named = variable === undefined ? undefined : env[variable];
    return named ? resolve(named) : join(homedir(), name);
  };
  const directories: Readonly<Record<HostName, string>> = {
    "claude-code": home(".claude", "CLAUDE_CONFIG_DIR"),
    openclaw: home(".openclaw"),
    gemini: home(".gemini"),
    codex: home(".codex", "CODEX_HOME"),
  };
  return HOST_NAMES.map((name) => {
    const directory = directories[name];
    const context = name === "codex" ? join(directory, "AGENTS.md") : undefined;
    return { name, directory, skills: join(directory, "skills"), context };
  });
}

export function isThere({ directory }: Host): boolean {
  return existsSync(directory);
}
