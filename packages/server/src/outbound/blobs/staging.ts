/**
 * Where uploads arrive: files of this process's own on the local disk, until they are stored or
 * thrown away.
 *
 * A process that is killed leaves its files behind. Each is named for its machine and process, so
 * that whoever starts next on the same machine can tell which belong to nobody any more.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ByteRange } from "../../core/ports.ts";
import type { Clock } from "../../lib/clock.ts";
import { newId, type Random } from "../../lib/random.ts";

/** A file of another machine that shares the folder is cleared away when it is this old. */
const FOREIGN_AGE_MS_MAX = 24 * 3_600_000;
/** Only this server may read what arrives. */
const MODE = 0o600;

export interface StagedFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, 64 hex. */
  readonly sha256: string;
  readAt(range: ByteRange): Promise<Buffer>;
  /** Waits until the disk has it. */
  sync(): Promise<void>;
  /** Closes the file and removes it, where it has not been moved away. */
  discard(): Promise<void>;
}

export interface Staging {
  /** Writes a stream to a file. When the stream fails, the file is gone and the error goes on. */
  take(source: AsyncIterable<Uint8Array>): Promise<StagedFile>;
}

export interface StagingTools {
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens a folder for arriving files, made where it is missing, and clears what nobody will finish. */
export async function openStaging(folder: string, tools: StagingTools): Promise<Staging> {
  await mkdir(folder, { recursive: true });
  await clearAbandoned(folder, tools.clock);
  return {
    take: (source) => takeIn(join(folder, newName(tools)), source),
  };
}

async function takeIn(path: string, source: AsyncIterable<Uint8Array>): Promise<StagedFile> {
  const handle = await open(path, "wx+", MODE);
  const discard = async () => {
    await handle.close();
    await rm(path, { force: true });
  };
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of source) {
      hash.update(chunk);
      await writeAll(handle, chunk);
      bytes += chunk.byteLength;
    }
    return {
      path,
      bytes,
      sha256: hash.digest("hex"),
      readAt: (range) => readAt(handle, range),
      sync: () => handle.sync(),
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** One write may take less than it was given. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) {
    at += (await handle.write(chunk, at)).bytesWritten;
  }
}

async function readAt(handle: FileHandle, { start, end }: ByteRange): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead);
}

/** `<machine>~<process>~<id>`; the machine's name cannot contain the separator. */
function newName({ clock, random }: StagingTools): string {
  return `${machine()}~${process.pid}~${newId(clock, random)}`;
}

function machine(): string {
  return hostname().replace(/[^\w.-]/g, "_");
}

async function clearAbandoned(folder: string, clock: Clock): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (await isAbandoned(name, path, clock)) await rm(path, { force: true });
  }
}

async function isAbandoned(name: string, path: string, clock: Clock): Promise<boolean> {
  const [origin, pid] = name.split("~");
  if (origin === machine()) return !isRunningElsewhere(Number(pid));
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && clock.now().getTime() - found.mtimeMs > FOREIGN_AGE_MS_MAX;
}

/** This process has only just started: what has its number is from one that had it before. */
function isRunningElsewhere(pid: number): boolean {
  if (pid === process.pid || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as { code?: unknown }).code === "EPERM";
  }
}
