/**
 * Keeps a program running that reads lines and writes lines.
 *
 *   1. It is started at once, so that a mistake in the command shows at once.
 *   2. When it ends it is started again, after a pause that grows while it does not settle.
 *   3. One that cannot be started at all (126, 127) is given up: no pause would help.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { LIMITS } from "@guildhall/protocol";
import { systemCodeOf } from "../../failure.ts";

const RESTART_MS_MIN = 1_000;
const RESTART_MS_MAX = 60_000;
/** One that lived this long was no failed start; the next pause is the shortest again. */
const SETTLED_MS = 10_000;
/** After this the program is not asked but made to end. */
const CLOSE_GRACE_MS = 2_000;
/** A shell's codes for a command that cannot be run and for one that is not there. */
const NOT_RUNNABLE = new Set([126, 127]);

export interface ChildEvents {
  line(line: string): void;
  /** It ended; what it had in hand is lost. */
  exited(code: number | null, signal: string | null): void;
  restarted(): void;
  /** It can never run. */
  hopeless(code: number): void;
}

export interface Child {
  /** Whether the line was handed over. */
  write(line: string): boolean;
  /** Ends its input, and after a while the program itself. */
  close(): Promise<void>;
}

export function keepRunning(command: string, events: ChildEvents): Child {
  let isClosing = false;
  let restartMs = RESTART_MS_MIN;
  let restart: NodeJS.Timeout | undefined;
  let child: ChildProcess | undefined = start();

  function start(): ChildProcess {
    const startedMs = performance.now();
    const started = spawnInShell(command);
    // A program that ended does not read; that it ended is said by `close`.
    started.stdin?.on("error", () => undefined);
    readLines(started, events.line);
    started.on("close", (code, signal) => {
      child = undefined;
      events.exited(code, signal);
      if (isClosing) return;
      if (code !== null && NOT_RUNNABLE.has(code)) events.hopeless(code);
      else startLater(performance.now() - startedMs);
    });
    return started;
  }

  function startLater(livedMs: number): void {
    if (livedMs >= SETTLED_MS) restartMs = RESTART_MS_MIN;
    restart = setTimeout(() => {
      child = start();
      events.restarted();
    }, restartMs);
    restartMs = Math.min(restartMs * 2, RESTART_MS_MAX);
  }

  return {
    write(line) {
      if (child?.stdin?.writable !== true) return false;
      child.stdin.write(`${line}\n`);
      return true;
    },
    async close() {
      isClosing = true;
      clearTimeout(restart);
      const running = child;
      if (running === undefined) return;
      const closed = once(running, "close");
      running.stdin?.end();
      const kill = setTimeout(() => killGroup(running), CLOSE_GRACE_MS);
      await closed;
      clearTimeout(kill);
    },
  };
}

function spawnInShell(command: string): ChildProcess {
  return spawn(command, {
    shell: true,
    stdio: ["pipe", "pipe", "inherit"],
    // A group of its own, so that a terminal's Ctrl-C lets it finish what it works on.
    detached: process.platform !== "win32",
  });
}

/** Calls `onLine` for each line. A program that writes without an end to its line is stopped. */
function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  const { stdout } = child;
  if (stdout === null) return;
  let pendingBytes = 0;
  stdout.on("data", (chunk: Buffer) => {
    const end = chunk.lastIndexOf("\n");
    pendingBytes = end === -1 ? pendingBytes + chunk.length : chunk.length - end - 1;
    if (pendingBytes > LIMITS.frameBytesMax) killGroup(child);
  });
  createInterface({ input: stdout }).on("line", (line) => line.trim() !== "" && onLine(line));
}

/** Signals a shell and what it started: the program would otherwise outlive its shell. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
  if (child.pid === undefined || process.platform === "win32") {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The group ended by itself.
    if (systemCodeOf(error) !== "ESRCH") throw error;
  }
}
