/** Starts the browser of whoever sits here. */
import { spawn } from "node:child_process";
import type { Env } from "../../cli.ts";

/** A launcher that is going to fail has done so by then (LinkedClaw contract §5). */
const FAILS_WITHIN_MS = 2_000;

/** Opens `url`. `false` where there is no launcher, or it gave up at once. */
export function openBrowser(env: Env, url: string): Promise<boolean> {
  const [program, ...args] = launcher(env, url);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore", detached: true });
    const timer = setTimeout(() => resolve(true), FAILS_WITHIN_MS);
    const settle = (isOpen: boolean) => {
      clearTimeout(timer);
      resolve(isOpen);
    };
    child.on("error", () => settle(false));
    child.on("exit", (code) => settle(code === 0));
    // The browser outlives us.
    child.unref();
  });
}

function launcher(env: Env, url: string): [string, ...string[]] {
  if (env.BROWSER) return [env.BROWSER, url];
  if (process.platform === "darwin") return ["open", url];
  // Not `start`, which is a shell's, and would read the address's ampersands as its own.
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}
