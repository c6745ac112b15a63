/** The product's use cases over one database: everything in core/, joined. */
import nodeProcess from "node:process";
import type { Config } from "./config.ts";
import { createAgents } from "./core/agent.ts";
import { createAgentFollower } from "./core/agent-follower.ts";
import { createAgentSearcher } from "./core/agent-search.ts";
import { createAssets } from "./core/asset.ts";
import { createAttempts } from "./core/attempt.ts";
import { createBooks } from "./core/books.ts";
import type { BroadcastContext } from "./core/broadcast-context.ts";
import { createBroadcastEngine } from "./core/broadcast-engine.ts";
import { createCallers } from "./core/caller.ts";
import { createChains } from "./core/chain.ts";
import { createDiscovery } from "./core/discovery.ts";
import { createDisputes } from "./core/dispute.ts";
import { createAllExecutions } from "./core/execution-upstream.ts";
import { createFileLinks, type FileLinks } from "./core/file-link.ts";
import { createHandoffs } from "./core/handoff.ts";
import type { Core } from "./core/index.ts";
import { createInputFiles } from "./core/input-files.ts";
import { createKeys } from "./core/key.ts";
import { createLedger } from "./core/ledger.ts";
import { createLinks } from "./core/link.ts";
import { createMandates } from "./core/mandate.ts";
import { createManifests } from "./core/manifest.ts";
import { createMembers } from "./core/member.ts";
import { createModels } from "./core/model-asking.ts";
import { createModelPrices } from "./core/model-price.ts";
import { createNodes } from "./core/node.ts";
import { createOperator } from "./core/operator.ts";
import { createOrigins } from "./core/origin.ts";
import { createPayments } from "./core/payment.ts";
import { createPayouts } from "./core/payout.ts";
import type {
  AgentIndex,
  AgentReranker,
  BlobStore,
  Bus,
  CardPayments,
  Mailer,
  ModelUpstreams,
} from "./core/ports.ts";
import type { ServerProcess } from "./core/process.ts";
import { createProfiles } from "./core/profile.ts";
import { createReceipts } from "./core/receipt.ts";
import { createReferrals } from "./core/referral.ts";
import { startReferralKeeper } from "./core/referral-keeper.ts";
import { createRegistrations } from "./core/registration.ts";
import { createRunEngine, type RunEngine } from "./core/run-engine.ts";
import { createRunFiles } from "./core/run-files.ts";
import { createSchemas } from "./core/schema.ts";
import { createSessionEngine } from "./core/session-engine.ts";
import { createSignInCleaning } from "./core/sign-in-cleaning.ts";
import { createSignInLinks } from "./core/sign-in-link.ts";
import { createSigner } from "./core/signing.ts";
import { createStatements } from "./core/statement.ts";
import { createTopups } from "./core/topup.ts";
import { createTrustKeeper } from "./core/trust.ts";
import { createUpstreams } from "./core/upstream.ts";
import { createUpstreamDirectory, type UpstreamDirectory } from "./core/upstream-directory.ts";
import type { VideoTools } from "./core/video-jobs.ts";
import type { VideoUpstreams } from "./core/video-ports.ts";
import { createVouchers } from "./core/voucher.ts";
import { createWaiters } from "./core/waiters.ts";
import { createWallets } from "./core/wallet.ts";
import { NO_RATES } from "./domain/token-price.ts";
import type { Clock } from "./lib/clock.ts";
import type { GuardedFetch } from "./lib/guarded-fetch.ts";
import type { Log } from "./lib/log.ts";
import type { Metrics } from "./lib/metrics.ts";
import type { Random } from "./lib/random.ts";
import { createSealer, deriveSecret } from "./lib/seal.ts";
import type { Database } from "./store/database.ts";
import { listEnded } from "./store/run.ts";

/** What core is joined from: its surroundings, and what of the outside it asks for. */
export interface CoreParts {
  readonly config: Config;
  readonly secretKey: string;
  readonly operatorKey: string;
  readonly serverVersion: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bus: Bus;
  readonly blobs: BlobStore;
  readonly process: ServerProcess;
  readonly guardedFetch: GuardedFetch;
  readonly index: AgentIndex;
  readonly reranker: AgentReranker | undefined;
  readonly mailer: Mailer | undefined;
  readonly cards: CardPayments | undefined;
  readonly upstreams: ModelUpstreams;
  readonly videos: VideoUpstreams;
  /** Where clients reach this server. Known once it listens. */
  readonly baseUrl: () => string;
}

export type JoinedCore = ReturnType<typeof joinCore>;

