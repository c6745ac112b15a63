/**
 * The composition root: the one place where everything meets.
 *
 *   1. The database, migrated, of the mode it was made for, with a clock that agrees with ours.
 *   2. A port to listen on, so that the server knows its address. Until it is ready it says 503.
 *   3. Core over both, the providers' sockets, the surfaces.
 *   4. What runs by itself: sweeping, following, cleaning.
 *
 * `stop` goes the other way: nothing new is asked, what is being answered gets a few seconds in which
 * all of the server still works, then it all closes.
 */
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { type JoinedCore, joinCore } from "./app-core.ts";
import { DRAIN_MS_MAX, listen } from "./app-listening.ts";
import { openSurfaces } from "./app-surfaces.ts";
import type { Config } from "./config.ts";
import { startDatabaseClock } from "./core/database-clock.ts";
import type { BlobStore, Bus } from "./core/ports.ts";
import { type ServerProcess, startProcess } from "./core/process.ts";
import { localSecretKey, prepareDirectory } from "./data-directory.ts";
import { bodyFirst } from "./lib/body-first.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { createGuardedFetch } from "./lib/guarded-fetch.ts";
import type { Log } from "./lib/log.ts";
import { createMetrics, type Metrics } from "./lib/metrics.ts";
import { newId, type Random, systemRandom } from "./lib/random.ts";
import { readOperatorKey } from "./operator-key.ts";
import { openDirectoryBlobs } from "./outbound/blobs/directory.ts";
import { openS3Blobs } from "./outbound/blobs/s3.ts";
import { LocalBus } from "./outbound/bus/local.ts";
import { LocalProviderHub } from "./outbound/provider-hub.ts";
import { createAgentIndex } from "./outbound/search/agent-index.ts";
import { createChatReranker } from "./outbound/search/chat-reranker.ts";
import { createUpstreamPool } from "./outbound/upstream/pool.ts";
import { createVideoUpstreams } from "./outbound/upstream/videos.ts";
import { reachDatabase, StartFault, useDirectory } from "./start-fault.ts";
import { type Database, openPostgresql } from "./store/database.ts";
import { openEmbedded } from "./store/embedded/index.ts";
import { ensureInstallation } from "./store/installation.ts";
import { migrate } from "./store/migrate.ts";
import { strangersLast } from "./surfaces/shared/strangers-last.ts";
import { VERSION } from "./version.ts";

