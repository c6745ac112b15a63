/** Starts writers (`writer.ts`) and keeps what they say. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Stage, Told } from "./load.ts";
import type { WriterTask } from "./writer.ts";

const WRITER = fileURLToPath(new URL("writer.ts", import.meta.url));

export interface Writer {
  readonly process: ChildProcess;
  /** Resolves when it has its database and has found the books right; or when it has ended before. */
  readonly ready: Promise<void>;
  /** Resolves when it has told so many answers; or when it has ended before. */
  answers(count: number): Promise<void>;
  /** Resolves when all it said is in `told`: what it ended with, as a signal or a code. */
  readonly ended: Promise<NodeJS.Signals | number | null>;
  /** Codes of what the database answered to its ledger instead of doing it. */
  readonly errors: readonly string[];
}

export function startWriter(t: TestContext, task: WriterTask, told: Told): Writer {
  const child = spawn(process.execPath, [WRITER, JSON.stringify(task)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  // It may be dead before it is told to begin.
  child.stdin.on("error", () => undefined);
  const errors: string[] = [];
  const ready = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  let answers = 0;
  let answersWanted = Number.POSITIVE_INFINITY;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const [word = "", rest = ""] = line.split(" ");
    if (word === "ready") return ready.resolve();
    if (word === "error") return errors.push(rest);
    told.say(word as Stage, rest);
    if (word !== "asked" && ++answers >= answersWanted) waiting.resolve();
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once("close", (code, signal) => {
      ready.resolve();
      waiting.resolve();
      resolve(signal ?? code);
    });
  });
  return {
    process: child,
    ready: ready.promise,
    answers(count) {
      answersWanted = count;
      if (answers >= count) waiting.resolve();
      return waiting.promise;
    },
    ended,
    errors,
  };
}
