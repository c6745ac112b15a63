/** Manifests: task context that a requester writes once and names in many requests. It is no price. */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Database } from "../store/database.ts";
import { findManifest, insertManifest, type ManifestRecord } from "../store/manifest.ts";

export interface Manifests {
  /** `body` is JSON with at least an `intention`. */
  create(caller: Caller, body: object): Promise<ManifestRecord>;
  /** Throws `not_found`: a manifest of another workspace does not exist for the caller. */
  require(caller: Caller, id: string): Promise<ManifestRecord>;
}

export function createManifests(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}): Manifests {
  return {
    async create(caller, body) {
      const manifest = {
        id: newId(deps.clock, deps.random),
        workspaceId: caller.workspaceId,
        body: JSON.stringify(body),
        createdAt: deps.clock.now(),
      };
      await insertManifest(deps.database, manifest);
      return manifest;
    },
    async require(caller, id) {
      const manifest = await findManifest(deps.database, id);
      if (manifest?.workspaceId !== caller.workspaceId) {
        throw new Fault("not_found", "No such manifest.", { kind: "manifest", id });
      }
      return manifest;
    },
  };
}
