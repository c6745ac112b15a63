/** `platform_request` against a server that answers as the contract says: OpenMarlin contract §5 to §7, §10.2. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { listen, until } from "../support.ts";
import { POOR, startMarlin } from "./marlin.ts";
import { desk, KEY } from "./scripts.ts";

async function office(t: TestContext, env: Readonly<Record<string, string>> = {}) {
  const marlin = await startMarlin(t);
  const one = desk(t, {
    ...{ OPENMARLIN_SERVER_URL: marlin.url, OPENMARLIN_PLATFORM_API_KEY: KEY, ...env },
  });
  const last = () => JSON.parse(marlin.received.at(-1)?.body ?? "");
  return { marlin, ...one, last };
}

const hello = (extra: object = {}) => JSON.stringify({ instruction: "say hello", ...extra });
const video = (prompt = " A plane. ", extra: object = {}) =>
  JSON.stringify({ kind: "video", input: { prompt, ...extra } });

test("an execution is sent as it was given, and its answer printed", async (t) => {
  const { platform, marlin, last } = await office(t);
  const { code, stdout, stderr } = await platform(
    "executions",
    "--body-json",
    hello({ metadata: { n: 5.0, ü: "é" } }),
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^Command: executions\nProvider override: <none>\nRouting labels: \{\}\nResponse:\n\{\n/,
  );
  assert.deepEqual(JSON.parse(stdout.slice(stdout.indexOf("{\n"))).metadata, {
    provider_id: "node-a",
  });
  assert.deepEqual(last(), { instruction: "say hello", metadata: { n: 5, ü: "é" } });
  const { method, headers, url, body } = marlin.received[0] ?? assert.fail();
  assert.deepEqual(
    [method, url.pathname, headers.authorization],
    ["POST", "/v1/executions", `Bearer ${KEY}`],
  );
  assert.equal(headers.accept, "application/json");
  assert.equal(headers["content-type"], "application/json");
  assert.match(body, /\\u00e9/, "as ASCII");
});

test("provider and labels of the command line come first, those of the settings next", async (t) => {
  const { run, platform, last } = await office(t, {
    OPENMARLIN_DEFAULT_PROVIDER_ID: "node-b",
    OPENMARLIN_DEFAULT_ROUTING_LABELS: '{"region":"ap-sg","tier":"basic"}',
  });
  const body = ["--body-json", hello({ labels: { own: "x" }, model: " openai-codex/gpt-5.4 " })];
  const args = ["executions", ...body, "--json", "--provider", "node-a", "--label", " tier = a=b "];
  const { json } = await platform(...args);
  assert.deepEqual(json.labels, { region: "ap-sg", tier: "a=b" });
  assert.deepEqual(
    [json.ok, json.status, json.provider, json.api_key_source],
    [true, 200, "node-a", "env-or-flag"],
  );
  assert.equal(json.response_headers["content-type"], "application/json");
  const { provider_id, labels, model } = last();
  assert.deepEqual(
    { provider_id, labels, model },
    {
      ...{ provider_id: "node-a", labels: { region: "ap-sg", tier: "a=b" } },
      model: "openai-codex/gpt-5.4",
    },
  );
  await platform("executions", ...body);
  assert.equal(last().provider_id, "node-b");
  const none = { OPENMARLIN_DEFAULT_PROVIDER_ID: "", OPENMARLIN_DEFAULT_ROUTING_LABELS: "" };
  const plain = await run("platform_request", ["executions", ...body], none);
  assert.match(plain.stdout, /Provider override: <none>\nRouting labels: \{"own": "x"\}\n/);
  assert.deepEqual(last().labels, { own: "x" });
});

test("a stream is printed event by event", async (t) => {
  const { platform, home } = await office(t);
  const file = join(home, "body.json");
  writeFileSync(file, hello({ stream: true }));
  const { code, stdout } = await platform("executions", "--body-file", file);
  assert.equal(code, 0);
  assert.deepEqual(stdout.split("\n").slice(3), [
    "Execution stream:",
    '- execution.start: {"provider_id": "node-a", "request_id": "req_1"}',
    '- execution.chunk: {"request_id": "req_1", "sequence": 0, "text": "h\\u2028i"}',
    '- execution.end: {"output": "hi", "request_id": "req_1"}',
    "",
  ]);
  const { json } = await platform("executions", "--body-file", file, "--json");
  assert.deepEqual(
    json.stream_events.map(({ event }: { event: string }) => event),
    ["execution.start", "execution.chunk", "execution.end"],
  );
  assert.match(json.response, /^event: execution\.start\n/);
});

test("events are printed as they come, however they are cut", async (t) => {
  const text =
    'event: a\r\ndata: {"text":"é"}\r\n\r\ndata:1\rdata: 2\r\rid: 5\nevent: b\ndata\ndata:\n\ndata: [1.50]';
  const bytes = Buffer.from(text);
  let isRead = () => false;
  const url = await listen(
    t,
    createServer((_, response) => {
      response.writeHead(200, { "Content-Type": "Text/Event-Stream; charset=utf-8" });
      void (async () => {
        for (const byte of bytes.subarray(0, -1)) response.write(Buffer.of(byte));
        await until(() => isRead(), "the first events are printed before the last is there");
        response.end(bytes.subarray(-1));
      })();
    }),
  );
  const one = desk(t, { OPENMARLIN_SERVER_URL: url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const running = one.start("platform_request", ["executions", "--body-json", hello()]);
  isRead = () => running.stdout().includes("- b: ");
  const { code, stdout } = await running.finished;
  assert.equal(code, 0);
  assert.deepEqual(stdout.split("\n").slice(3), [
    "Execution stream:",
    '- a: {"text": "\\u00e9"}',
    '- message: "1\\n2"',
    '- b: ""',
    "- message: [1.5]",
    "",
  ]);
});

test("a body may come by stdin", async (t) => {
  const { run, last } = await office(t);
  const args = ["executions", "--body-file", "-"];
  assert.equal((await run("platform_request", args, {}, hello())).code, 0);
  assert.deepEqual(last(), { instruction: "say hello" });
  const { code, stderr } = await run("platform_request", args, {}, "");
  assert.deepEqual([code, stderr], [1, "- is not JSON: it ends too early.\n"]);
});

test("an answer that is no JSON is given as it came", async (t) => {
  const { platform } = await office(t);
  const args = ["executions", "--body-json", '{"instruction":"text"}'];
  assert.match((await platform(...args)).stdout, /Response:\njust text\n$/);
  assert.equal((await platform(...args, "--json")).json.response, "just text");
});

test("a refusal says in words what it means, and what was sent", async (t) => {
  const { platform } = await office(t);
  const args = ["executions", "--body-json", hello(), "--provider", "node-gone", "--label", "a=b"];
  const { code, stdout, stderr } = await platform(...args);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^HTTP 503 provider_unavailable: The provider is not connected [^\n]*\n$/);
  assert.match(stderr, /automatic|neither/);
  assert.match(stderr, /Sent provider=node-gone, labels=\{"a": "b"\}\.\n$/);
  const { json, code: again } = await platform(...args, "--json");
  assert.equal(again, 1);
  assert.deepEqual(
    [json.ok, json.status, json.provider, json.labels],
    [false, 503, "node-gone", { a: "b" }],
  );
  assert.equal(json.response.error, "provider_unavailable");
  assert.match(json.message, /^HTTP 503 provider_unavailable: /);
});

test("a lack of balance is told with what is there, needed and missing, exactly, and how to mend it", async (t) => {
  const { platform, file, state } = await office(t);
  const args = ["executions", "--body-json", '{"instruction":"expensive"}'];
  const { code, stdout, stderr } = await platform(...args);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^HTTP 402 insufficient_balance: .*Current=0\.1 credits required=0\.3 credits shortfall=0\.2 credits\n/,
  );
  assert.match(stderr, /billing\.mjs create-topup --amount 0\.2\n/);
  assert.match(stderr, /billing\.mjs watch --session-id <topup-session-id>\n/);
  assert.ok(stderr.includes(join(state, "billing-state.json")));
  const snapshot = JSON.parse(file("billing-state.json")).workspaces.ws_123.last_balance_snapshot;
  assert.equal(snapshot.source, "structured_402");
  assert.deepEqual(
    [snapshot.amount, snapshot.required_amount, snapshot.estimated],
    [0.1, 0.3, false],
  );
  const { json } = await platform(...args, "--json");
  assert.deepEqual(json.recovery.shortfall, { amount: 0.2, unit: "credits" });
  assert.equal(json.commands.length, 2);
  assert.equal(json.stored_balance.billing_state_path, join(state, "billing-state.json"));
  assert.deepEqual(json.response, POOR);
});

test("models are listed one line a provider", async (t) => {
  const { platform } = await office(t);
  const { stdout } = await platform("models");
  assert.equal(
    stdout,
    `Command: models
Exact models: 2
- openai-codex/gpt-5.4 via node-a advertises=["openai-codex/gpt-5.4", "acme/small"] labels={"region": "ap-sg", "tier": "premium"}
- openai-codex/gpt-5.4 via node-b
`,
  );
  const { json } = await platform("models", "--json");
  assert.deepEqual([json.provider, json.labels, json.response.data.length], [null, {}, 2]);
});

test("a task is submitted, watched to its end, and found again", async (t) => {
  const { platform, marlin, file } = await office(t);
  const watching = ["--watch", "--interval-seconds", "0"];
  const { code, stdout, stderr } = await platform(
    "tasks-submit",
    "--body-json",
    video(),
    ...watching,
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "Task task_1 is accepted: queued. Waiting for its end.\n");
  assert.equal(
    stdout,
    `Command: tasks-submit
Task ID: task_1
Status: succeeded
Workspace: ws_123
Created at: 2026-03-01T10:00:00.000Z
Updated at: 2026-03-01T10:00:01.000Z
Output: {"artifact_url": "https://example.org/a.mp4"}
Metadata: {"artifact_url": "https://example.org/a.mp4"}
`,
  );
  const sent = JSON.parse(marlin.received[0]?.body ?? "");
  assert.equal(sent.input.prompt, "A plane.");
  assert.match(sent.idempotency_key, /^openclaw-task-[0-9a-f]{32}$/);
  const [entry] = Object.values(JSON.parse(file("task-state.json")).submissions) as [
    Record<string, string>,
  ];
  assert.deepEqual([entry?.status, entry?.task_id], ["succeeded", "task_1"]);
  const found = await platform("tasks-status", "--task-id", "task_1", "--json");
  assert.deepEqual([found.code, found.json.response.status], [0, "succeeded"]);
});

test("a task that failed is no failure of the command", async (t) => {
  const { platform } = await office(t);
  await platform("tasks-submit", "--body-json", video("[fail] A plane."));
  const args = ["tasks-watch", "--task-id", "task_1", "--interval-seconds", "0"];
  const { code, stdout } = await platform(...args);
  assert.equal(code, 0);
  assert.match(stdout, /Status: failed\n[\s\S]*Error: no luck\n/);
});

test("the same task sent again is the same task; another, or one that may be, is not", async (t) => {
  const { platform, last } = await office(t);
  const submit = async (...args: string[]) => {
    const { json, stderr } = await platform("tasks-submit", "--json", ...args);
    return { id: json.response.task_id, key: last().idempotency_key, stderr };
  };
  const body = ["--body-json", video()];
  const first = await submit(...body);
  const same = await submit("--body-json", '{"input":{"prompt":"A plane.\\n"},"kind":"video"}');
  assert.deepEqual([same.id, same.key], [first.id, first.key]);
  assert.match(same.stderr, /its key openclaw-task-\w+ is used again/);
  assert.notEqual((await submit("--body-json", video("A train."))).id, first.id);
  assert.notEqual((await submit(...body, "--dedupe-window-seconds", "0")).id, first.id);
  const twice = await submit(...body, "--allow-duplicate-submit");
  assert.equal(twice.key, undefined);
  assert.equal((await submit(...body, "--idempotency-key", " mine ")).key, "mine");
  const inBody = JSON.stringify({ ...JSON.parse(video()), idempotency_key: "theirs" });
  assert.equal((await submit("--body-json", inBody)).key, "theirs");
  assert.equal((await submit("--body-json", inBody, "--idempotency-key", "mine")).key, "mine");
  const kept = await submit("--body-json", inBody, "--allow-duplicate-submit");
  assert.equal(kept.key, "theirs");
});

test("a task whose answer was lost is sent again under its key", async (t) => {
  let isFirst = true;
  const marlin = await startMarlin(t, () => {
    const hangUp = isFirst;
    isFirst = false;
    return hangUp ? { hangUp } : undefined;
  });
  const env = { OPENMARLIN_SERVER_URL: marlin.url, OPENMARLIN_PLATFORM_API_KEY: KEY };
  const { platform, file } = desk(t, env);
  const lost = await platform("tasks-submit", "--body-json", video());
  assert.deepEqual([lost.code, lost.stdout], [1, ""]);
  assert.match(file("task-state.json"), /"status": "submitting"/);
  assert.equal((await platform("tasks-submit", "--body-json", video())).code, 0);
  const keys = marlin.received.map(({ body }) => JSON.parse(body).idempotency_key);
  assert.equal(keys[0], keys[1]);
});

test("a wait that takes too long is over, and says how to go on", async (t) => {
  const { platform } = await office(t);
  await platform("tasks-submit", "--body-json", video());
  const args = ["tasks-watch", "--task-id", "task_1", "--timeout-seconds", "0"];
  const { code, stdout, stderr } = await platform(...args);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /still running after 0 s, and goes on\. To wait longer: node .*tasks-watch --task-id task_1\n$/,
  );
  const unknown = await platform("tasks-watch", "--task-id", "task_9");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^HTTP 404 task_not_found: [^\n]*\n$/);
  assert.doesNotMatch(unknown.stderr, /provider|label|model/);
});

// biome-ignore format: read as a table
const REFUSED_HERE = [
  // command          body                                                                 why
  ["executions",   { instruction: "x", model: "gpt" },                                     /whole reference with a slash/],
  ["executions",   { instruction: "x", model: 5 },                                         /"model" has to be a text/],
  ["executions",   { instruction: "x", model_provider: "a" },                              /"model_provider" is no field/],
  ["executions",   { instruction: "x", modelProvider: "a" },                               /"modelProvider" is no field/],
  ["tasks-submit", { kind: "audio", input: { prompt: "x" } },                              /"kind" has to be "video"/],
  ["tasks-submit", { kind: "video" },                                                      /"input" has to be an object/],
  ["tasks-submit", { kind: "video", input: { prompt: " " } },                              /"input.prompt"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", size: 1 } },                     /no field "size"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", media_urls: ["ftp://a"] } },     /"input.media_urls"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", media_ids: "fil_1" } },          /"input.media_ids"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", duration_ms: 0 } },              /"input.duration_ms"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", duration_ms: 1.5 } },            /"input.duration_ms"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x", aspect_ratio: "wide" } },        /"input.aspect_ratio"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, metadata: [] },                /"metadata"/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, idempotency_key: " " },        /idempotency key/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, labels: {} },                  /"labels" belongs to executions/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, stream: false },               /"stream" belongs to executions/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, providerId: "a" },             /"providerId" belongs to executions/],
  ["tasks-submit", { kind: "video", input: { prompt: "x" }, sender: "a" },                 /no field "sender"/],
] as const;

test("what no server would take is refused before anybody is asked", async (t) => {
  const { platform, marlin } = await office(t);
  for (const [command, body, why] of REFUSED_HERE) {
    const { code, stdout, stderr } = await platform(command, "--body-json", JSON.stringify(body));
    assert.deepEqual([code, stdout], [1, ""], JSON.stringify(body));
    assert.match(stderr, why);
    assert.equal(stderr.split("\n").length, 2, "one line");
  }
  for (const label of ["tier", "=x", "tier= "]) {
    const args = ["executions", "--body-json", hello(), "--label", label];
    const { code, stderr } = await platform(...args);
    assert.equal(code, 1);
    assert.match(stderr, /--label takes NAME=VALUE/);
  }
  assert.deepEqual(marlin.received, []);
});

test("a dry run tells what would be sent, and sends nothing", async (t) => {
  const { platform, marlin } = await office(t, { OPENMARLIN_DEFAULT_PROVIDER_ID: "node-b" });
  const body = hello({ model: "a/b", stream: true });
  const { code, json } = await platform("executions", "--dry-run", "--json", "--body-json", body);
  assert.equal(code, 0);
  assert.deepEqual(json, {
    ...{ ok: true, dry_run: true, command: "executions" },
    ...{ server_url: marlin.url, server_url_source: "process-env" },
    ...{ api_key_source: "env-or-flag", api_key_error: null },
    ...{ provider_override: "node-b", provider_source: "process-env", labels: {} },
    request_preview: { kind: "agent_run", model: "a/b", stream: true, has_instruction: true },
    connectivity: { ok: true, url: `${marlin.url}/openapi.json`, status: 200 },
  });
  const task = await platform(
    "tasks-submit",
    "--dry-run",
    "--json",
    "--watch",
    "--body-json",
    video(),
  );
  assert.deepEqual(task.json.request_preview, { kind: "video", has_prompt: true });
  assert.equal(task.json.watch, true);
  const watch = await platform("tasks-watch", "--dry-run", "--json", "--task-id", "task_1");
  assert.deepEqual([watch.json.task_id, watch.json.operation], ["task_1", "watch"]);
  const plain = await platform("models", "--dry-run");
  assert.match(plain.stdout, /^Ok: true\nDry run: true\nCommand: models\n/);
  assert.equal((await platform("executions", "--dry-run", "--body-json", '{"model":"x"}')).code, 1);
  assert.deepEqual([...new Set(marlin.received.map(({ url }) => url.pathname))], ["/openapi.json"]);
  assert.ok(marlin.received.every(({ headers }) => headers.authorization === undefined));
});
