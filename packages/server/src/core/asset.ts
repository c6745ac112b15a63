/**
 * Stored files: taken in, read, and removed when nobody needs them any more.
 *
 *   1. A stream arrives at a place of its own, and is looked at on the way (asset-inspection.ts).
 *   2. Once it is whole and acceptable, a row announces it, if its workspace has room.
 *   3. Its blob is written under the row's id.
 *   4. The row says that it is stored; from here on the file exists.
 *
 * A process that dies leaves a file of step 1, which the next start clears (outbound/blobs), or a row
 * of step 2 or 3, which `removeExpired` gives up together with what there is of the blob.
 */
import type { Readable } from "node:stream";
import {
  ASSET_LIMITS,
  type Asset,
  assetTypeOf,
  isShownInline,
  safeFilename,
  UPLOAD_PACE,
  type UploadPace,
} from "../domain/asset.ts";
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { isTerminal, type Run } from "../domain/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { newId, type Random } from "../lib/random.ts";
import type { LinkSignature } from "../lib/signed-url.ts";
import {
  countAssetsOfRun,
  deleteLeavingAsset,
  findReadableAssets,
  findStoredAmount,
  findStoredAsset,
  insertAsset,
  insertAssetGrants,
  lockStoredAmount,
  type StoredAmount,
  updateAssetLeaving,
  updateAssetStored,
  updateAssetsLeaving,
} from "../store/asset.ts";
import type { Database, Tx } from "../store/database.ts";
import { findRun } from "../store/run.ts";
import { AssetInspection } from "./asset-inspection.ts";
import type { FileLinks } from "./file-link.ts";
import type { BlobStore, ByteRange, StagedBlob } from "./ports.ts";
import { PacedUpload } from "./upload-pace.ts";
import { createUploadSlots } from "./upload-slots.ts";

/** A file on its way in. */
export interface Upload {
  readonly stream: Readable;
  /** As the uploader gave it: not to be trusted. */
  readonly filename: string | undefined;
  /**
   * The type as the uploader gave it, or a promise of it where it follows the file. Awaited once the
   * stream has ended; where it rejects, the upload is refused with what it rejects with.
   */
  readonly declaredMime: string | undefined | Promise<string | undefined>;
}

/** A file that the caller may read. */
export interface StoredFile {
  readonly asset: Asset;
  /** Whether a browser may show it in place; otherwise it is for saving only. */
  readonly isShownInline: boolean;
  /** Its bytes from `start` up to, not including, `end`. */
  read(range: ByteRange): Promise<Readable>;
}

export interface Assets {
  /**
   * @throws {Fault} `payload_too_large`, `unsupported_media_type`, `storage_limit_reached`,
   * `upload_too_slow`; `rate_limited`, `overloaded` where too many uploads are under way.
   */
  upload(caller: Caller, upload: Upload): Promise<Asset>;
  /**
   * Takes in what the caller made for a run that it works on: a file of whoever asked for the run.
   *
   * @throws {Fault} as `upload`; `not_found` where the caller works on no such run; `conflict` where
   * it made too many files for it
   */
  uploadForRun(caller: Caller, runId: string, upload: Upload): Promise<Asset>;
  /** The same of what the server fetched for a run that it has done by an interface of others. */
  keepForRun(
    run: Pick<Run, "id" | "workspaceId" | "providerWorkspaceId">,
    upload: Upload,
  ): Promise<Asset>;
  /** A file of the caller's, or one used in work given to it. @throws {Fault} `not_found` */
  open(caller: Pick<Caller, "workspaceId">, id: string): Promise<StoredFile>;
  /** A file for whoever has a link to it. @throws {Fault} `not_found`, also when the link expired. */
  openByLink(id: string, link: LinkSignature): Promise<StoredFile>;
  /** Removes files that nobody used for long, and what broken uploads left. Returns how many. */
  removeExpired(): Promise<number>;
}

export interface AssetsOptions {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly links: FileLinks;
  /** What one workspace may have stored. */
  readonly workspaceBytesMax: number;
  /** Unless given, `UPLOAD_PACE`. */
  readonly uploadPace?: UploadPace;
}

export function createAssets(options: AssetsOptions): Assets {
  const { database } = options;
  const slots = createUploadSlots();

  async function takeFrom(workspaceId: string, upload: Upload, owner: Owner): Promise<Asset> {
    const release = slots.take(workspaceId);
    try {
      return await takeIn(options, owner, upload);
    } finally {
      // Whoever sends it learns that nobody reads on.
      upload.stream.destroy();
      release();
    }
  }

  async function keepForRun(
    { id: runId, workspaceId, providerWorkspaceId }: Parameters<Assets["keepForRun"]>[0],
    upload: Upload,
  ): Promise<Asset> {
    const asset = await takeFrom(providerWorkspaceId, upload, { workspaceId, runId });
    await insertAssetGrants(database, [asset.id], providerWorkspaceId, options.clock.now());
    return asset;
  }

  return {
    upload: ({ workspaceId }, upload) => takeFrom(workspaceId, upload, { workspaceId }),

    async uploadForRun(caller, runId, upload) {
      const run = await findRun(database, runId);
      if (!run || isTerminal(run.state) || run.providerWorkspaceId !== caller.workspaceId) {
        const facts = { kind: "run", id: runId };
        throw new Fault("not_found", "You work on no such run.", facts);
      }
      return keepForRun(run, upload);
    },

    keepForRun,

    async open(caller, id) {
      const [asset] = await findReadableAssets(database, caller.workspaceId, [id]);
      return toStoredFile(options, id, asset);
    },

    async openByLink(id, link) {
      if (!options.links.isValid(id, link)) {
        throw new Fault("not_found", "No such file, or the link has expired.", {
          kind: "file",
          id,
        });
      }
      return toStoredFile(options, id, await findStoredAsset(database, id));
    },

    removeExpired: () => removeExpired(options),
  };
}

