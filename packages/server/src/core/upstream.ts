/**
 * Upstreams: interfaces of others that the server itself calls for models, as the operator set them up.
 * Each is an agent of the workspace that is paid for its calls, and a node that is always there.
 */
import type { Agent } from "../domain/agent.ts";
import { Fault } from "../domain/fault.ts";
import {
  checkUpstreamDraft,
  UPSTREAM_ENDPOINTS_MAX,
  UPSTREAM_MODELS_MAX,
  type UpstreamDraft,
  type UpstreamModel,
} from "../domain/upstream.ts";
import { type Clock, monotonicMs } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import type { Sealer } from "../lib/seal.ts";
import { findAgentBySlug, insertAgent } from "../store/agent.ts";
import { refusing } from "../store/constraints.ts";
import type { Database, Tx } from "../store/database.ts";
import { deleteNode, insertModelGrant, upsertNode } from "../store/node.ts";
import {
  deleteEndpoint,
  deleteUpstream,
  findUpstream,
  insertEndpoint,
  listUpstreams,
  type UpstreamRow,
  upsertUpstream,
  upsertUpstreamModels,
} from "../store/upstream.ts";
import type { Members } from "./member.ts";
import { testRequest } from "./model-test.ts";
import type { ModelUpstreams, UpstreamRoute } from "./ports.ts";
import { endpointRecord, UPSTREAMS_MAX, type UpstreamDirectory } from "./upstream-directory.ts";
import type { VideoUpstreams } from "./video-ports.ts";

/** An upstream as its operator sees it: everything but its keys. */
export interface UpstreamView extends Omit<UpstreamRow, "endpoints"> {
  readonly endpoints: readonly {
    readonly id: string;
    readonly url: string;
    readonly hasKey: boolean;
    readonly weight: number;
  }[];
}

/** What one endpoint said to a short question. */
export interface UpstreamTest {
  readonly endpointId: string;
  readonly model: string;
  readonly ms: number;
  /** What it failed with; `undefined` where it answered. */
  readonly problem: string | undefined;
}

export interface Upstreams {
  /**
   * Adds an endpoint to the upstream of this name, and models and labels where given; makes the
   * upstream where there is none, owned by the member with this address.
   *
   * @throws {Fault} `invalid_request`; `not_found` where there is no such member; `slug_taken` where
   * the name is another agent's; `conflict` where the upstream is of another kind
   */
  add(email: string, draft: UpstreamDraft): Promise<UpstreamView & { readonly endpointId: string }>;
  list(): Promise<readonly UpstreamView[]>;
  /** Removes one of its endpoints, or all of it. @throws {Fault} `not_found` */
  remove(providerId: string, endpointId: string | undefined): Promise<void>;
  /** Asks each endpoint a short question, on the operator's account. @throws {Fault} `not_found` */
  test(providerId: string, model: string | undefined): Promise<readonly UpstreamTest[]>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly members: Pick<Members, "requireByEmail">;
  readonly directory: UpstreamDirectory;
  /** The models on offer have changed. */
  readonly nodesChanged: () => void;
  readonly upstreams: ModelUpstreams;
  readonly videos: Pick<VideoUpstreams, "probe">;
}

/** What an upstream's node does: anything that is asked in words, and vectors. */
const KINDS = ["agent_run", "embeddings"];
const VIDEO_KINDS = ["video"];
const OPENAI = /^https:\/\/api\.openai\.com(?:[:/]|$)/;

export function createUpstreams(deps: Dependencies): Upstreams {
  const { database, directory } = deps;

  async function requireUpstream(providerId: string): Promise<UpstreamRow> {
    const agent = await findAgentBySlug(database, providerId);
    const found = agent && (await findUpstream(database, agent.id));
    if (found) return found;
    const facts = { kind: "upstream", id: providerId };
    throw new Fault("not_found", "There is no such upstream.", facts);
  }

  function changed(): void {
    directory.changed();
    deps.nodesChanged();
  }

  return {
    async add(email, draft) {
      checkUpstreamDraft(draft);
      const { workspaceId } = await deps.members.requireByEmail(email);
      const endpointId = newId(deps.clock, deps.random);
      const row = await database.transaction((tx) => add(deps, tx, workspaceId, endpointId, draft));
      changed();
      return { ...toView(row), endpointId };
    },

    async list() {
      return (await listUpstreams(database, UPSTREAMS_MAX)).map(toView);
    },

    async remove(providerId, endpointId) {
      const { agentId } = await requireUpstream(providerId);
      if (endpointId === undefined) {
        await database.transaction(async (tx) => {
          await deleteNode(tx, agentId);
          await deleteUpstream(tx, agentId);
        });
      } else if (!(await deleteEndpoint(database, agentId, endpointId))) {
        const facts = { kind: "endpoint", id: endpointId };
        throw new Fault("not_found", "The upstream has no such endpoint.", facts);
      }
      changed();
    },

    async test(providerId, model) {
      const row = await requireUpstream(providerId);
      const tested = model ?? row.models[0]?.model;
      const [route] = tested === undefined ? [] : await directory.routesOf(row.agentId, tested);
      if (!route || tested === undefined) {
        const facts = { kind: "model", id: tested ?? "" };
        throw new Fault("not_found", "The upstream has no such model.", facts);
      }
      return Promise.all(
        route.endpoints.map((endpoint) =>
          testEndpoint(deps, { ...route, endpoints: [endpoint] }, tested),
        ),
      );
    },
  };
}

