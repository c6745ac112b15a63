/**
 * A server on loopback that answers as OpenMarlin's contract says (§5 to §8): models, executions, tasks
 * that go on by each look, and a wallet. What it is asked is kept. For what our own server has not got, or
 * would never say.
 */
import type { TestContext } from "node:test";
import { type Answer, type Received, startCloud } from "../support.ts";
import { KEY } from "./scripts.ts";

export const WORKSPACE = "ws_123";
export const POOR = {
  error_code: "insufficient_balance",
  message: "Workspace balance is insufficient for this request.",
  workspace_id: WORKSPACE,
  current_balance: { amount: 0.1, unit: "credits" },
  required_balance: { amount: 0.3, unit: "credits" },
};

const MODELS = [
  {
    id: "openai-codex/gpt-5.4",
    providers: [
      {
        provider_id: "node-a",
        model_providers: ["openai-codex/gpt-5.4", "acme/small"],
        labels: { tier: "premium", region: "ap-sg" },
      },
      { provider_id: "node-b", model_providers: ["openai-codex/gpt-5.4"] },
    ],
  },
  { id: "acme/nobody", providers: [] },
];

const USAGE = [
  {
    created_at: "2026-03-01T10:00:00.000Z",
    ...{ capability: "agent_run", status: "settled", provider_id: "node-a", request_id: "req_1" },
    measured_units: { requests: 1, tokens: 12 },
    settlement: {
      convertedFinalDebit: { amount: 1.25, unit: "credits", usdPerCredit: 0.01 },
      finalTotal: { amount: 0.0125, unit: "usd" },
      providerReportedSubtotal: { amount: 0.01, unit: "usd" },
      platformFeeTotal: { amount: 0.0025, unit: "usd" },
    },
  },
  {
    created_at: "2026-03-02T10:00:00.000Z",
    ...{ capability: "video", status: "settled", provider_id: null, request_id: "task_1" },
    measured_units: 1,
    settlement: { amount: 10, unit: "credits" },
  },
  {
    created_at: "2026-02-01T10:00:00.000Z",
    ...{ capability: "agent_run", status: "failed", provider_id: "node-b", request_id: "req_0" },
    measured_units: 0,
    settlement: null,
  },
];

const LEDGER = [
  {
    ...{ ledger_entry_id: "led_1", created_at: "2026-03-01T10:00:00.000Z", type: "usage_debit" },
    ...{ status: "posted", amount: { amount: -1.25, unit: "credits" }, reference_id: "req_1" },
  },
  {
    ...{ ledger_entry_id: "led_2", created_at: "2026-03-03T10:00:00.000Z", type: "topup_credit" },
    ...{ status: "posted", amount: { amount: 5, unit: "credits" }, reference_id: "topup_1" },
  },
];

const REFERRAL = {
  ...{ referral_code: "ABCD2345", referral_link: "https://example.org/r/ABCD2345" },
  summary: { signed_up_count: 3, qualified_count: 2, rewarded_count: 1 },
};

const FIXED: Readonly<Record<string, object>> = {
  "/v1/models": { object: "list", data: MODELS },
  "/v1/usage-events": { data: USAGE },
  "/v1/ledger": { data: LEDGER },
  "/v1/referrals/me": REFERRAL,
};

const STREAM = [
  'event: execution.start\ndata: {"request_id":"req_1","provider_id":"node-a"}\n\n',
  ": keep-alive\n\n",
  'event: execution.chunk\ndata: {"request_id":"req_1","sequence":0,"text":"h\\u2028i"}\n\n',
  'event: execution.end\ndata: {"request_id":"req_1",\ndata: "output":"hi"}',
].join("");

const ROUTING: Readonly<Record<string, readonly [status: number, error: string]>> = {
  "node-gone": [503, "provider_unavailable"],
  "node-plain": [409, "provider_label_mismatch"],
};

interface Task {
  readonly request: { input: { prompt: string }; metadata?: object };
  looks: number;
}

/** Registrations that anybody approves at once; the one key is the test's. */
function registration(path: string, { auth_flow = "device" }: { auth_flow?: string }): Answer {
  if (path.endsWith("/api-keys")) {
    const created_at = "2026-03-01T10:00:00.000Z";
    const whose = { key_id: "key_1", workspace_id: WORKSPACE, label: "desk" };
    const api_key = { ...whose, created_at, last_used_at: null, status: "active" };
    return { status: 201, body: { api_key, secret: KEY } };
  }
  const isStart = path.endsWith("/sessions");
  const authorization_url = "https://id.example.org/approve";
  const workspace = { workspace_id: WORKSPACE, slug: "ada", display_name: "Ada" };
  const completion = { account_id: "acct_1", is_new_account: true, workspace };
  return {
    status: isStart ? 201 : 200,
    body: {
      ...{ registration_session_id: "regsess_1", auth_flow, provider: "workos" },
      state: isStart ? "pending_external_auth" : "completed",
      handoff: { type: "device", device_code: "BLUE-FROG-12", authorization_url },
      completion: isStart ? null : completion,
    },
  };
}

