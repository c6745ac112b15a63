/** Searching, uploading and invoking: what is asked of a server, and what its answers become. */
import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type Answer,
  answerOf,
  errorOf,
  listen,
  type Received,
  shell,
  startCloud,
} from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";

async function withCloud(t: TestContext, answer: (received: Received) => Answer) {
  const cloud = await startCloud(t, answer);
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  return { ...cloud, ...one };
}

const CARDS = Array.from({ length: 20 }, (_, index) => ({
  agent_id: `agt_${index}`,
  agent_name: "翻译 agent",
  capabilities: ["translation"],
  capabilities_meta: {
    translation: {
      description: "Translates \u001b[31mtext\u001b[0m",
      curve: [{ cost_shape: "per_call", cost_amount: 50 }],
    },
  },
  trust_score: 0.5,
}));

test("search says everything that it was told, and trims by itself", async (t) => {
  const { linkedclaw, received } = await withCloud(t, () => ({ body: CARDS }));
  const args = [
    "search",
    "translation",
    "--intent",
    "fast & cheap",
    "--interaction-mode",
    "invoke",
  ];
  const more = ["--owner", "me", "--status", "all", "--sort", "price_asc"];
  const found = answerOf(await linkedclaw([...args, ...more])) as unknown[];
  assert.deepEqual(found, CARDS.slice(0, 10));
  assert.deepEqual(Object.fromEntries(received[0]?.url.searchParams ?? []), {
    capability: "translation",
    intent: "fast & cheap",
    interaction_mode: "invoke",
    owner: "me",
    status: "all",
    sort: "price_asc",
  });
  for (const [limit, count] of [
    ["3", 3],
    ["0", 20],
    ["50", 20],
  ] as const) {
    const trimmed = answerOf(await linkedclaw(["search", "x", "--limit", limit])) as unknown[];
    assert.equal(trimmed.length, count);
  }
});

test("nothing found is an empty list, not a failure", async (t) => {
  const { linkedclaw } = await withCloud(t, () => ({ body: [] }));
  assert.deepEqual(answerOf(await linkedclaw(["search", "travel"])), []);
  assert.match((await linkedclaw(["search", "travel", "--human"])).stdout, /Nobody offers that/);
});

