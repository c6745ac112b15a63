/**
 * Whether a browser can be used from here: otherwise a person logs in with a code on another
 * machine (LinkedClaw contract §5).
 */
import { existsSync, readFileSync } from "node:fs";
import type { Env } from "../../cli.ts";

export interface Surroundings {
  readonly env: Env;
  readonly platform: NodeJS.Platform;
  readonly isContainer: boolean;
}

/** Why no browser can be used, in words, or `undefined` where one can. */
export function whyNoBrowser({ env, platform, isContainer }: Surroundings): string | undefined {
  if (env.SSH_CONNECTION || env.SSH_TTY || env.SSH_CLIENT) return "this is a remote session";
  if (env.CI) return "this is a CI job";
  if (isContainer) return "this is a container";
  if (platform === "linux" && !env.DISPLAY && !env.WAYLAND_DISPLAY) return "there is no display";
  return undefined;
}

/** The surroundings of this process. */
export function surroundings(env: Env): Surroundings {
  return { env, platform: process.platform, isContainer: isContainer() };
}

function isContainer(): boolean {
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) return true;
  try {
    return /docker|kubepods|containerd|libpod|lxc/.test(readFileSync("/proc/1/cgroup", "utf8"));
  } catch {
    // Not Linux, or not for us to read.
    return false;
  }
}
