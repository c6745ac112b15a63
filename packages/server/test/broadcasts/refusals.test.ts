/** Every refusal that callers of broadcasts can meet (LinkedClaw contract §15): told in words, and nothing done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Guildhall, type Member, startGuildhall } from "../support/guildhall.ts";
import { balanceOf } from "../support/hire.ts";
import { verifies } from "../surfaces/linkedclaw/requirements.ts";
import { assertRefused } from "../surfaces/linkedclaw/support.ts";
import {
  type Asker,
  asker,
  create,
  fresh,
  mandate,
  open,
  take,
  type Worker,
  work,
  worker,
} from "./support.ts";

const OPEN_MAX = 40;

test("refusals of gig tasks and mandates", async (t) => {
  const environment = { GUILDHALL_OPEN_BROADCASTS_MAX: `${OPEN_MAX}` };
  const hall = await startGuildhall(t, "any", environment);
  const alice = await asker(hall);
  const bob = await worker(hall);
  for (const [name, rows] of Object.entries(await tables(hall, alice, bob))) {
    await t.test(name, async (inner) => {
      for (const [why, status, code, ask] of rows) {
        await inner.test(`${why}: ${status} ${code}`, async () => {
          await assertRefused(alice.member, { status, code }, ask);
        });
      }
    });
  }
  await t.test("more open tasks than a workspace may have: 429 rate_limited", () => tooMany(hall));
  await t.test("nothing was opened by any of it", async () => {
    const verdict = await hall.admin("GET", "/ledger/verify?full=1");
    assert.equal(verdict.ok, true, JSON.stringify(verdict));
  });
});

async function tooMany(hall: Guildhall): Promise<void> {
  const ann = await asker(hall);
  const opened = await Promise.all(Array.from({ length: OPEN_MAX }, () => create(ann)));
  assert.deepEqual([...new Set(opened.map(({ status }) => status))], [201]);
  const refused = { status: 429, code: "rate_limited" };
  const { headers } = await assertRefused(ann.member, refused, () => create(ann));
  assert.equal(headers.get("retry-after"), "60");
  const first = opened[0]?.body.task_id;
  assert.equal((await ann.member.ask("POST", `/gig-tasks/${first}/cancel`, {})).status, 200);
  assert.equal((await create(ann)).status, 201, "one that is over makes room");
}

type Row = readonly [
  why: string,
  status: number,
  code: string,
  ask: () => ReturnType<Member["ask"]>,
];

async function tables(hall: Guildhall, alice: Asker, bob: Worker): Promise<Record<string, Row[]>> {
  return {
    "what a task may say": manifestRows(alice),
    "under which mandate": await mandateRows(hall, alice),
    "with which money": await moneyRows(hall, alice),
    "what a mandate may say": grantRows(alice, bob),
    "who may accept": await acceptRows(hall, alice, bob),
    "what may be handed in": await submitRows(alice, bob),
    "what a verdict may say": await verdictRows(alice, bob),
  };
}

function manifestRows(alice: Asker): Row[] {
  verifies("gig-unknown-field", "mandate-strict");
  const bad = (why: string, rest: object, code = "invalid_request", status = 422): Row => [
    why,
    status,
    code,
    () => create(alice, rest),
  ];
  const past = new Date(Date.now() - 1_000).toISOString();
  const far = new Date(Date.now() + 31 * 86_400_000).toISOString();
  return [
    bad("another service's target_count", { target_count: 3 }),
    bad("another service's reward_credits", { reward_credits: 3 }),
    bad("another service's input", { input: {} }),
    bad("any other field", { whatever: null }),
    bad("no capability", { capability: "" }),
    bad("no instruction", { instruction: "" }),
    bad("no targets", { target_providers: 0 }),
    bad("half a target", { target_providers: 1.5 }),
    bad("more targets than a command has steps", { target_providers: 61 }),
    bad("no credits", { credits_per_provider: 0 }),
    bad("negative credits", { credits_per_provider: -5 }),
    bad("credits as text", { credits_per_provider: "10" }),
    bad("more credits than there are", { credits_per_provider: 1e15 }),
    bad("a negative stake", { required_stake: -1 }),
    bad("params that are no object", { task_params: [] }),
    bad("a schema that is no object", { result_schema: true }),
    bad("a schema that is none", { result_schema: { type: "no such type" } }),
    bad("a deadline in seconds", { deadline: 3_600 }),
    bad("a deadline without a zone", { deadline: "2030-01-01T00:00:00" }),
    bad("a deadline in the past", { deadline: past }),
    bad("a deadline next month", { deadline: far }),
    bad("an unknown partition", { partition_type: "striped" }),
    bad("an unknown payment", { payment_type: "lottery" }),
    bad("an unknown verifier", { verifier_method: "oracle" }),
    bad("a long instruction", { instruction: "x".repeat(40_000) }, "payload_too_large", 413),
    bad(
      "a file that there is not",
      { task_params: { a: { file_id: `fil_${"0".repeat(24)}` } } },
      "invalid_file_ref",
    ),
    bad("an idempotency key with a space", {}, "invalid_request"),
  ].map((row, index, all) =>
    index < all.length - 1
      ? row
      : [row[0], row[1], row[2], () => create(alice, {}, { "idempotency-key": "a b" })],
  );
}

async function mandateRows(hall: Guildhall, alice: Asker): Promise<Row[]> {
  verifies("mandate-invalid");
  const stranger = await asker(hall);
  const small = await mandate(alice.member, alice.agentId, 19);
  const revoked = await mandate(alice.member, alice.agentId, 1_000);
  const { status } = await alice.member.ask("POST", `/mandates/${revoked.mandateId}/revoke`);
  assert.equal(status, 200);
  const used = await mandate(alice.member, alice.agentId, 39);
  await open({ ...alice, ...used });
  const soon = new Date(Date.now() + 300).toISOString();
  const short = await alice.member.ask("POST", "/mandates", {
    ...{ kind: "gig_pa", principal_agent_id: alice.agentId, max_credits: 1_000, expires_at: soon },
  });
  await new Promise((resolve) => setTimeout(resolve, 400));
  const under = (why: string, mandateId: string): Row => [
    why,
    403,
    "mandate_invalid",
    () => create({ ...alice, mandateId }),
  ];
  return [
    under("another's", stranger.mandateId),
    under("one that is too small", small.mandateId),
    under("one of which too little is left", used.mandateId),
    under("a revoked one", revoked.mandateId),
    under("an expired one", short.body.mandate_id),
    under("one that there is not", `mnd_${"0".repeat(24)}`),
    under("another kind of id", alice.agentId),
    under("no id at all", ""),
    ["none", 422, "invalid_request", () => create(alice, { mandate_id: undefined })],
  ];
}

async function moneyRows(hall: Guildhall, alice: Asker): Promise<Row[]> {
  verifies("gig-insufficient", "gig-ceiling");
  const rich = await mandate(alice.member, alice.agentId, 10_000_000);
  const limited = await hall.admin("POST", "/keys", {
    ...{ email: alice.member.email, kind: "lc", label: "limited", daily_usd: "0.001" },
  });
  const task = {
    ...{ capability: "echo", instruction: "Say it.", target_providers: 2 },
    ...{ credits_per_provider: 10, mandate_id: alice.mandateId },
  };
  return [
    [
      "a chain's ceiling",
      402,
      "ceiling_exceeded",
      () => create({ ...alice, ...rich }, { credits_per_provider: 50_001 }),
    ],
    [
      "more than the wallet has",
      402,
      "insufficient_credits",
      async () => drained(await asker(hall, 10_000_000)),
    ],
    [
      "a key's daily limit",
      402,
      "spend_limit_reached",
      () =>
        alice.member.ask("POST", "/gig-tasks", task, {
          authorization: `Bearer ${String(limited.key)}`,
        }),
    ],
    [
      "a chain that is another's",
      403,
      "chain_not_authorised",
      () => create(alice, {}, { "x-linkedclaw-chain-id": `chn_${"0".repeat(24)}` }),
    ],
    [
      "a key that is none",
      401,
      "invalid_api_key",
      () => alice.member.ask("POST", "/gig-tasks", task, { authorization: "Bearer lc_no" }),
    ],
  ];
}

/** Holds nearly all that there is in tasks of other chains, and asks for one more. */
async function drained(poor: Asker): ReturnType<Member["ask"]> {
  for (let left = (await balanceOf(poor.member)).available; left > 15; ) {
    const credits = Math.min(left - 5, 100_000);
    const { status, body } = await create(poor, {
      ...{ target_providers: 1, credits_per_provider: credits },
    });
    assert.equal(status, 201, JSON.stringify(body));
    left -= credits;
  }
  const before = await balanceOf(poor.member);
  const answer = await create(poor);
  assert.deepEqual(await balanceOf(poor.member), before, "not one seat is held");
  return answer;
}

