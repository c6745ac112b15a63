/**
 * Temporary folders: each says whose it is, and which program works in it, so that what a killed process left
 * can be found.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PREFIX = "guildhall-video-";
const PROGRAM = "program.pid";

export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
}

/** Which program works in a folder. At once: whoever starts it may be killed at any moment. */
export function noteProgram(folder: string, pid: number): void {
  writeFileSync(join(folder, PROGRAM), String(pid));
}

/**
 * Removes folders of processes that are gone, and ends what still works in them: ffmpeg outlives a killed
 * parent, for as long as its video takes. To be called before this process has folders of its own.
 */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^guildhall-video-(\d+)-/.exec(name) ?? [];
    // In a container, the one before had this process's number.
    if (pid === undefined || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    const folder = join(tmpdir(), name);
    await endProgram(folder);
    // Somebody else's is not ours to remove.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Numbers of processes are used again: only one whose command names the folder is meant. */
async function endProgram(folder: string): Promise<void> {
  const pid = Number(await readFile(join(folder, PROGRAM), "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return;
  if (!(await commandOf(pid)).includes(folder)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

async function commandOf(pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "args=", "-p", String(pid)]).catch(
    // Small systems come without ps, and with /proc.
    async () => ({ stdout: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") }),
  );
  return stdout;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
}