export function joinCore(parts: CoreParts) {
  const { config, database, clock, random, log, bus, guardedFetch, baseUrl } = parts;
  const ledger = openLedger(parts);
  const links = createLinks({ database, clock, processId: parts.process.id });
  const waiters = createWaiters({ bus, log, listEnded: (ids) => listEnded(database, ids) });
  const fileLinks = createFileLinks({
    secret: deriveSecret(parts.secretKey, "file-links"),
    baseUrl,
    clock,
  });
  const files = createInputFiles({
    database,
    clock,
    guardedFetch,
    links: fileLinks,
  });
  const schemas = createSchemas({ database, clock, baseUrl, guardedFetch });
  const follower = createAgentFollower({ database, index: parts.index, log });
  const onWritten = follower.written;
  const agents = createAgents({ database, clock, random, presence: links, schemas, onWritten });
  const { assets, directory, videos } = joinFiles(parts, fileLinks);
  const { engine, sessionEngine } = joinEngines(parts, {
    ...{ ledger, links, waiters, files, schemas, fileLinks, videos },
  });
  const broadcasting = joinBroadcasts(parts, { ledger, files, schemas, agents });
  const trust = createTrustKeeper({ database, clock, log });
  const people = joinPeople(parts, ledger, agents.requireOwned);
  const money = joinMoney(parts, ledger, people);
  const models = joinModels(parts, engine, people, directory);
  const core: Core = {
    ...people.core,
    ...money,
    ...broadcasting.core,
    ...models.core,
    agents,
    assets,
    discovery: createDiscovery({
      database,
      agents,
      presence: links,
      isRanked: config.isRanked,
      searcher: createAgentSearcher({ index: parts.index, reranker: parts.reranker, log }),
    }),
    operator: createOperator({
      ...{ database, clock, random, ledger, members: people.core.members },
      callers: people.core.callers,
      key: parts.operatorKey,
      serverVersion: parts.serverVersion,
      nodeVersion: nodeProcess.version,
    }),
    manifests: createManifests({ database, clock, random }),
    profiles: createProfiles(database),
    chains: createChains({ database, ledger, clock, log }),
    runs: engine.runs,
    tasks: engine.tasks,
    nodes: createNodes({ database, clock, random, directory: engine.directory }),
    schemas,
    sessions: sessionEngine.sessions,
  };
  return {
    core,
    ledger,
    links,
    ...{ engine, sessionEngine, broadcasting, waiters, follower, trust },
    ...{ referralKeeper: startReferralKeeper(money.referrals, log), closeModels: models.close },
    cleaning: people.cleaning,
  };
}

/** Files, and the interfaces that make some. */
function joinFiles(parts: CoreParts, links: FileLinks) {
  const { config, database, clock, random, log, bus, blobs, guardedFetch } = parts;
  const assets = createAssets({
    ...{ database, blobs, clock, random, log, links },
    workspaceBytesMax: config.filesBytesMax,
  });
  const sealer = createSealer(random, parts.secretKey, config.earlierSecretKeys);
  const directory = createUpstreamDirectory({ database, clock, bus, log, sealer });
  const files = createRunFiles({ assets, guardedFetch, log });
  return { assets, directory, videos: { directory, files, upstreams: parts.videos } };
}

/** What does work: runs and sessions. */
function joinEngines(
  parts: CoreParts,
  shared: {
    readonly ledger: Ledger;
    readonly links: ReturnType<typeof createLinks>;
    readonly waiters: ReturnType<typeof createWaiters>;
    readonly files: ReturnType<typeof createInputFiles>;
    readonly fileLinks: FileLinks;
    readonly videos: VideoTools;
    readonly schemas: ReturnType<typeof createSchemas>;
  },
) {
  const { config, database, clock, random, log, bus } = parts;
  const { fileLinks, ...made } = shared;
  const { ledger, links, files } = shared;
  const { feeBasisPoints } = config;
  const { id: processId, mayTakeOver } = parts.process;
  const common = {
    ...{ database, clock, random, log, bus },
    ...{ processId, mayTakeOver, feeBasisPoints },
  };
  return {
    engine: createRunEngine({
      ...{ ...common, ...made, metrics: runMetrics(parts.metrics) },
      tasks: { executor: config.taskExecutor, links: fileLinks },
      models: {
        tieBreak: config.routing,
        outputTokens: config.modelOutputTokens,
        // On a development server everybody who connects is trusted: it is one machine's own.
        grantsAll: config.mode === "development",
        unpriced: { ...NO_RATES, requestMicros: config.unpricedCallMicros },
      },
    }),
    sessionEngine: createSessionEngine({
      ...{ ...common, ledger, links, files },
      settings: { idleMs: config.sessionIdleSeconds * 1000, openMax: config.openSessionsMax },
    }),
  };
}

type Ledger = ReturnType<typeof createLedger>;

