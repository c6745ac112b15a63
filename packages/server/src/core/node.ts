/**
 * Nodes: programs that connect to run models (OpenMarlin contract §9). A node's agent is made when it
 * first introduces itself; its slug is what callers name the provider by.
 */
import type { Caller } from "../domain/caller.ts";
import { Fault } from "../domain/fault.ts";
import { ANY_MODEL, isModelName, isProviderId } from "../domain/model.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, type Random } from "../lib/random.ts";
import { findAgentBySlug, insertAgent } from "../store/agent.ts";
import { isBrokenBy } from "../store/constraints.ts";
import type { Database } from "../store/database.ts";
import { deleteModelGrant, insertModelGrant, updateNode, upsertNode } from "../store/node.ts";

/** What a node says of itself. */
export interface NodeDraft {
  readonly providerId: string;
  readonly kinds: readonly string[];
  readonly models: readonly string[];
  readonly defaultModel: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Calls that it works on at once. */
  readonly concurrency: number;
}

export interface Nodes {
  /**
   * Takes in what a node says of itself, and tells which agent it is: it is made where there is none.
   * Throws `invalid_request`, `forbidden` where the name is another's, `suspended`.
   */
  introduce(caller: Caller, draft: NodeDraft): Promise<{ readonly agentId: string }>;
  /** It offers other models, or goes by other labels, from now on. Throws `invalid_request`. */
  update(agentId: string, change: Partial<Pick<NodeDraft, "models" | "labels">>): Promise<void>;
  /** For the operator: lets a provider offer a model, or `*`, by its own name. Throws `not_found`. */
  grant(providerId: string, model: string): Promise<void>;
  /** For the operator: takes that back. Throws `not_found`. */
  revoke(providerId: string, model: string): Promise<void>;
}

interface Dependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: { changed(): void };
}

const KINDS_MAX = 16;
const MODELS_MAX = 256;
const CONCURRENCY_MAX = 10_000;
const LABELS_MAX = 16;
const LABEL_KEY_CHARS_MAX = 64;
const LABEL_VALUE_CHARS_MAX = 128;
const KIND = /^[a-z0-9_-]{1,64}$/;

export function createNodes(deps: Dependencies): Nodes {
  const { database, clock, directory } = deps;

  async function requireAgent(providerId: string): Promise<string> {
    const agent = await findAgentBySlug(database, providerId);
    if (agent) return agent.id;
    throw new Fault("not_found", "There is no such provider.", { kind: "agent", id: providerId });
  }

  return {
    async introduce(caller, draft) {
      checkDraft(draft);
      const agentId = await ownAgent(deps, caller, draft.providerId);
      const { kinds, models, defaultModel, labels, concurrency } = draft;
      const record = { agentId, kinds, models, defaultModel, labels, concurrency };
      await database.transaction((tx) => upsertNode(tx, { ...record, via: "node" }, clock.now()));
      directory.changed();
      return { agentId };
    },
    async update(agentId, change) {
      if (change.models) checkModels(change.models);
      if (change.labels) checkLabels(change.labels);
      await database.transaction((tx) => updateNode(tx, agentId, change, clock.now()));
      directory.changed();
    },
    async grant(providerId, model) {
      if (model !== ANY_MODEL) checkModels([model]);
      const agentId = await requireAgent(providerId);
      await database.transaction((tx) => insertModelGrant(tx, agentId, model, clock.now()));
      directory.changed();
    },
    async revoke(providerId, model) {
      const agentId = await requireAgent(providerId);
      const had = await database.transaction((tx) => deleteModelGrant(tx, agentId, model));
      if (!had)
        throw new Fault("not_found", "There is no such grant.", { kind: "grant", id: model });
      directory.changed();
    },
  };
}

/** The caller's agent of that name, made where nobody has it. */
async function ownAgent(deps: Dependencies, caller: Caller, slug: string): Promise<string> {
  const { database, clock, random } = deps;
  const agent = await findAgentBySlug(database, slug);
  if (!agent) {
    const id = newId(clock, random);
    try {
      await database.transaction((tx) =>
        insertAgent(tx, {
          ...{ id, slug, name: slug, workspaceId: caller.workspaceId, at: clock.now() },
          ...{ description: "Runs models.", extra: {}, capabilities: [] },
        }),
      );
      return id;
    } catch (error) {
      // Another connection was faster with the same name.
      if (!isBrokenBy(error, "agents_slug")) throw error;
      return ownAgent(deps, caller, slug);
    }
  }
  if (agent.workspaceId !== caller.workspaceId || (caller.agentId && caller.agentId !== agent.id)) {
    throw new Fault("forbidden", `The name "${slug}" is another's.`);
  }
  if (agent.suspendedAt)
    throw new Fault("suspended", "This provider is suspended by the operator.");
  return agent.id;
}

function checkDraft(draft: NodeDraft): void {
  require(isProviderId(
    draft.providerId,
  ), "provider_id", "1 to 64 letters, digits, dots, dashes and underscores");
  const { kinds } = draft;
  require(kinds.length >= 1 &&
    kinds.length <= KINDS_MAX &&
    kinds.every((kind) => KIND.test(kind)), "kinds", `1 to ${KINDS_MAX} names such as agent_run`);
  checkModels(draft.models);
  require(draft.defaultModel === undefined ||
    draft.models.includes(draft.defaultModel), "default_model", "one of models");
  checkLabels(draft.labels);
  const { concurrency } = draft;
  require(Number.isInteger(concurrency) &&
    concurrency >= 1 &&
    concurrency <= CONCURRENCY_MAX, "max_concurrency", `1 to ${CONCURRENCY_MAX}`);
}

function checkModels(models: readonly string[]): void {
  const areDifferent = new Set(models).size === models.length;
  require(areDifferent &&
    models.length >= 1 &&
    models.length <= MODELS_MAX &&
    models.every(
      isModelName,
    ), "models", `1 to ${MODELS_MAX} different names such as openai-codex/gpt-5.4`);
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  const isFine = ([key, value]: [string, string]) =>
    key.trim() !== "" &&
    key.length <= LABEL_KEY_CHARS_MAX &&
    value.trim() !== "" &&
    value.length <= LABEL_VALUE_CHARS_MAX;
  require(entries.length <= LABELS_MAX &&
    entries.every(isFine), "labels", `at most ${LABELS_MAX} short texts by name`);
}

function require(isFine: boolean, field: string, rule: string): void {
  if (!isFine) throw new Fault("invalid_request", `${field} must be ${rule}.`, { field });
}