test("for people a search is a table, and a stranger's text does not drive the terminal", async (t) => {
  const { linkedclaw } = await withCloud(t, () => ({ body: CARDS.slice(0, 1) }));
  const { stdout } = await linkedclaw(["search", "translation", "--human"]);
  const [heading, row] = stdout.split("\n");
  assert.match(heading ?? "", /^AGENT +NAME +CAPABILITY +CREDITS +TRUST +WHAT IT DOES$/);
  assert.match(
    row ?? "",
    /^agt_0 +翻译 agent +translation +50 per call +0\.50 +Translates \[31mtext\[0m$/,
  );
});

test("an upload sends the file as it is, with its name and type", async (t) => {
  const { linkedclaw, received, home } = await withCloud(t, () => ({ body: { file_id: "fil_1" } }));
  const path = join(home, 'we"ird näme.csv');
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
  writeFileSync(path, content);
  const answer = answerOf(await linkedclaw(["upload", path, "--mime", "text/csv"]));
  assert.deepEqual(answer, { file_id: "fil_1" });

  const [request] = received;
  const body = Buffer.from(request?.body ?? "", "latin1");
  assert.equal(Number(request?.headers["content-length"]), body.length);
  const form = await new Response(body, {
    headers: { "content-type": request?.headers["content-type"] ?? "" },
  }).formData();
  const file = form.get("file") as File;
  assert.equal(file.name, 'we"ird näme.csv');
  assert.deepEqual(Buffer.from(await file.arrayBuffer()), content);
  assert.equal(form.get("mime"), "text/csv");
});

test("what cannot be uploaded is not sent", async (t) => {
  const { linkedclaw, received, home } = await withCloud(t, () => ({}));
  const big = join(home, "big");
  writeFileSync(big, "");
  truncateSync(big, 50 * 1024 * 1024 + 1);
  mkdirSync(join(home, "directory"));
  for (const [path, code] of [
    [big, "payload_too_large"],
    [join(home, "nowhere"), "file_not_found"],
    [join(home, "directory"), "file_unreadable"],
  ] as const) {
    assert.equal(errorOf(await linkedclaw(["upload", path])).code, code);
  }
  assert.deepEqual(received, []);
});

const DONE = {
  invoke_id: "inv_1",
  result: { text: "HI" },
  credits_charged: 5,
  receipt_id: "rct_1",
};

test("an invoke says what it was told, and makes a manifest where there is none", async (t) => {
  const { linkedclaw, received } = await withCloud(t, () => ({ body: DONE }));
  const args = ["invoke", "agt_1", "--capability", "shout", "--input", '{"text":"hi"}'];
  assert.deepEqual(answerOf(await linkedclaw(args)), DONE);
  const extra = ["--max-credits", "0", "--timeout", "7", "--referred-by", "me", "--manifest-id"];
  answerOf(
    await linkedclaw([...args, ...extra, "mft_1"], { env: { LINKEDCLAW_CHAIN_ID: "chn_1" } }),
  );
  const bodies = received.map(({ body }) => JSON.parse(body) as unknown);
  assert.deepEqual(bodies, [
    {
      agent_id: "agt_1",
      capability: "shout",
      input: { text: "hi" },
      manifest: { intention: "invoke: shout" },
      timeout_seconds: 60,
    },
    {
      agent_id: "agt_1",
      capability: "shout",
      input: { text: "hi" },
      manifest_id: "mft_1",
      max_credits: 0,
      timeout_seconds: 7,
      referred_by: "me",
    },
  ]);
  const [first, second] = received.map(({ headers }) => headers);
  assert.notEqual(first?.["idempotency-key"], second?.["idempotency-key"]);
  assert.equal(second?.["x-linkedclaw-chain-id"], "chn_1");
});

test("a manifest comes from the line, a file or stdin, and beats an intention", async (t) => {
  const { linkedclaw, received, home } = await withCloud(t, () => ({ body: DONE }));
  const file = join(home, "manifest.json");
  writeFileSync(file, '{"intention":"from a file"}');
  const args = ["invoke", "agt_1", "--capability", "shout", "--intention", "mine"];
  const run = (manifest: string, input = "") =>
    linkedclaw([...args, "--input", "{}", "--manifest", manifest], { input });
  answerOf(await run('{"intention":"from the line"}'));
  answerOf(await run(`@${file}`));
  answerOf(await run("-", '{"intention":"from stdin"}'));
  answerOf(await linkedclaw([...args, "--input", "-"], { input: '{"text":"from stdin"}' }));
  const said = received.map(({ body }) => JSON.parse(body).manifest.intention as string);
  assert.deepEqual(said, ["from the line", "from a file", "from stdin", "mine"]);
  assert.equal(JSON.parse(received[3]?.body ?? "").input.text, "from stdin");
  assert.equal(errorOf(await run("@/nowhere")).code, "file_not_found");
  errorOf(await run("{"), 2);
});

test("what is too much for a body is not read from stdin", async (t) => {
  const { linkedclaw, received } = await withCloud(t, () => ({ body: DONE }));
  const input = JSON.stringify({ text: "x".repeat(1_048_577) });
  const finished = await linkedclaw(["invoke", "agt_1", "--capability", "shout", "--input", "-"], {
    input,
  });
  assert.equal(errorOf(finished).code, "payload_too_large");
  assert.deepEqual(received, []);
});

test("where the line breaks in the middle, the error says how to ask for the same work", async (t) => {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeEarlyHints(
        { link: "</x>; rel=monitor", "x-linkedclaw-invoke-id": "inv_7" },
        () => setTimeout(() => request.socket.destroy(), 50),
      );
    });
  });
  const url = await listen(t, server);
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: url, LINKEDCLAW_API_KEY: KEY });
  const error = errorOf(
    await linkedclaw(["invoke", "agt_1", "--capability", "shout", "--input", "{}"]),
  );
  assert.equal(error.code, "relay_unreachable");
  assert.equal(error.invoke_id, "inv_7");
  assert.ok(error.hint?.includes(`--idempotency-key ${String(error.idempotency_key)}`));
});

test("reading is tried again where the line broke; doing is not", async (t) => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    if (request.method === "GET" && requests > 1) response.end('{"balance":1}');
    else request.socket.resetAndDestroy();
  });
  const url = await listen(t, server);
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: url, LINKEDCLAW_API_KEY: KEY });
  assert.deepEqual(answerOf(await linkedclaw(["credits"])), { balance: 1 });
  requests = 0;
  errorOf(await linkedclaw(["invoke", "agt_1", "--capability", "shout", "--input", "{}"]));
  assert.equal(requests, 1);
});

test("an id is one part of a path, whatever is in it", async (t) => {
  const { linkedclaw, received } = await withCloud(t, () => ({ body: {} }));
  await linkedclaw(["show", "../users/me?x=1#y"]);
  assert.equal(received[0]?.url.pathname, "/api/v1/agents/..%2Fusers%2Fme%3Fx%3D1%23y");
});

test("receipts are listed for work done, unless for work had done", async (t) => {
  const { linkedclaw, received } = await withCloud(t, () => ({
    body: { receipts: [], total_credits: 0 },
  }));
  answerOf(await linkedclaw(["receipts"]));
  answerOf(await linkedclaw(["receipts", "--role", "requester", "--limit", "5", "--cursor", "c"]));
  assert.deepEqual(
    received.map(({ url }) => url.search),
    ["?role=provider", "?role=requester&limit=5&cursor=c"],
  );
});