function joinBroadcasts(
  parts: CoreParts,
  made: Pick<BroadcastContext, "files" | "schemas"> & { ledger: Ledger; agents: Core["agents"] },
) {
  const { config, secretKey, database, clock, random, log, bus } = parts;
  const sealer = createSealer(random, secretKey, config.earlierSecretKeys);
  const signer = createSigner({ database, clock, sealer });
  const { ledger, agents } = made;
  const mandates = createMandates({ database, clock, random, signer, ledger, agents });
  const engine = createBroadcastEngine({
    ...{ ...made, database, clock, random, log, bus, mandates },
    feeBasisPoints: config.feeBasisPoints,
    openMax: config.openBroadcastsMax,
    executeSeconds: config.broadcastWorkSeconds,
    reviewSeconds: config.broadcastReviewSeconds,
  });
  const receipts = createReceipts({ database, clock, signer });
  return { core: { mandates, broadcasts: engine.broadcasts, receipts }, engine };
}

function openLedger({ database, clock, random, log, metrics }: CoreParts): Ledger {
  return createLedger({
    ...{ database, clock, random, log },
    observe: ({ commands, ms }) => {
      metrics.time("guildhall_ledger_batch_seconds", "How long a batch of commands took", ms);
      metrics.count("guildhall_ledger_commands_total", "Commands answered", {}, commands);
    },
  });
}

function joinPeople(
  parts: CoreParts,
  ledger: Ledger,
  requireOwnedAgent: (...args: Parameters<Core["agents"]["requireOwned"]>) => Promise<unknown>,
) {
  const { config, database, clock, random, log } = parts;
  const callers = createCallers({
    ...{ database, clock, log },
    observe: (step, count) =>
      parts.metrics.count(
        "guildhall_keys_total",
        "Keys, by what was done about them",
        { step },
        count,
      ),
  });
  const attempts = createAttempts({ database, clock });
  const members = createMembers({
    ...{ database, clock, random, ledger, callers },
    policy: config.signup,
    givesPlayCredit: config.mode === "development",
  });
  const signInLinks = createSignInLinks({
    ...{ database, clock, random, log, members, attempts, mailer: parts.mailer },
    urlOf: (token) => `${parts.baseUrl()}/app/link?token=${token}`,
  });
  const keys = createKeys({ database, clock, random, callers, ledger, requireOwnedAgent });
  const { referralRewardMicros } = config;
  const handoffTools = {
    ...{ database, clock, random, callers, members, attempts },
    referralRewardMicros,
  };
  const handoffs = createHandoffs(handoffTools);
  const mayTrust = config.mode === "development";
  const registrations = createRegistrations({ ...handoffTools, mayTrust });
  const cleaning = createSignInCleaning(database, clock);
  const core = { callers, attempts, members, signInLinks, keys, handoffs, registrations };
  return { core, cleaning };
}

/** Models behind interfaces that the server calls itself. */
function joinModels(
  parts: CoreParts,
  engine: RunEngine,
  people: ReturnType<typeof joinPeople>,
  directory: UpstreamDirectory,
) {
  const { config, secretKey, database, clock, random, log, upstreams, videos } = parts;
  const sealer = createSealer(random, secretKey, config.earlierSecretKeys);
  const changed = () => engine.directory.changed();
  const models = createModels({
    ...{ calls: engine.calls, executions: engine.executions, directory, upstreams, log, clock },
  });
  const core = {
    models,
    executions: createAllExecutions({
      ...{ executions: engine.executions, calls: engine.calls, runs: engine.runs },
      askDirectly: models.askDirectly,
    }),
    modelPrices: createModelPrices({ database, clock, changed }),
    upstreams: createUpstreams({
      ...{ database, clock, random, sealer, directory, upstreams, videos },
      members: people.core.members,
      nodesChanged: changed,
    }),
  };
  const close = async () => {
    await models.close();
    directory.stop();
  };
  return { core, close };
}

function joinMoney(parts: CoreParts, ledger: Ledger, people: ReturnType<typeof joinPeople>) {
  const { config, database, clock, random, log, cards, baseUrl } = parts;
  const { members, attempts } = people.core;
  const origins = createOrigins({ database, clock });
  const payouts = createPayouts({ database, clock, random, log, ledger, origins });
  const disputes = createDisputes({ database, clock, random, log, ledger });
  return {
    payouts,
    disputes,
    payments: createPayments({ database, clock, log, ledger, cards, disputes }),
    wallets: createWallets({ database, clock, random, ledger, members, payouts }),
    vouchers: createVouchers({ database, clock, random, ledger, attempts }),
    topups: createTopups({
      ...{ database, clock, random, log, ledger, cards, baseUrl },
      hasDevRail: config.mode === "development",
    }),
    books: createBooks({ database }),
    statements: createStatements({ database }),
    referrals: createReferrals({
      ...{ database, clock, random, ledger },
      rewardMicros: config.referralRewardMicros,
    }),
  };
}

function runMetrics(metrics: Metrics) {
  return {
    ended: (state: string) =>
      metrics.count("guildhall_runs_total", "Runs that ended, by how", { state }),
    step: (step: string, ms: number) =>
      metrics.time("guildhall_run_step_seconds", "How long a step of a run took", ms, { step }),
  };
}
