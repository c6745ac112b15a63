/**
 * ffmpeg as a process of its own: the machine's where it can make H.264, else the one that came along.
 * It is nice to others, has a deadline, and ends with whoever wants its result.
 */
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { setPriority } from "node:os";
import { promisify } from "node:util";
import { CapabilityError } from "../capability.ts";
import { noteProgram } from "./folder.ts";

/** Ten minutes of video, the longest, take some six on two cores. */
const ENCODE_MS_MAX = 20 * 60_000;
const PROBE_MS_MAX = 10_000;
const NICENESS = 10;
const SAID_CHARS_MAX = 4_000;

let found: Promise<string> | undefined;

/** @throws CapabilityError `provider_failed` where this machine has none */
export function findFfmpeg(): Promise<string> {
  found ??= firstThatCan(["ffmpeg", ...bundled()]);
  return found;
}

/** None for a kind of machine that nobody made one for. */
function bundled(): string[] {
  try {
    const { path } = createRequire(import.meta.url)("@ffmpeg-installer/ffmpeg") as { path: string };
    return [path];
  } catch {
    return [];
  }
}

async function firstThatCan(programs: readonly string[]): Promise<string> {
  for (const program of programs) {
    try {
      const options = { timeout: PROBE_MS_MAX, maxBuffer: 1024 * 1024 };
      const probe = promisify(execFile)(program, ["-hide_banner", "-encoders"], options);
      if (/\blibx264\b/.test((await probe).stdout)) return program;
    } catch {
      // Not there, or not for this machine: the next one.
    }
  }
  throw new CapabilityError("provider_failed", "This machine has no ffmpeg that makes H.264.");
}

export interface FfmpegRun {
  /** Where what it reads and writes is. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onFrame: (frames: number) => void;
}

/**
 * Runs it to its end.
 *
 * @param onFrame told the number of frames that are done, several times a second
 * @throws CapabilityError `provider_timeout`, `provider_failed`; what `signal` was aborted with
 */
export async function runFfmpeg(
  args: readonly string[],
  { folder, signal, onFrame }: FfmpegRun,
): Promise<void> {
  const program = await findFfmpeg();
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(ENCODE_MS_MAX);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, timeout]),
    killSignal: "SIGKILL",
  });
  if (child.pid !== undefined) noteProgram(folder, child.pid);
  calm(child.pid);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-SAID_CHARS_MAX);
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const [, frames] = [...text.matchAll(/^frame=\s*(\d+)$/gm)].at(-1) ?? [];
    if (frames !== undefined) onFrame(Number(frames));
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on("error", () => undefined);
    child.on("close", resolve);
  });
  signal.throwIfAborted();
  if (timeout.aborted) {
    throw new CapabilityError("provider_timeout", "The video took too long to be made.");
  }
  if (code === 0) return;
  const cause = new Error(`ffmpeg ended with ${code}: ${said}`);
  throw new CapabilityError("provider_failed", "The video could not be encoded.", { cause });
}

/** Others come first. It may have ended already. */
function calm(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, NICENESS);
  } catch {
    // Then it has nothing more to take from anybody.
  }
}
