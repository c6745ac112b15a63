/** Gig tasks and mandates: what is asked of a server for them, by whoever asks and whoever answers. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { KEY, refused } from "./session-cloud.ts";
import { type Answer, answerOf, errorOf, type Received, shell, startCloud } from "./support.ts";

const TASK = {
  ...{ task_id: "gig_1", status: "open", capability: "label.v1", target_providers: 3 },
  ...{ accepted_count: 0, completed_count: 0, approved_count: 0, results: [] },
};
const MANIFEST = `# what is wanted
capability: label.v1
instruction: Cat or dog?
target_providers: 3
credits_per_provider: 5
deadline: 2030-01-01T00:00:00Z
`;

async function open(
  t: TestContext,
  answer: (received: Received) => Answer | undefined = () => undefined,
) {
  const cloud = await startCloud(t, (received) => answer(received) ?? usual(received));
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const asked = () => cloud.received.map(({ method, url }) => `${method} ${url.pathname}`);
  return { ...cloud, ...one, asked, bodyOf: (at: number) => bodyOf(cloud.received[at]) };
}

function usual({ url }: Received): Answer {
  if (url.pathname.endsWith("/mandates")) return { status: 201, body: { mandate_id: "mnd_1" } };
  if (url.pathname.endsWith("/gig-tasks")) return { status: 201, body: TASK };
  return { body: TASK };
}

// biome-ignore lint/suspicious/noExplicitAny: a body is whatever JSON the test looks into.
function bodyOf(received: Received | undefined): any {
  return JSON.parse(received?.body ?? "null");
}

const AS = ["--principal-agent-id", "agt_1"];

test("a task is opened under a mandate that is made for it, with one key for both", async (t) => {
  const cloud = await open(t);
  const args = ["gig-task", "create", "-", ...AS, "--gig-pa-agent-id", "agt_9"];
  const answer = answerOf(await cloud.linkedclaw(args, { input: MANIFEST })) as {
    [name: string]: string;
  };
  assert.deepEqual(cloud.asked(), ["POST /api/v1/mandates", "POST /api/v1/gig-tasks"]);
  const { expires_at, ...mandate } = cloud.bodyOf(0);
  assert.deepEqual(mandate, {
    ...{ kind: "gig_pa", principal_agent_id: "agt_1", gig_pa_agent_id: "agt_9" },
    ...{ max_credits: 15, idempotency_key: answer.idempotency_key },
  });
  const days = (Date.parse(expires_at) - Date.now()) / 86_400_000;
  assert.ok(days > 7.9 && days <= 8, `${days} days`);
  assert.deepEqual(cloud.bodyOf(1), {
    ...{ capability: "label.v1", instruction: "Cat or dog?", target_providers: 3 },
    ...{ credits_per_provider: 5, deadline: "2030-01-01T00:00:00Z", mandate_id: "mnd_1" },
  });
  for (const { headers } of cloud.received) {
    assert.equal(headers["idempotency-key"], answer.idempotency_key);
  }
  assert.deepEqual(
    [answer.task_id, answer.mandate_id, answer.mandate_expires_at],
    ["gig_1", "mnd_1", expires_at],
  );
});

test("a task is a file, stdin or a line, YAML or JSON; its own mandate and a stored agent do as well", async (t) => {
  const cloud = await open(t);
  const file = join(cloud.home, "task.yaml");
  writeFileSync(file, MANIFEST);
  const json = JSON.stringify({ ...TASK, credits_per_provider: 1, mandate_id: "mnd_7" });
  answerOf(await cloud.linkedclaw(["gig-task", "create", json]));
  assert.equal(cloud.bodyOf(0).mandate_id, "mnd_7");
  answerOf(await cloud.linkedclaw(["config", "set", "agentId", "agt_5"]));
  answerOf(await cloud.linkedclaw(["gig-task", "create", file]));
  assert.equal(cloud.bodyOf(1).principal_agent_id, "agt_5");
  answerOf(await cloud.linkedclaw(["gig-task", "create", MANIFEST, ...AS]));
  assert.equal(cloud.bodyOf(3).principal_agent_id, "agt_1");
});

test("what is no task is refused before anybody is asked", async (t) => {
  const cloud = await open(t);
  const create = (input: string, args: string[] = AS) =>
    cloud.linkedclaw(["gig-task", "create", "-", ...args], { input });
  const [list, broken, free, nobody, missing, date] = await Promise.all([
    create("[]"),
    create("a: ["),
    create("capability: x\ntarget_providers: 0\ncredits_per_provider: 1"),
    create(MANIFEST, []),
    cloud.linkedclaw(["gig-task", "create", "nowhere.yaml", ...AS]),
    create(MANIFEST, [...AS, "--mandate-expires-at", "tomorrow"]),
  ]);
  for (const finished of [list, broken, free, date]) errorOf(finished, 2);
  assert.match(errorOf(nobody, 2).message, /--principal-agent-id/);
  assert.equal(errorOf(missing).code, "file_not_found");
  assert.deepEqual(cloud.received, []);
});

test("a mandate whose task was refused does not stay behind", async (t) => {
  const cloud = await open(t, ({ url }) =>
    url.pathname.endsWith("/gig-tasks") ? refused(422, "invalid_manifest") : undefined,
  );
  const finished = await cloud.linkedclaw(["gig-task", "create", MANIFEST, ...AS]);
  assert.equal(errorOf(finished).code, "invalid_manifest");
  assert.equal(cloud.asked()[2], "POST /api/v1/mandates/mnd_1/revoke");
});

test("where the line breaks, the error says how to ask for the same task", async (t) => {
  const cloud = await open(t, ({ url }) =>
    url.pathname.endsWith("/gig-tasks") ? { hangUp: true } : undefined,
  );
  const error = errorOf(await cloud.linkedclaw(["gig-task", "create", MANIFEST, ...AS]));
  const again = ["--idempotency-key", "--mandate-expires-at"].map((name) => {
    const [, value] = new RegExp(`${name} (\\S+)`).exec(error.hint ?? "") ?? [];
    return [name, value ?? ""];
  });
  assert.equal(cloud.received.length, 2, "no mandate is revoked that may be in use");
  await cloud.linkedclaw(["gig-task", "create", MANIFEST, ...AS, ...again.flat()]);
  assert.equal(cloud.received[2]?.body, cloud.received[0]?.body, "the same mandate");
  assert.equal(cloud.received[3]?.body, cloud.received[1]?.body, "the same task");
});

test("tasks are shown, listed, judged and cancelled", async (t) => {
  const cloud = await open(t, ({ url }) =>
    url.searchParams.has("status") ? { body: { tasks: [TASK] } } : undefined,
  );
  const run = async (...args: string[]) => answerOf(await cloud.linkedclaw(["gig-task", ...args]));
  const notes = '{"why":"good"}';
  assert.deepEqual(await run("get", "gig_1"), TASK);
  assert.deepEqual(await run("list", "--status", "open"), [TASK]);
  await run(
    "verify",
    "gig_1",
    "res_1",
    "--verdict",
    "approved",
    "--quality-score",
    "90",
    "--notes",
    notes,
  );
  await run(
    "review",
    "gig_1",
    "res_1",
    "--verdict",
    "reject",
    "--quality-score",
    "2",
    "--note",
    "no",
  );
  await run("cancel", "gig_1");
  assert.deepEqual(cloud.asked().slice(2), [
    "POST /api/v1/gig-tasks/gig_1/results/res_1/verify",
    "POST /api/v1/gig-tasks/gig_1/results/res_1/review",
    "POST /api/v1/gig-tasks/gig_1/cancel",
  ]);
  assert.deepEqual(cloud.bodyOf(2), {
    ...{ verdict: "approved", quality_score: 90, notes: { why: "good" } },
  });
  assert.deepEqual(cloud.bodyOf(3), { verdict: "reject", quality_score: 2, note: "no" });
  const wrong = await Promise.all([
    cloud.linkedclaw(["gig-task", "verify", "gig_1", "res_1", "--verdict", "approve"]),
    cloud.linkedclaw(["gig-task", "verify", "gig_1", "res_1"]),
    cloud.linkedclaw([
      "gig-task",
      "review",
      "gig_1",
      "r",
      "--verdict",
      "approve",
      "--quality-score",
      "6",
    ]),
  ]);
  for (const finished of wrong) errorOf(finished, 2);
});

test("waiting ends when the count is there, when the task is over, and when time is", async (t) => {
  let looks = 0;
  const cloud = await open(t, ({ method }) => {
    if (method !== "GET") return undefined;
    looks++;
    return { body: { ...TASK, accepted_count: looks, status: looks > 5 ? "expired" : "open" } };
  });
  const wait = async (...args: string[]) => {
    const poll = ["--poll-seconds", "1"];
    const finished = await cloud.linkedclaw(["gig-task", "wait", "gig_1", ...poll, ...args]);
    const { reached, timed_out } = answerOf(finished) as Record<string, boolean>;
    return { reached, timed_out };
  };
  assert.deepEqual(await wait("--until", "accepted_count=2"), { reached: true, timed_out: false });
  const late = await wait("--until", "approved_count=1", "--total-seconds", "0");
  assert.deepEqual(late, { reached: false, timed_out: true });
  looks = 5;
  assert.deepEqual(await wait(), { reached: false, timed_out: false });
  errorOf(await cloud.linkedclaw(["gig-task", "wait", "gig_1", "--until", "score=3"]), 2);
});

test("a provider takes a slot and hands its result in at the services host", async (t) => {
  const services = await startCloud(t, () => ({
    body: { result_id: "res_1", status: "accepted" },
  }));
  const cloud = await open(t, () => ({ body: { tasks: [TASK] } }));
  const env = { LINKEDCLAW_SERVICE_URL: services.url, LINKEDCLAW_AGENT_ID: "agt_3" };
  const run = async (args: string[], input?: string) =>
    answerOf(await cloud.linkedclaw(args, input === undefined ? { env } : { env, input }));
  const found = await run(["gig-task", "available", "--capability", "label.v1", "--limit", "2"]);
  assert.deepEqual(found, [TASK]);
  assert.equal(cloud.received[0]?.url.search, "?capability=label.v1&limit=2");
  await run(["gig-task", "accept", "gig_1", "--slot-key", "left"]);
  await run(["gig-task", "submit", "gig_1", "--body", '{"label":"cat"}', "--slot-key", "left"]);
  await run(["gig-task", "submit", "gig_1", "--body", "-"], '{"result_data":{"label":"dog"}}');
  const file = join(cloud.home, "result.json");
  writeFileSync(file, '{"label":"bird"}');
  await run(["provider", "pick", "gig_1"]);
  await run(["provider", "submit", "gig_1", file, "--agent-id", "agt_4"]);
  assert.deepEqual(
    services.received.map(({ url, body }) => [url.pathname.split("/").at(-1), JSON.parse(body)]),
    [
      ["accept", { agent_id: "agt_3", slot_key: "left" }],
      ["submit", { agent_id: "agt_3", result_data: { label: "cat" }, slot_key: "left" }],
      ["submit", { agent_id: "agt_3", result_data: { label: "dog" } }],
      ["accept", { agent_id: "agt_3" }],
      ["submit", { agent_id: "agt_4", result_data: { label: "bird" } }],
    ],
  );
  assert.match(
    errorOf(await cloud.linkedclaw(["gig-task", "accept", "gig_1"]), 2).hint ?? "",
    /agentId/,
  );
});

test("mandates are made, shown and taken back", async (t) => {
  const cloud = await open(t);
  const create = ["mandate", "create", ...AS, "--max-credits", "500"];
  answerOf(await cloud.linkedclaw([...create, "--expires-at", "2030-01-01T00:00:00+02:00"]));
  assert.equal(cloud.bodyOf(0).expires_at, "2029-12-31T22:00:00.000Z");
  answerOf(await cloud.linkedclaw(["mandate", "get", "mnd_1"]));
  answerOf(await cloud.linkedclaw(["mandate", "revoke", "mnd_1"]));
  assert.deepEqual(cloud.asked().slice(1), [
    "GET /api/v1/mandates/mnd_1",
    "POST /api/v1/mandates/mnd_1/revoke",
  ]);
});

test("for people a task is its progress and its results", async (t) => {
  const result = {
    result_id: "res_1",
    agent_id: "agt_3",
    status: "approved",
    result_data: { text: "cat" },
  };
  const cloud = await open(t, () => ({ body: { ...TASK, accepted_count: 1, results: [result] } }));
  const { stdout } = await cloud.linkedclaw(["gig-task", "get", "gig_1", "--human"]);
  assert.match(stdout, /progress +1 of 3 accepted, 0 judged, 0 approved/);
  assert.match(stdout, /res_1 +agt_3 +approved +cat/);
});

test("a broadcast is no command of this wire", async (t) => {
  const finished = await shell(t).linkedclaw(["broadcast", "create"]);
  assert.match(errorOf(finished, 2).message, /unknown command/);
});
