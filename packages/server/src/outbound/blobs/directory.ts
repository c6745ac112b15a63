/** Blobs as files of a folder: for one machine, or several that share the folder. */
import assert from "node:assert/strict";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { BlobStore, ByteRange, StagedBlob } from "../../core/ports.ts";
import { openStaging, type StagedFile, type StagingTools } from "./staging.ts";

/** Keys are ids of ours, so none can lead out of the folder. */
const KEY = /^[0-9a-f]{24}$/;

/** Opens a store in a folder, made where it is missing. */
export async function openDirectoryBlobs(folder: string, tools: StagingTools): Promise<BlobStore> {
  // Beside the blobs, on the same disk: a file is stored by giving it another name.
  const staging = await openStaging(join(folder, "arriving"), tools);
  return {
    stage: async (source) => toBlob(folder, await staging.take(source)),
    read: (key, range) => readFile(pathOf(folder, key), range),
    remove: (key) => rm(pathOf(folder, key), { force: true }),
  };
}

function toBlob(folder: string, staged: StagedFile): StagedBlob {
  return {
    bytes: staged.bytes,
    sha256: staged.sha256,
    readAt: staged.readAt,
    async store(key) {
      const path = pathOf(folder, key);
      await staged.sync();
      await mkdir(dirname(path), { recursive: true });
      await rename(staged.path, path);
      // The name is on disk only once its folder is, and the folder's own name once its parent is.
      await syncFolder(dirname(path));
      await syncFolder(folder);
    },
    discard: staged.discard,
  };
}

/** 4,096 folders by the id's last letters, which are chance: the first are time and would be alike. */
function pathOf(folder: string, key: string): string {
  assert.match(key, KEY);
  return join(folder, key.slice(-3), key);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readFile(path: string, { start, end }: ByteRange): Promise<Readable | undefined> {
  try {
    const handle = await open(path);
    if (start >= end) {
      await handle.close();
      return Readable.from([]);
    }
    return handle.createReadStream({ start, end: end - 1 });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}
