/** Files of a run that the server does itself: the picture it begins with, and what was made. */
import type { Readable } from "node:stream";
import { unprefixed } from "@guildhall/protocol";
import { type Asset, FILE_PREFIX } from "../domain/asset.ts";
import { Fault } from "../domain/fault.ts";
import { noSuchFile } from "../domain/file-reference.ts";
import type { Run } from "../domain/run.ts";
import type { VideoMedium } from "../domain/video.ts";
import type { GuardedFetch } from "../lib/guarded-fetch.ts";
import { GuardedFetchError } from "../lib/guarded-url.ts";
import type { Log } from "../lib/log.ts";
import type { Assets } from "./asset.ts";
import type { VideoPicture } from "./video-ports.ts";

export interface RunFiles {
  /** @throws {Fault} `invalid_file` where it cannot be had, or is no picture */
  picture(workspaceId: string, medium: VideoMedium): Promise<VideoPicture>;
  /** Stores what was made. @throws {Fault} as an upload; `provider_timeout` where it breaks off */
  keep(run: Run, stream: Readable, filename: string): Promise<Asset>;
}

const PICTURE_BYTES_MAX = 30_000_000;
const FETCH_MS_MAX = 30_000;
const TYPES: ReadonlyMap<string, string> = new Map([
  ["image/jpeg", "jpg"],
  ["image/png", "png"],
  ["image/webp", "webp"],
]);

export function createRunFiles(deps: {
  readonly assets: Pick<Assets, "open" | "keepForRun">;
  readonly guardedFetch: GuardedFetch;
  readonly log: Log;
}): RunFiles {
  const { assets, guardedFetch, log } = deps;

  async function stored(workspaceId: string, fileId: string) {
    const id = unprefixed(FILE_PREFIX, fileId);
    if (id === undefined) throw noSuchFile();
    const { asset, read } = await assets.open({ workspaceId }, id);
    if (asset.bytes > PICTURE_BYTES_MAX) throw tooLarge();
    const parts: Buffer[] = [];
    for await (const part of await read({ start: 0, end: asset.bytes })) parts.push(part as Buffer);
    return { bytes: Buffer.concat(parts), mime: asset.mime as string };
  }

  async function fetched(url: string) {
    try {
      const limits = { bytesMax: PICTURE_BYTES_MAX, timeoutMs: FETCH_MS_MAX };
      const { status, headers, body } = await guardedFetch.fetch({ url, ...limits });
      if (status !== 200) throw badFile(`Its address answered with status ${status}.`);
      return { bytes: body, mime: (headers["content-type"] ?? "").split(";")[0]?.trim() ?? "" };
    } catch (error) {
      if (error instanceof GuardedFetchError) throw badFile(error.message);
      throw error;
    }
  }

  return {
    async picture(workspaceId, medium) {
      const { bytes, mime } =
        medium.file_id === undefined
          ? await fetched(medium.url)
          : await stored(workspaceId, medium.file_id);
      const extension = TYPES.get(mime);
      if (extension === undefined) throw badFile("It is none of JPEG, PNG and WebP.");
      return { bytes, mime, filename: `picture.${extension}` };
    },

    async keep(run, stream, filename) {
      try {
        return await assets.keepForRun(run, { stream, filename, declaredMime: undefined });
      } catch (error) {
        if (error instanceof Fault) throw error;
        log.warn({ error, runId: run.id }, "what was made for a run could not be stored");
        throw new Fault("provider_timeout", "What was made broke off on its way.");
      }
    },
  };
}

function badFile(message: string): Fault {
  return new Fault("invalid_file", `The picture cannot be used. ${message}`);
}

function tooLarge(): Fault {
  return badFile(`It is larger than ${PICTURE_BYTES_MAX} bytes.`);
}