/** Whose a file is to be, and the run that it was made for. */
interface Owner {
  readonly workspaceId: string;
  readonly runId?: string;
}

async function takeIn(
  options: AssetsOptions,
  { workspaceId, runId }: Owner,
  { stream, filename, declaredMime }: Upload,
): Promise<Asset> {
  requireRoom(options, await findStoredAmount(options.database, workspaceId), 0);
  const inspection = new AssetInspection();
  const paced = new PacedUpload(stream, options.uploadPace ?? UPLOAD_PACE);
  const staged = await options.blobs.stage(inspection.watch(paced.chunks()));
  try {
    const declared = await paced.rest(declaredMime);
    const mime = assetTypeOf(await inspection.content(staged), filename, declared);
    const asset = {
      id: newId(options.clock, options.random),
      workspaceId,
      mime,
      bytes: staged.bytes,
      sha256: staged.sha256,
      filename: safeFilename(filename, mime),
      createdAt: options.clock.now(),
    };
    await keep(options, asset, staged, runId);
    return asset;
  } finally {
    await staged.discard();
  }
}

async function keep(
  options: AssetsOptions,
  asset: Asset,
  staged: StagedBlob,
  runId: string | undefined,
): Promise<void> {
  const { database, log } = options;
  await database.transaction(async (tx) => {
    requireRoom(options, await lockStoredAmount(tx, asset.workspaceId), asset.bytes);
    if (runId !== undefined) await requireFew(tx, runId);
    await insertAsset(tx, asset, runId);
  });
  try {
    await staged.store(asset.id);
    if (await updateAssetStored(database, asset.id)) return;
  } catch (error) {
    // The row stays behind where this fails too, and is given up by `removeExpired`.
    await updateAssetLeaving(database, asset.id)
      .then(() => remove(options, asset.id))
      .catch((failure) =>
        log.warn({ error: failure, assetId: asset.id }, "could not give up a file"),
      );
    throw error;
  }
  throw new Error(`Storing file ${asset.id} took so long that it was given up.`);
}

/** Under the lock on its owner's files, so that several at once are counted too. */
async function requireFew(tx: Tx, runId: string): Promise<void> {
  if ((await countAssetsOfRun(tx, runId)) < ASSET_LIMITS.runFilesMax) return;
  const message = `A run may have at most ${ASSET_LIMITS.runFilesMax} files made for it.`;
  throw new Fault("conflict", message);
}

function requireRoom(
  { workspaceBytesMax }: AssetsOptions,
  stored: StoredAmount,
  bytes: number,
): void {
  const isFull = stored.bytes + bytes > workspaceBytesMax || stored.bytes >= workspaceBytesMax;
  if (isFull || stored.files >= ASSET_LIMITS.workspaceFilesMax) {
    throw new Fault(
      "storage_limit_reached",
      "The workspace has no room for this file. Files that are not used any more go by themselves.",
      { limitBytes: workspaceBytesMax },
    );
  }
}

function toStoredFile({ blobs }: AssetsOptions, id: string, asset: Asset | undefined): StoredFile {
  if (!asset) throw new Fault("not_found", "No such file.", { kind: "file", id });
  return {
    asset,
    isShownInline: isShownInline(asset.mime),
    async read(range) {
      const stream = await blobs.read(asset.id, range);
      if (!stream) throw new Error(`The blob of file ${asset.id} is missing.`);
      return stream;
    },
  };
}

const REMOVED_AT_ONCE = 100;

async function removeExpired(options: AssetsOptions): Promise<number> {
  const { database, clock } = options;
  let removed = 0;
  for (;;) {
    const at = clock.now();
    const ids = await updateAssetsLeaving(database, {
      unusedSince: new Date(at.getTime() - ASSET_LIMITS.retentionMs),
      abandonedSince: new Date(at.getTime() - ASSET_LIMITS.abandonedMs),
      at,
      limit: REMOVED_AT_ONCE,
    });
    for (const id of ids) {
      // One that cannot be removed now is tried again when its removal counts as abandoned.
      await remove(options, id).catch((error) =>
        options.log.warn({ error, assetId: id }, "could not remove a file"),
      );
    }
    removed += ids.length;
    if (ids.length < REMOVED_AT_ONCE) return removed;
  }
}

/** The blob first: a row without a blob can be tried again, a blob without a row is lost. */
async function remove({ database, blobs }: AssetsOptions, id: string): Promise<void> {
  await blobs.remove(id);
  await deleteLeavingAsset(database, id);
}
