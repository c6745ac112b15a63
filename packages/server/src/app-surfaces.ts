/** Everything that calls us, joined to the core: pages, wires, providers' sockets. */
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { JoinedCore } from "./app-core.ts";
import { createCliPackage } from "./cli-package.ts";
import { type Config, childEnvironment } from "./config.ts";
import { createIdentify } from "./core/identify.ts";
import type { ServerProcess } from "./core/process.ts";
import { type Clock, monotonicMs } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import type { Metrics } from "./lib/metrics.ts";
import { newUuid, type Random } from "./lib/random.ts";
import type { LocalProviderHub } from "./outbound/provider-hub.ts";
import type { Database } from "./store/database.ts";
import { anthropicRoutes } from "./surfaces/anthropic/routes.ts";
import { cliPackageRoutes } from "./surfaces/cli-package.ts";
import { createHttp } from "./surfaces/http.ts";
import { createRelayWire } from "./surfaces/linkedclaw/relay/codec.ts";
import { oauthRoutes } from "./surfaces/oauth/routes.ts";
import { openaiRoutes } from "./surfaces/openai/routes.ts";
import { createNodeWire } from "./surfaces/openmarlin/nodes/codec.ts";
import { nodeIdentity } from "./surfaces/openmarlin/nodes/identity.ts";
import { openmarlinRoutes } from "./surfaces/openmarlin/routes.ts";
import { createNativeWire } from "./surfaces/provider-socket/codec.ts";
import { Admission } from "./surfaces/shared/admission.ts";
import { clientAddress, upgradeAddress } from "./surfaces/shared/client-address.ts";
import {
  developmentGuard,
  developmentHosts,
  developmentRefusal,
} from "./surfaces/shared/development-guard.ts";
import { hasHostTwice } from "./surfaces/shared/one-host.ts";
import { createProviderSockets } from "./surfaces/shared/provider-socket.ts";
import { createRateLimiter } from "./surfaces/shared/rate-limit.ts";
import { signInRoutes } from "./surfaces/sign-in/routes.ts";
import { routeUpgrades } from "./surfaces/upgrade.ts";
import { VERSION } from "./version.ts";

export interface SurfaceParts {
  readonly config: Config;
  readonly secretKey: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly hub: LocalProviderHub;
  readonly url: string;
  readonly server: Server;
  readonly joined: JoinedCore;
  readonly process: ServerProcess;
  readonly clockProblem: () => string | undefined;
  readonly busProblem: () => string | undefined;
}

export function openSurfaces(parts: SurfaceParts) {
  const { config, clock, random, log, metrics, url, server } = parts;
  const { core } = parts.joined;
  // Where it listens, which is not always what PUBLIC_URL says.
  const { port } = server.address() as AddressInfo;
  const hosts =
    config.mode === "development" ? developmentHosts(port, url, config.allowedHosts) : undefined;
  const sockets = openSockets(parts);
  const limited = createRateLimiter(config.rateLimits, monotonicMs);
  const http = createHttp({
    ...{ core, publicUrl: url, log },
    newRequestId: () => newUuid(random),
    operations: {
      problems: () => problemsOf(parts),
      warnings: () => {
        const problem = parts.busProblem();
        return problem === undefined ? [] : [problem];
      },
      metricsText: () => metrics.text(),
      metricsType: metrics.contentType,
      metricsToken: config.metricsToken,
      version: VERSION,
    },
    limited,
    observe: ({ method, status, ms }) => {
      const labels = { method, status: String(status) };
      metrics.time("guildhall_http_request_seconds", "How long requests took", ms, labels);
    },
    nowMs: monotonicMs,
    guard: hosts && developmentGuard(hosts),
    surfaces: [
      oauthRoutes(core, {
        publicUrl: url,
        addressOf: clientAddress(config.trustedProxies),
        clock,
        log,
      }),
      signInRoutes({ ...core, links: core.signInLinks }, signInOptions(parts)),
      cliPackageRoutes(
        createCliPackage({ url, log, nowMs: monotonicMs, environment: childEnvironment() }),
      ),
      openaiRoutes(core, {
        limited,
        nowSeconds: () => Math.floor(clock.now().getTime() / 1000),
      }),
      anthropicRoutes(core, { limited }),
      // It answers whatever else is asked for under /v1, so it comes last.
      openmarlinRoutes(core, {
        publicUrl: url,
        addressOf: clientAddress(config.trustedProxies),
        version: VERSION,
        clock,
        microsPerCredit: config.openmarlinCreditMicros,
        limited,
      }),
    ],
  });
  routeUpgrades(server, {
    ...sockets.routes,
    refuse: (request) => refusalOf(request, hosts),
  });
  return { fetch: http.fetch, routes: http.routes, stop: sockets.stop };
}

function signInOptions({ config, secretKey, database, clock, random, log, url }: SurfaceParts) {
  return {
    ...{ mode: config.mode, publicUrl: url, secretKey, clock, random, log },
    pool: database.pool(),
    policy: config.signup,
    addressOf: clientAddress(config.trustedProxies),
    github: config.github,
    google: config.google,
    oidc: config.oidc,
  };
}

function openSockets(parts: SurfaceParts) {
  const { core } = parts.joined;
  const authenticate = (secret: string) => core.callers.authenticate(secret);
  const identify = createIdentify({
    authenticate,
    requireOwned: (caller, agentId) => core.agents.requireOwned(caller, agentId),
  });
  const shared = {
    hub: parts.hub,
    identify,
    admission: new Admission(parts.clock),
    addressOf: upgradeAddress(parts.config.trustedProxies),
    log: parts.log,
  };
  const provider = createProviderSockets(createNativeWire(parts.clock), shared);
  const relay = createProviderSockets(createRelayWire(parts.clock), shared);
  const nodes = createProviderSockets(createNodeWire(parts.clock), {
    ...shared,
    ...nodeIdentity({ authenticate, nodes: core.nodes }),
  });
  return {
    routes: { provider, relay, nodes },
    stop: () => {
      provider.stop();
      relay.stop();
      nodes.stop();
    },
  };
}

function refusalOf(
  request: IncomingMessage,
  hosts: ReadonlySet<string> | undefined,
): 400 | 403 | undefined {
  if (hasHostTwice(request)) return 400;
  return hosts && developmentRefusal(request.headers, hosts) ? 403 : undefined;
}

/** What keeps this process from taking work, in words for an operator. */
async function problemsOf({ database, process, clockProblem }: SurfaceParts): Promise<string[]> {
  const problems: string[] = [];
  try {
    await database.query("select 1 as one");
  } catch {
    problems.push("the database does not answer");
  }
  if (!process.isLive()) problems.push("this process could not renew its lease");
  const clock = clockProblem();
  if (clock) problems.push(clock);
  return problems;
}