export interface App {
  /** Where clients reach this server. */
  readonly url: string;
  /** Where this machine reaches it, without any proxy on the way. */
  readonly localUrl: string;
  readonly core: JoinedCore["core"];
  /** What it answers, in the order in which it is tried: middleware as `ALL` of its paths. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  stop(): Promise<void>;
}

const CLEAN_MS = 10 * 60_000;

/** Everything that lives as long as the server, closed in the opposite order. */
type Closers = (() => Promise<void> | void)[];

export async function openApp(config: Config, log: Log): Promise<App> {
  const closers: Closers = [];
  try {
    return await open(config, log, closers);
  } catch (error) {
    await closeAll(closers, log);
    throw error;
  }
}

async function open(config: Config, log: Log, closers: Closers): Promise<App> {
  const random = systemRandom;
  useDirectory(config.dataDirectory, () => prepareDirectory(config.dataDirectory));
  const secretKey = config.secretKey ?? localSecretKey(config.dataDirectory, random);
  const database = await openDatabase(config, log);
  closers.push(() => database.close());
  const installation = await reachDatabase(config.databaseUrl, () =>
    prepareDatabase(config, database, systemClock, random),
  );
  const clock = await startDatabaseClock({ database, clock: systemClock, log });
  closers.push(clock.stop);

  const { server, url, localUrl, serve, stopServing, close } = await listen(config);
  closers.push(close);
  const metrics = createMetrics();
  const outside = await openOutside(config, log, clock, random, installation.id);
  closers.push(outside.close);
  const process = await startProcess({ database, clock, random, log });
  closers.push(() => process.stop());
  const index = createAgentIndex({
    log,
    ...(config.embeddings && { endpoint: config.embeddings }),
  });
  closers.push(() => index.close());
  const upstreams = createUpstreamPool({ clock, random });
  closers.push(() => upstreams.close());
  const videos = createVideoUpstreams();
  closers.push(() => videos.close());
  const joined = joinCore({
    ...{ config, secretKey, database, clock, random, log, metrics, process, index, upstreams },
    videos,
    operatorKey: readOperatorKey(config.dataDirectory, random),
    serverVersion: VERSION,
    bus: outside.bus,
    blobs: outside.blobs,
    mailer: outside.mailer,
    cards: outside.cards,
    guardedFetch: createGuardedFetch({
      isLoopbackOpen: config.mayFetchLoopback,
      userAgent: `guildhall/${VERSION}`,
    }),
    reranker: config.reranker && createChatReranker(config.reranker),
    baseUrl: () => url,
  });
  closers.push(() => closeCore(joined));
  const hub = openHub(joined, { bus: outside.bus, clock, log, process });
  closers.push(() => hub.stop());
  const surfaces = openSurfaces({
    ...{ config, secretKey, database, clock, random, log, metrics, hub, url, server },
    ...{ joined, process, clockProblem: clock.problem, busProblem: () => outside.bus.problem },
  });
  closers.push(surfaces.stop);
  closers.push(startCleaning(joined, log));
  watch(metrics, joined, hub, outside.bus);
  await joined.follower.follow();
  const { callers } = joined.core;
  const isKnown = (secret: string) => callers.isRemembered(secret);
  serve(bodyFirst(strangersLast(getRequestListener(surfaces.fetch), isKnown)));
  // What is streamed to a caller of another process is no request of this one.
  const finish = () => Promise.all([stopServing(), joined.engine.streamed(DRAIN_MS_MAX)]);
  closers.push(() => finish().then(() => undefined));
  const { routes } = surfaces;
  return { url, localUrl, core: joined.core, routes, stop: () => closeAll(closers, log) };
}

async function openDatabase(config: Config, log: Log): Promise<Database> {
  return config.databaseUrl
    ? openPostgresql(config.databaseUrl, config.databaseConnections)
    : openEmbedded({ directory: config.dataDirectory, log });
}

async function prepareDatabase(config: Config, database: Database, clock: Clock, random: Random) {
  await migrate(database);
  const id = newId(clock, random);
  const wanted = { id, mode: config.mode, createdAt: clock.now() };
  const installation = await ensureInstallation(database, wanted);
  if (installation.mode === config.mode) return installation;
  throw new StartFault(
    `this database was made by a ${installation.mode} server, and GUILDHALL_MODE is ${config.mode}. ` +
      "Play money is not money: start with an empty data directory or database.",
  );
}

async function openOutside(
  config: Config,
  log: Log,
  clock: Clock,
  random: Random,
  namespace: string,
) {
  const bus: Bus = config.natsUrl
    ? new (await import("./outbound/bus/nats.ts")).NatsBus({ url: config.natsUrl, namespace, log })
    : new LocalBus(log);
  const files = join(config.dataDirectory, "files");
  const tools = { clock, random };
  const blobs: BlobStore & { close?(): Promise<void> } = config.s3
    ? await openS3Blobs(config.s3, join(files, "arriving"), tools)
    : await openDirectoryBlobs(files, tools);
  const hostName = new URL(config.publicUrl ?? "http://localhost").hostname;
  const mailer =
    config.smtp &&
    (await import("./outbound/mail.ts")).createMailer(
      config.smtp.url,
      config.smtp.from ?? `guildhall@${hostName}`,
    );
  const cards =
    config.stripe &&
    (await import("./outbound/payments/stripe.ts")).createStripePayments(config.stripe);
  return {
    bus,
    blobs,
    mailer,
    cards,
    close: async () => {
      mailer?.close();
      await blobs.close?.();
      await bus.close();
    },
  };
}

function openHub(
  { links, engine, sessionEngine, broadcasting }: JoinedCore,
  parts: {
    readonly bus: Bus;
    readonly clock: Clock;
    readonly log: Log;
    readonly process: ServerProcess;
  },
): LocalProviderHub {
  const { process, ...rest } = parts;
  const isLive = () => process.isLive();
  const { events } = engine;
  const sessionEvents = sessionEngine.events;
  const slotEvents = broadcasting.engine.offers;
  const hub = new LocalProviderHub({ links, events, sessionEvents, slotEvents, isLive, ...rest });
  engine.setDispatcher(hub);
  sessionEngine.setDispatcher(hub);
  slotEvents.setDispatcher(hub);
  return hub;
}

/** What nobody needs any more: expired sign-ins, files nobody used; payments and payouts left half done. */
function startCleaning({ core, cleaning }: JoinedCore, log: Log): () => void {
  const clean = async (): Promise<void> => {
    // One that fails, perhaps for want of somebody else's server, keeps none of the others.
    for (const part of [
      () => cleaning.clean(),
      () => core.assets.removeExpired(),
      () => core.payouts.tidy(),
      () => core.payments.tidy(),
    ]) {
      try {
        await part();
      } catch (error) {
        log.warn({ error }, "cleaning failed; trying again later");
      }
    }
  };
  const timer = setInterval(() => void clean(), CLEAN_MS);
  return () => clearInterval(timer);
}

function watch(metrics: Metrics, joined: JoinedCore, hub: LocalProviderHub, bus: Bus): void {
  metrics.gauge(
    "guildhall_providers_online",
    "Providers connected to this process",
    () => hub.size,
  );
  metrics.gauge("guildhall_runs_driven", "Runs this process waits for", () => joined.engine.driven);
  metrics.gauge("guildhall_ledger_waiting", "Commands in the queue", () => joined.ledger.waiting);
  metrics.gauge(
    "guildhall_session_messages_waiting",
    "Messages of sessions that wait to be written",
    () => joined.sessionEngine.waiting,
  );
  metrics.gauge("guildhall_bus_up", "Whether other processes can be reached", () =>
    bus.problem === undefined ? 1 : 0,
  );
}

async function closeCore(joined: JoinedCore) {
  const { engine, sessionEngine, broadcasting, waiters, follower, trust, ledger, core } = joined;
  const { referralKeeper } = joined;
  waiters.stop();
  await joined.closeModels();
  await Promise.all([
    engine.close(),
    sessionEngine.close(),
    broadcasting.engine.close(),
    follower.stop(),
    trust.stop(),
    referralKeeper.stop(),
  ]);
  await ledger.close();
  await core.callers.close();
}

async function closeAll(closers: Closers, log: Log): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      log.error({ error }, "closing failed");
    }
  }
}