function grantRows(alice: Asker, bob: Worker): Row[] {
  const grant = { kind: "gig_pa", principal_agent_id: alice.agentId, max_credits: 10 };
  const bad = (why: string, rest: object, status = 422, code = "invalid_request"): Row => [
    why,
    status,
    code,
    () => alice.member.ask("POST", "/mandates", { ...grant, ...rest }),
  ];
  const past = new Date(Date.now() - 1_000).toISOString();
  return [
    bad("an unknown field", { scope: "all" }),
    bad("an unknown kind", { kind: "anything" }),
    bad("a negative amount", { max_credits: -1 }),
    bad("an end in the past", { expires_at: past }),
    bad("an end in ten years", { expires_at: "2100-01-01T00:00:00Z" }),
    bad("in the name of another's agent", { principal_agent_id: bob.agentId }, 403, "forbidden"),
    bad(
      "of an agent that there is not",
      { principal_agent_id: `agt_${"0".repeat(24)}` },
      404,
      "agent_not_found",
    ),
    bad(
      "to an agent that there is not",
      { gig_pa_agent_id: `agt_${"0".repeat(24)}` },
      404,
      "agent_not_found",
    ),
  ];
}

async function acceptRows(hall: Guildhall, alice: Asker, bob: Worker): Promise<Row[]> {
  verifies("gig-closed", "gig-own", "gig-stake", "gig-accept");
  const taskId = await open(alice, { target_providers: 1 });
  const cancelled = await open(alice);
  await alice.member.ask("POST", `/gig-tasks/${cancelled}/cancel`);
  const underRevoked = await mandate(alice.member, alice.agentId, 1_000);
  const revoked = await open({ ...alice, ...underRevoked });
  await alice.member.ask("POST", `/mandates/${underRevoked.mandateId}/revoke`);
  const staked = await open(alice, { required_stake: 2_000_000 });
  const other = await open(alice, { capability: fresh("other") });
  const by = (why: string, status: number, code: string, id: string, rest: object = {}): Row => [
    why,
    status,
    code,
    () => bob.member.ask("POST", `/gig-tasks/${id}/accept`, { agent_id: bob.agentId, ...rest }),
  ];
  const stranger = await worker(hall);
  return [
    by("a task that there is not", 404, "not_found", `gig_${"0".repeat(24)}`),
    by("no task's id", 404, "not_found", "available-not"),
    by("a cancelled one", 409, "task_closed", cancelled),
    by("one whose mandate is revoked", 409, "task_closed", revoked),
    by("a stake that one does not have", 409, "insufficient_stake", staked),
    by("a capability that one does not offer", 409, "capability_not_supported", other),
    by("a key of a task without keys", 422, "invalid_request", taskId, { slot_key: "1" }),
    by("an unknown field", 422, "invalid_request", taskId, { hurry: true }),
    by("as an agent that there is not", 404, "agent_not_found", taskId, {
      agent_id: `agt_${"0".repeat(24)}`,
    }),
    by("as another's agent", 403, "forbidden", taskId, { agent_id: stranger.agentId }),
    [
      "as one's own agent",
      403,
      "forbidden",
      () => alice.member.ask("POST", `/gig-tasks/${taskId}/accept`, { agent_id: alice.agentId }),
    ],
  ];
}

