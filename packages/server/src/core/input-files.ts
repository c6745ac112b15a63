/** Files in the input of work: checked when work is opened, made reachable when it is delivered. */
import { ASSET_LIMITS } from "../domain/asset.ts";
import { Fault } from "../domain/fault.ts";
import { fileReferencesIn, noSuchFile, withFilesDescribed } from "../domain/file-reference.ts";
import type { Clock } from "../lib/clock.ts";
import type { GuardedFetch } from "../lib/guarded-fetch.ts";
import { GuardedFetchError } from "../lib/guarded-url.ts";
import { findReadableAssets, insertAssetGrants, updateAssetsUsed } from "../store/asset.ts";
import type { Database } from "../store/database.ts";
import type { FileLinks } from "./file-link.ts";

export interface InputFiles {
  /**
   * Checks every file in an input, and keeps stored ones from expiring.
   *
   * @throws {Fault} `invalid_file` where a reference is wrong, or names a file that does not exist or
   * is somebody else's; `invalid_request` where the input is nested too deep.
   */
  check(workspaceId: string, input: unknown): Promise<void>;
  /**
   * The input as its provider sees it: with each stored file comes a link that works until `until`,
   * at least for ten minutes. `recipientWorkspaceId` may read the files from now on.
   */
  deliver(
    workspaceId: string,
    input: unknown,
    until: Date,
    recipientWorkspaceId: string,
  ): Promise<unknown>;
}

export interface InputFilesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly guardedFetch: Pick<GuardedFetch, "parse">;
  readonly links: FileLinks;
}

/** How much of a place in the input goes into a message: its keys are the caller's. */
const PATH_SHOWN_MAX = 200;

export function createInputFiles(options: InputFilesOptions): InputFiles {
  const { database, clock, guardedFetch, links } = options;
  return {
    async check(workspaceId, input) {
      const { assetIds, urls } = fileReferencesIn(input);
      for (const { url, path } of urls) requireAllowed(guardedFetch, url, path);
      if (assetIds.length > 0) await requireReadable(options, workspaceId, assetIds);
    },

    async deliver(workspaceId, input, until, recipientWorkspaceId) {
      const { assetIds } = fileReferencesIn(input);
      if (assetIds.length === 0) return input;
      const assets = await findReadableAssets(database, workspaceId, assetIds);
      const ids = assets.map(({ id }) => id);
      await insertAssetGrants(database, ids, recipientWorkspaceId, clock.now());
      const byId = new Map(assets.map((asset) => [asset.id, asset]));
      return withFilesDescribed(input, (id) => {
        const asset = byId.get(id);
        if (!asset) return undefined;
        const { mime, bytes, filename } = asset;
        return { url: links.urlOf(id, until), mime, size: bytes, filename };
      });
    },
  };
}

/** The provider fetches it, not we; but nobody should be sent into somebody's own network. */
function requireAllowed(guard: Pick<GuardedFetch, "parse">, url: string, path: string): void {
  try {
    guard.parse(url);
  } catch (error) {
    if (!(error instanceof GuardedFetchError)) throw error;
    throw new Fault("invalid_file", `${path.slice(0, PATH_SHOWN_MAX)}: ${error.message}`);
  }
}

async function requireReadable(
  { database, clock }: InputFilesOptions,
  workspaceId: string,
  ids: readonly string[],
): Promise<void> {
  const assets = await findReadableAssets(database, workspaceId, ids);
  if (assets.length < ids.length) throw noSuchFile();

  const now = clock.now();
  const staleBefore = now.getTime() - ASSET_LIMITS.usePrecisionMs;
  const stale = assets.filter(({ usedAt }) => usedAt.getTime() < staleBefore).map(({ id }) => id);
  if (stale.length === 0) return;
  // One that was removed since it was found is no file any more.
  const used = await updateAssetsUsed(database, stale, now);
  if (used.length < stale.length) throw noSuchFile();
}
