import { ASSET_LIMITS } from "../domain/asset.ts";
import { Fault } from "../domain/fault.ts";

/** Uploads that this process takes at once, in all and of one workspace. */
export interface UploadSlots {
  /**
   * Returns what gives the slot back, to be called once.
   *
   * @throws {Fault} `rate_limited` where the workspace has too many, `overloaded` where all have.
   */
  take(workspaceId: string): () => void;
}

const RETRY_AFTER_SECONDS = 5;

export function createUploadSlots(): UploadSlots {
  const taken = new Map<string, number>();
  let total = 0;
  return {
    take(workspaceId) {
      const own = taken.get(workspaceId) ?? 0;
      const facts = { retryAfterSeconds: RETRY_AFTER_SECONDS };
      if (own >= ASSET_LIMITS.uploadsPerWorkspaceMax) {
        throw new Fault("rate_limited", "Too many uploads at once.", facts);
      }
      if (total >= ASSET_LIMITS.uploadsPerProcessMax) {
        throw new Fault("overloaded", "Too many uploads are under way.", facts);
      }
      taken.set(workspaceId, own + 1);
      total++;
      return () => {
        const left = (taken.get(workspaceId) ?? 1) - 1;
        if (left > 0) taken.set(workspaceId, left);
        else taken.delete(workspaceId);
        total--;
      };
    },
  };
}
