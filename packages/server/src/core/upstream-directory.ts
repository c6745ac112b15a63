/**
 * Where calls of upstreams' models go, with their keys opened.
 *
 * What is known is a few seconds old at most: an endpoint that was removed gets no call after that. Which
 * upstreams there are, and what their models cost, is for core/model-directory.ts to say.
 */
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createRecentCopy } from "../lib/recent-copy.ts";
import type { Sealer } from "../lib/seal.ts";
import type { Database } from "../store/database.ts";
import { type EndpointRecord, listUpstreams, type UpstreamRow } from "../store/upstream.ts";
import type { Bus, UpstreamEndpoint, UpstreamRoute } from "./ports.ts";

export interface UpstreamDirectory {
  /** The model's own route, then those of the models that stand in for it; none where it is unknown. */
  routesOf(agentId: string, model: string): Promise<readonly UpstreamRoute[]>;
  /** Upstreams have changed by this process's doing: every process looks again. */
  changed(): void;
  stop(): void;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
  readonly sealer: Sealer;
}

const FRESH_MS = 2_000;
const STALE_MS = 5_000;
export const UPSTREAMS_MAX = 1_000;
const CHANGED = "upstreams.changed";

/** What a key is sealed for. */
export function endpointRecord(id: string): string {
  return `upstream-endpoint/${id}/key`;
}

type Routes = ReadonlyMap<string, readonly UpstreamRoute[]>;

export function createUpstreamDirectory(deps: Dependencies): UpstreamDirectory {
  const { database, clock, bus } = deps;
  const routes = createRecentCopy<Routes>({
    clock,
    read: async () => routesFrom(deps, await listUpstreams(database, UPSTREAMS_MAX)),
    ...{ freshMs: FRESH_MS, staleMs: STALE_MS },
    onFailure(error) {
      deps.log.warn({ error }, "upstreams could not be read; going by what is known");
    },
  });
  const unsubscribe = bus.subscribe(CHANGED, routes.forget);
  return {
    async routesOf(agentId, model) {
      return (await routes.get()).get(nameOf(agentId, model)) ?? [];
    },
    changed() {
      routes.forget();
      bus.publish(CHANGED, {});
    },
    stop: unsubscribe,
  };
}

function nameOf(agentId: string, model: string): string {
  return `${agentId} ${model}`;
}

function routesFrom(deps: Dependencies, upstreams: readonly UpstreamRow[]): Routes {
  const own = upstreams.flatMap((upstream) => {
    const endpoints = upstream.endpoints.flatMap((endpoint) => openEndpoint(deps, endpoint));
    return upstream.models.map(({ model, upstreamModel, fallbacks }) => {
      const { kind, hasResponses } = upstream;
      const route: UpstreamRoute = { kind, upstreamModel, hasResponses, endpoints };
      return { name: nameOf(upstream.agentId, model), model, route, fallbacks };
    });
  });
  return new Map(
    own.map(({ name, route, fallbacks }) => {
      const others = fallbacks.flatMap((model) => own.find((other) => other.model === model) ?? []);
      return [name, [route, ...others.map((other) => other.route)]] as const;
    }),
  );
}

/** One whose key was sealed with a secret key that this server does not have cannot be asked. */
function openEndpoint({ sealer, log }: Dependencies, row: EndpointRecord): UpstreamEndpoint[] {
  const { id, url, sealedKey, weight } = row;
  if (sealedKey === undefined) return [{ id, url, key: undefined, weight }];
  try {
    const opened = sealer.open(sealedKey, endpointRecord(id)).toString("utf8");
    return [{ id, url, key: opened, weight }];
  } catch (error) {
    log.error({ error, endpointId: id }, "an upstream's key cannot be opened");
    return [];
  }
}
