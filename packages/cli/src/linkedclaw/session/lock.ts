/**
 * One command at a time for what is kept of a session: two that send at once would take the same
 * number, and two that receive would show the same reply (decision 0110).
 *
 *   1. There is a fixed number of tokens, empty files in one directory that is made whole. A session's
 *      id selects one.
 *   2. Whoever renames a token to a name of its own has it: of those who try at once, one succeeds.
 *      The name says who has it and since when. Renaming it back lets the next one in.
 *   3. A token of a process that is gone is taken over, by renaming it from exactly that name: here,
 *      too, one succeeds, and never against one who lives.
 *
 * It needs nothing but files, so it works wherever Node does.
 */
import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DIRECTORY_MODE, FILE_MODE } from "../../config/directory.ts";
import { Failure, systemCodeOf } from "../../failure.ts";

const TOKENS = 64;
/** A command holds a token for a few requests, each of which has a time limit; see `server.ts`. */
const WAIT_MS_MAX = 90_000;
/** For who cannot be asked whether it lives: another machine's, or a number that was given out again. */
const HELD_MS_MAX = 5 * 60_000;
const LOOK_AGAIN_MS = 25;

export interface SessionLock {
  /** Whether nobody took it over meanwhile, because this process was stopped for minutes. */
  isHeld(): Promise<boolean>;
}

/**
 * Does `work` while no other process does work under a lock for the same session. Waits for a minute
 * and a half at most, then refuses with `session_busy`.
 */
export async function withSessionLock<T>(
  directory: string,
  sessionId: string,
  work: (lock: SessionLock) => Promise<T>,
  waitMsMax = WAIT_MS_MAX,
): Promise<T> {
  const tokens = await tokensIn(directory);
  const free = tokenOf(sessionId);
  const held = await take(tokens, free, waitMsMax);
  try {
    return await work({ isHeld: () => isThere(held) });
  } finally {
    await isRenamed(held, join(tokens, free));
  }
}

function tokenOf(sessionId: string): string {
  const [byte = 0] = createHash("sha256").update(sessionId).digest();
  return tokenName(byte % TOKENS);
}

function tokenName(index: number): string {
  return `token-${String(index).padStart(2, "0")}`;
}

/** All tokens at once: one that was made later could be made twice, while the first was held. */
async function tokensIn(directory: string): Promise<string> {
  const tokens = join(directory, ".locks");
  if (await isThere(tokens)) return tokens;
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const unfinished = await mkdtemp(`${tokens}-`);
  for (let index = 0; index < TOKENS; index++) {
    await writeFile(join(unfinished, tokenName(index)), "", { mode: FILE_MODE });
  }
  try {
    await rename(unfinished, tokens);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process was faster.
    if (!(await isThere(tokens))) throw error;
  }
  return tokens;
}

async function take(tokens: string, free: string, waitMsMax: number): Promise<string> {
  const endMs = performance.now() + waitMsMax;
  for (;;) {
    const held = join(tokens, `${free}.${ownName()}`);
    if (await isRenamed(join(tokens, free), held)) return held;
    const holder = (await readdir(tokens)).find((name) => name.startsWith(`${free}.`));
    const isGone = holder !== undefined && isAbandoned(holder.slice(free.length + 1));
    if (isGone && (await isRenamed(join(tokens, holder), held))) return held;
    if (performance.now() > endMs) {
      throw new Failure("session_busy", "Another command does not finish with this session.", {
        hint: "Look for another linkedclaw process that sends to it or receives from it.",
        facts: { lock: holder ?? free },
      });
    }
    await delay(LOOK_AGAIN_MS);
  }
}

const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/** Who takes a token, and since when; never the same twice. */
function ownName(): string {
  return [Date.now(), HOST, process.pid, randomBytes(4).toString("hex")].join(".");
}

/** Whether the process that calls itself so is gone. */
function isAbandoned(name: string): boolean {
  const [sinceMs, host, pid] = name.split(".");
  if (Date.now() - Number(sinceMs) > HELD_MS_MAX) return true;
  return host === HOST && !lives(Number(pid));
}

/** Signal 0 only asks. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    // Windows refuses what another process is just looking at.
    if (["ENOENT", "EPERM", "EACCES", "EBUSY"].includes(systemCodeOf(error) ?? "")) return false;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