async function add(
  deps: Dependencies,
  tx: Tx,
  workspaceId: string,
  endpointId: string,
  draft: UpstreamDraft,
): Promise<UpstreamRow> {
  const at = deps.clock.now();
  const agentId = await ensureAgent(deps, tx, workspaceId, draft, at);
  const there = await findUpstream(tx, agentId);
  if (there && there.kind !== draft.kind) {
    throw new Fault("conflict", `This upstream is of the kind "${there.kind}".`);
  }
  const models = merged(there?.models ?? [], draft.models);
  if (models.length === 0) throw invalid("models", "Name at least one model.");
  if (models.length > UPSTREAM_MODELS_MAX) throw invalid("models", "These are too many models.");
  if ((there?.endpoints.length ?? 0) >= UPSTREAM_ENDPOINTS_MAX) {
    throw invalid("url", `An upstream has at most ${UPSTREAM_ENDPOINTS_MAX} endpoints.`);
  }
  const { url, key, weight } = draft.endpoint;
  const hasResponses = draft.hasResponses ?? there?.hasResponses ?? OPENAI.test(url);
  await upsertUpstream(tx, { agentId, kind: draft.kind, hasResponses }, at);
  const sealedKey = key && deps.sealer.seal(key, endpointRecord(endpointId));
  await insertEndpoint(tx, agentId, { id: endpointId, url, sealedKey, weight }, at);
  await upsertUpstreamModels(tx, agentId, draft.models);
  const node = {
    ...({ agentId, via: "upstream", defaultModel: undefined } as const),
    kinds: draft.kind === "openai-videos" ? VIDEO_KINDS : KINDS,
    models: models.map(({ model }) => model),
    labels: { ...there?.labels, ...draft.labels },
    concurrency: draft.concurrency,
  };
  await upsertNode(tx, node, at);
  // The operator set it up, so its models go by the names that the operator gave them.
  for (const { model } of draft.models) await insertModelGrant(tx, agentId, model, at);
  return (await findUpstream(tx, agentId)) as UpstreamRow;
}

/** The agent of this name; made where there is none. */
async function ensureAgent(
  deps: Dependencies,
  tx: Tx,
  workspaceId: string,
  { providerId }: UpstreamDraft,
  at: Date,
): Promise<string> {
  const agent = await findAgentBySlug(tx, providerId);
  if (agent) return requireSame(tx, agent, workspaceId);
  const id = newId(deps.clock, deps.random);
  const words = {
    name: providerId,
    description: "Models, by an interface that this server calls.",
  };
  const record = { id, workspaceId, slug: providerId, ...words, capabilities: [], extra: {}, at };
  await refusing(insertAgent(tx, record));
  return id;
}

/** Only what has no capabilities of its own can be an upstream: an agent that works does not become one. */
async function requireSame(tx: Tx, agent: Agent, workspaceId: string): Promise<string> {
  const isFree = agent.capabilities.length === 0 || (await findUpstream(tx, agent.id));
  if (isFree && agent.workspaceId === workspaceId) return agent.id;
  throw new Fault("slug_taken", `The name "${agent.slug}" is taken.`);
}

function merged(
  there: readonly UpstreamModel[],
  added: readonly UpstreamModel[],
): readonly UpstreamModel[] {
  const byName = new Map([...there, ...added].map((model) => [model.model, model]));
  return [...byName.values()];
}

/** How long a short question may take. */
const TEST_MS = 30_000;
const TEST_OUTPUT_TOKENS = 16;

async function testEndpoint(
  { upstreams, videos }: Dependencies,
  route: UpstreamRoute,
  model: string,
): Promise<UpstreamTest> {
  const endpointId = route.endpoints[0]?.id ?? "";
  const startedAt = monotonicMs();
  const outcome = (problem: string | undefined): UpstreamTest => {
    return { endpointId, model, ms: Math.round(monotonicMs() - startedAt), problem };
  };
  try {
    const signal = AbortSignal.timeout(TEST_MS);
    const [endpoint] = route.endpoints;
    if (route.kind === "openai-videos" && endpoint) {
      // A question to it would be a video, and paid for: it is only asked whether it knows the key.
      await videos.probe(endpoint, signal);
      return outcome(undefined);
    }
    const options = { outputTokensMax: TEST_OUTPUT_TOKENS, signal };
    const answer = await upstreams.ask([route], testRequest(model, TEST_OUTPUT_TOKENS), options);
    for await (const _piece of answer.pieces);
    return outcome(undefined);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { message } = (error.cause ?? {}) as { message?: string };
    return outcome(message ? `${error.message} (${message})` : error.message);
  }
}

function toView(row: UpstreamRow): UpstreamView {
  return {
    ...row,
    endpoints: row.endpoints.map(({ id, url, sealedKey, weight }) => ({
      ...{ id, url, weight },
      hasKey: sealedKey !== undefined,
    })),
  };
}

function invalid(field: string, message: string): Fault {
  return new Fault("invalid_request", message, { field });
}
