import { ASSET_LIMITS } from "../domain/asset.ts";
import type { Clock } from "../lib/clock.ts";
import { isSignatureValid, type LinkSignature, signPath } from "../lib/signed-url.ts";

/** Addresses of stored files that work for whoever has them, for a while. */
export interface FileLinks {
  /** A link that works until `until`, at least for ten minutes. */
  urlOf(assetId: string, until: Date): string;
  /** Whether a link to this file works now. */
  isValid(assetId: string, link: LinkSignature): boolean;
}

export function createFileLinks(options: {
  readonly secret: Uint8Array;
  /** Where clients reach this server, without a slash at the end. Asked when a link is made. */
  readonly baseUrl: () => string;
  readonly clock: Clock;
}): FileLinks {
  const { secret, baseUrl, clock } = options;
  return {
    urlOf(assetId, until) {
      const soonest = clock.now().getTime() + ASSET_LIMITS.linkMsMin;
      const expiresAt = new Date(Math.max(until.getTime(), soonest));
      return baseUrl() + signPath(secret, pathOf(assetId), expiresAt);
    },
    isValid: (assetId, link) => isSignatureValid(secret, pathOf(assetId), link, clock.now()),
  };
}

/** Answered by surfaces/shared/stored-files.ts. */
function pathOf(assetId: string): string {
  return `/files/${assetId}`;
}