async function submitRows(alice: Asker, bob: Worker): Promise<Row[]> {
  verifies("gig-result-size");
  const taskId = await open(alice, { target_providers: 1 });
  await take(bob, taskId);
  const by = (why: string, status: number, code: string, rest: object): Row => [
    why,
    status,
    code,
    () => {
      const body = { agent_id: bob.agentId, result_data: { text: "x" }, ...rest };
      return bob.member.ask("POST", `/gig-tasks/${taskId}/submit`, body);
    },
  ];
  return [
    by("a result that is no object", 422, "invalid_request", { result_data: "text" }),
    by("a list", 422, "invalid_request", { result_data: [] }),
    by("no result", 422, "invalid_request", { result_data: undefined }),
    by("an unknown field", 422, "invalid_request", { done: true }),
    by("for another slot", 409, "conflict", { slot_key: "2" }),
    by("too much", 413, "payload_too_large", { result_data: { text: "x".repeat(300_000) } }),
    by("far too much", 413, "payload_too_large", { result_data: { text: "x".repeat(1_100_000) } }),
  ];
}

async function verdictRows(alice: Asker, bob: Worker): Promise<Row[]> {
  const taskId = await open(alice, { target_providers: 1 });
  const other = await open(alice, { target_providers: 1 });
  const resultId = await work(bob, taskId);
  const at = (why: string, status: number, code: string, path: string, body: object): Row => [
    why,
    status,
    code,
    () => alice.member.ask("POST", `/gig-tasks/${path}`, body),
  ];
  const root = `${taskId}/results/${resultId}`;
  const approved = { verdict: "approved" };
  return [
    at("an unknown verdict", 422, "invalid_request", `${root}/verify`, { verdict: "approve" }),
    at("no verdict", 422, "invalid_request", `${root}/verify`, {}),
    at("a score of 101", 422, "invalid_request", `${root}/verify`, {
      ...approved,
      quality_score: 101,
    }),
    at("half a point", 422, "invalid_request", `${root}/verify`, {
      ...approved,
      quality_score: 0.5,
    }),
    at("notes that are no object", 422, "invalid_request", `${root}/verify`, {
      ...approved,
      notes: "good",
    }),
    at("long notes", 413, "payload_too_large", `${root}/verify`, {
      ...approved,
      notes: { a: "x".repeat(20_000) },
    }),
    at("an unknown field", 422, "invalid_request", `${root}/verify`, { ...approved, tip: 1 }),
    at("a verdict of verify in review", 422, "invalid_request", `${root}/review`, approved),
    at("a long note", 413, "payload_too_large", `${root}/review`, {
      verdict: "approve",
      note: "x".repeat(4_001),
    }),
    at("no star", 422, "invalid_request", `${root}/review`, {
      verdict: "approve",
      quality_score: 0,
    }),
    at("six stars", 422, "invalid_request", `${root}/review`, {
      verdict: "approve",
      quality_score: 6,
    }),
    at(
      "a result that there is not",
      404,
      "not_found",
      `${taskId}/results/res_${"0".repeat(24)}/verify`,
      approved,
    ),
    at("another task's result", 404, "not_found", `${other}/results/${resultId}/verify`, approved),
    at(
      "a task that there is not",
      404,
      "not_found",
      `gig_${"0".repeat(24)}/results/${resultId}/verify`,
      approved,
    ),
  ];
}
