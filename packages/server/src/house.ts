/**
 * Starts the house: the provider that comes along. It is an ordinary provider in a process of its
 * own, with an ordinary key of an ordinary workspace; nothing else in the server knows of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Log } from "./lib/log.ts";

export interface House {
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("../../house/src/main.ts", import.meta.url));
const RESTART_MS_MIN = 1_000;
const RESTART_MS_MAX = 60_000;
/** Having run this long, it did not fail because of how it was started. */
const HEALTHY_MS = 60_000;
const STOP_MS_MAX = 8_000;

/** `key` is asked for at each start, so that no secret has to be kept. */
export function startHouse(deps: {
  readonly url: string;
  readonly newKey: () => Promise<string>;
  readonly log: Log;
  /** What the process may see of ours; no secret of the server's is among it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}): House | undefined {
  const { log } = deps;
  if (!existsSync(PROGRAM)) {
    log.warn(
      { program: PROGRAM },
      "the house is not installed; this server has no capabilities of its own",
    );
    return undefined;
  }
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  let waitMs = RESTART_MS_MIN;

  function again(startedAtMs: number): void {
    if (isStopping) return;
    waitMs = performance.now() - startedAtMs > HEALTHY_MS ? RESTART_MS_MIN : waitMs * 2;
    timer = setTimeout(() => void start(), Math.min(waitMs, RESTART_MS_MAX));
  }

  async function start(): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const key = await deps.newKey();
      if (isStopping) return;
      child = spawn(process.execPath, [PROGRAM], {
        env: { ...deps.environment, GUILDHALL_URL: deps.url, GUILDHALL_HOUSE_KEY: key },
        // Its own words go to our standard error; ours on standard output stay one JSON line each. By the
        // channel, over which nothing is said, it learns of our end, whatever that is.
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      child.on("error", (error) => log.error({ error }, "the house could not be started"));
      child.on("exit", (code, signal) => {
        child = undefined;
        if (!isStopping) log.warn({ code, signal }, "the house ended; starting it again");
        again(startedAtMs);
      });
    } catch (error) {
      log.error({ error }, "the house could not be started; trying again");
      again(startedAtMs);
    }
  }

  void start();
  return {
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      const running = child;
      if (!running) return;
      const hasEnded = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.kill("SIGTERM");
      const kill = setTimeout(() => running.kill("SIGKILL"), STOP_MS_MAX);
      await hasEnded;
      clearTimeout(kill);
    },
  };
}