interface Topup {
  readonly amount: number;
  looks: number;
}

/** Starts the server. `answer` may say something else to a request; `undefined` leaves it to the contract. */
export async function startMarlin(
  t: TestContext,
  answer: (received: Received) => Answer | undefined = () => undefined,
) {
  const tasks = new Map<string, Task>();
  const keys = new Map<string, string>();
  const topups = new Map<string, Topup>();
  const told = (received: Received): Answer => {
    const { method, url, body } = received;
    const sent = body === "" ? {} : JSON.parse(body);
    if (method === "GET" && url.pathname === "/openapi.json") return { body: { openapi: "3.1.0" } };
    if (url.pathname.startsWith("/v1/registration/")) return registration(url.pathname, sent);
    if (!received.headers.authorization) return { status: 401, body: { error: "missing_api_key" } };
    const fixed = FIXED[url.pathname];
    if (fixed) return { body: fixed };
    if (url.pathname === "/v1/executions") return execution(sent);
    if (url.pathname === "/v1/tasks") return submit(sent);
    if (url.pathname.startsWith("/v1/tasks/")) return task(url.pathname.slice(10));
    if (url.pathname === "/v1/balance") return { body: balance(topups) };
    if (url.pathname === "/v1/topup/sessions") return openTopup(sent);
    if (url.pathname.startsWith("/v1/topup/sessions/")) return topup(url.pathname.slice(19));
    return { status: 404, body: { error: "not_found", message: "There is nothing here." } };
  };

  function submit(sent: Task["request"] & { idempotency_key?: string }): Answer {
    const key = sent.idempotency_key ?? "";
    const id = keys.get(key) ?? `task_${tasks.size + 1}`;
    if (key !== "") keys.set(key, id);
    if (!tasks.has(id)) tasks.set(id, { request: sent, looks: 0 });
    return { ...task(id), status: 202 };
  }

  function task(id: string): Answer {
    const found = tasks.get(id);
    if (!found) return { status: 404, body: { error: "task_not_found" } };
    const isBad = found.request.input.prompt.includes("[fail]");
    const states = ["queued", "running", isBad ? "failed" : "succeeded"];
    const status = states[Math.min(found.looks++, 2)];
    const artifact = { artifact_url: "https://example.org/a.mp4" };
    return {
      body: {
        ...{ task_id: id, status, kind: "video", workspace_id: WORKSPACE, provider_id: null },
        ...{ created_at: "2026-03-01T10:00:00.000Z", updated_at: "2026-03-01T10:00:01.000Z" },
        ...(status === "failed" && { error: "no luck" }),
        ...(status === "succeeded" && { output: artifact, metadata: artifact }),
      },
    };
  }

  function openTopup({ amount }: { amount: number }): Answer {
    const id = `topup_${topups.size + 1}`;
    topups.set(id, { amount, looks: 0 });
    return { ...topup(id), status: 201 };
  }

  function topup(id: string): Answer {
    const found = topups.get(id);
    if (!found) return { status: 404, body: { error: "topup_session_not_found" } };
    const isPaid = found.looks++ >= 2;
    const completedAt = isPaid ? "2026-03-01T10:05:00.000Z" : null;
    return {
      body: {
        ...{ topup_session_id: id, workspace_id: WORKSPACE },
        requested_amount: { amount: found.amount, unit: "credits" },
        status: isPaid ? "credit_applied" : "pending_payment",
        ...{ created_at: "2026-03-01T10:00:00.000Z", completed_at: completedAt },
        ...{ stripe_reference: null, checkout_url: "https://pay.example.org/1" },
        credited_ledger_entry_id: isPaid ? "led_9" : null,
      },
    };
  }

  return startCloud(t, (received) => answer(received) ?? told(received));
}

function balance(topups: ReadonlyMap<string, Topup>): object {
  const paid = [...topups.values()].filter(({ looks }) => looks > 2);
  const amount = paid.reduce((sum, topup) => sum + topup.amount, 2.5);
  const updated_at = "2026-03-01T10:00:00.000Z";
  return { workspace_id: WORKSPACE, available_balance: { amount, unit: "credits" }, updated_at };
}

function execution(sent: { instruction: string; stream?: boolean; provider_id?: string }): Answer {
  const [status, error] = ROUTING[sent.provider_id ?? ""] ?? [];
  if (status) return { status, body: { error, message: "Not this one." } };
  if (sent.instruction === "expensive") return { status: 402, body: POOR };
  if (sent.instruction === "text") {
    return { headers: { "content-type": "text/plain" }, body: "just text" };
  }
  if (sent.stream) return { headers: { "content-type": "text/event-stream" }, body: STREAM };
  return { body: { request_id: "req_1", output: sent, metadata: { provider_id: "node-a" } } };
}
