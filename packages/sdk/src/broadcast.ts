/** Asks for and answers tasks over LinkedClaw's REST interface. */
import { setTimeout as delay } from "node:timers/promises";
import type {
  AcceptedTask,
  BroadcastRequest,
  Mandate,
  MandateRequest,
  OpenTask,
  Task,
  TaskQuery,
  TaskResult,
  TaskWorker,
  Verdict,
  WaitOptions,
} from "./broadcast-types.ts";
import { currentChainId } from "./chain.ts";
import { chainHeader, createJsonClient, type JsonClient } from "./http.ts";
import { mayPass } from "./patience.ts";

const ROOT = "/api/v1";
const POLL_MS = 1_000;

/** What a requester can do with tasks; `createRequester` has it. */
export interface TaskRequester {
  mandate(request: MandateRequest): Promise<Mandate>;
  revokeMandate(mandateId: string): Promise<Mandate>;
  /** Asks many agents at once; all that it can cost is held. */
  broadcast(request: BroadcastRequest): Promise<OpenTask>;
  task(taskId: string): Promise<Task>;
  tasks(
    query?: TaskQuery,
  ): Promise<{ readonly tasks: readonly Task[]; next_cursor: string | null }>;
}

export function taskRequester(client: JsonClient): TaskRequester {
  const post = (path: string, json: object, idempotencyKey?: string): Promise<unknown> =>
    client.ask({
      method: "POST",
      path: ROOT + path,
      json,
      headers: { "idempotency-key": idempotencyKey },
    });
  const task = async (taskId: string): Promise<Task> =>
    (await client.ask({ method: "GET", path: `${ROOT}/gig-tasks/${part(taskId)}` })) as Task;
  const mandate = async (request: MandateRequest): Promise<Mandate> =>
    (await post("/mandates", { kind: "gig_pa", ...request })) as Mandate;

  async function mandateFor(request: BroadcastRequest): Promise<string> {
    if (request.mandate_id !== undefined) return request.mandate_id;
    const { principal_agent_id: principal, idempotency_key: key } = request;
    if (principal === undefined) {
      throw new TypeError("A task needs a mandate_id, or the principal_agent_id to give one by.");
    }
    const { mandate_id: id } = await mandate({
      principal_agent_id: principal,
      max_credits: request.target_providers * request.credits_per_provider,
      ...(key !== undefined && { idempotency_key: key }),
    });
    return id;
  }

  function openTask(opened: Task): OpenTask {
    const taskId = opened.task_id;
    const root = `/gig-tasks/${part(taskId)}`;
    const judge = async (resultId: string, verdict: object): Promise<Task> =>
      (await post(`${root}/results/${part(resultId)}/verify`, verdict)) as Task;
    return {
      taskId,
      task: opened,
      get: () => task(taskId),
      wait: (options = {}) => waitFor(() => task(taskId), opened, options),
      approve: (resultId, verdict: Verdict = {}) =>
        judge(resultId, { verdict: "approved", ...verdict }),
      reject: (resultId, verdict: Verdict = {}) =>
        judge(resultId, { verdict: "rejected", ...verdict }),
      cancel: async () => (await post(`${root}/cancel`, {})) as Task,
    };
  }

  return {
    mandate,
    revokeMandate: async (id) => (await post(`/mandates/${part(id)}/revoke`, {})) as Mandate,
    async broadcast(request) {
      const { idempotency_key: key, principal_agent_id: _principal, ...manifest } = request;
      const json = { ...manifest, mandate_id: await mandateFor(request) };
      return openTask((await post("/gig-tasks", json, key)) as Task);
    },
    task,
    tasks: async (query = {}) =>
      (await client.ask({ method: "GET", path: `${ROOT}/gig-tasks`, query })) as Awaited<
        ReturnType<TaskRequester["tasks"]>
      >,
  };
}

/** An agent that takes part in tasks by requests of its own. */
export function createTaskWorker(options: {
  readonly url: string;
  readonly key: string;
  readonly agentId: string;
}): TaskWorker {
  const { url, key, agentId } = options;
  const client = createJsonClient(url, () => ({
    authorization: `Bearer ${key}`,
    "x-linkedclaw-chain-id": chainHeader(currentChainId()),
  }));
  const post = (path: string, json: object): Promise<unknown> =>
    client.ask({ method: "POST", path: `${ROOT}/gig-tasks/${path}`, json });
  return {
    async available(query = {}) {
      const path = `${ROOT}/gig-tasks/available`;
      const { tasks } = (await client.ask({ method: "GET", path, query })) as { tasks: Task[] };
      return tasks;
    },
    async accept(taskId, slotKey) {
      const json = { agent_id: agentId, ...(slotKey !== undefined && { slot_key: slotKey }) };
      return (await post(`${part(taskId)}/accept`, json)) as AcceptedTask;
    },
    async submit(taskId, result) {
      const json = { agent_id: agentId, result_data: result };
      return (await post(`${part(taskId)}/submit`, json)) as Pick<
        TaskResult,
        "result_id" | "status"
      >;
    },
    task: async (taskId) =>
      (await client.ask({ method: "GET", path: `${ROOT}/gig-tasks/${part(taskId)}` })) as Task,
    close: () => client.close(),
  };
}

const HANDED_IN: ReadonlySet<TaskResult["status"]> = new Set([
  "pending_verification",
  "approved",
  "rejected",
]);

async function waitFor(
  look: () => Promise<Task>,
  opened: Task,
  { results = opened.target_providers, timeoutMs, pollMs = POLL_MS, signal }: WaitOptions,
): Promise<Task> {
  const untilMs =
    timeoutMs === undefined ? Date.parse(opened.deadline) + POLL_MS : Date.now() + timeoutMs;
  for (;;) {
    // A task goes on while the server is away, and so does waiting for it.
    const task = await look().catch((error: unknown) => {
      if (untilMs > Date.now() && mayPass(error)) return undefined;
      throw error;
    });
    const leftMs = untilMs - Date.now();
    if (task) {
      const handedIn = task.results.filter(({ status }) => HANDED_IN.has(status)).length;
      if (handedIn >= results || task.status !== "open" || leftMs <= 0) return task;
    }
    await delay(Math.max(0, Math.min(pollMs, leftMs)), undefined, signal && { signal });
  }
}

function part(id: string): string {
  return encodeURIComponent(id);
}
