/** Offering agents: listings as files, what is registered of them, how a daemon is told to be. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Answer, answerOf, errorOf, type Received, shell, startCloud } from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
const LISTING = `# what I offer
slug: shouter
agentName: Shouter
description: Loud.
capabilities: [shout, whisper]
capabilitiesMeta:
  shout:
    description: In capitals. # mine
  whisper:
    description: Softly.
    curve:
      - { tier_name: fine, quality: 0.9, cost_shape: per_call, cost_amount: 7 }
`;

async function provider(t: TestContext, answer: (received: Received) => Answer | undefined) {
  const cloud = await startCloud(t, answer);
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const directory = join(one.config, "providers");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "shouter.yaml");
  writeFileSync(file, LISTING);
  return { ...cloud, ...one, directory, file };
}

test("a listing is registered in snake_case, and its file remembers the agent", async (t) => {
  const { linkedclaw, received, file } = await provider(t, () => ({ body: { agent_id: "agt_9" } }));
  const finished = await linkedclaw(["provider", "register", "shouter"]);
  assert.deepEqual(answerOf(finished), { agent_id: "agt_9" });
  const [request] = received;
  assert.deepEqual([request?.method, request?.url.pathname], ["POST", "/api/v1/agents"]);
  const body = JSON.parse(request?.body ?? "");
  assert.deepEqual(Object.keys(body), [
    "slug",
    "agent_name",
    "description",
    "capabilities",
    "capabilities_meta",
  ]);
  assert.equal(body.capabilities_meta.shout.description, "In capitals.");
  assert.match(finished.stderr, /"code":"free".*shout will be FREE/);
  assert.equal(
    readFileSync(file, "utf8"),
    `${LISTING.replace("[shout, whisper]", "[ shout, whisper ]")}agentId: agt_9\n`,
  );

  answerOf(await linkedclaw(["provider", "register", file]));
  assert.deepEqual(
    [received[1]?.method, received[1]?.url.pathname],
    ["PATCH", "/api/v1/agents/agt_9"],
  );
});

test("a name in a listing that nobody reads is warned of", async (t) => {
  const { linkedclaw, file } = await provider(t, () => ({ body: { agent_id: "agt_9" } }));
  writeFileSync(file, `${LISTING}capabilites_meta: {}\nmaxConcurrentRuns: 2\n`);
  const finished = await linkedclaw(["provider", "register", file, "--pricing", "5 per_call"]);
  answerOf(finished);
  const { code, message } = JSON.parse(finished.stderr) as { code: string; message: string };
  assert.deepEqual([code, message], ["unread", "Nobody reads capabilites_meta: is it misspelt?"]);
});

test("a price on the command line is for what has none, and stays in the file", async (t) => {
  const { linkedclaw, received, file } = await provider(t, () => ({ body: { agent_id: "agt_9" } }));
  const args = ["provider", "register", "shouter"];
  const finished = await linkedclaw([...args, "--pricing", "50 per_call"]);
  answerOf(finished);
  assert.equal(finished.stderr, "", "nothing is free");
  answerOf(await linkedclaw(args));
  for (const { body } of received) {
    const { shout, whisper } = JSON.parse(body).capabilities_meta;
    const tier = { tier_name: "standard", quality: 1, cost_shape: "per_call", cost_amount: 50 };
    assert.deepEqual(shout.curve, [tier]);
    assert.equal(whisper.curve[0].cost_amount, 7);
  }
  assert.match(readFileSync(file, "utf8"), /description: In capitals\. # mine/);
});

test("a listing on stdin is registered, and nothing is written", async (t) => {
  const { linkedclaw, received, file } = await provider(t, () => ({ body: { agent_id: "agt_9" } }));
  answerOf(await linkedclaw(["provider", "register", "-"], { input: LISTING }));
  assert.equal(JSON.parse(received[0]?.body ?? "").slug, "shouter");
  assert.equal(readFileSync(file, "utf8"), LISTING);
});

test("what is no listing is refused before anybody is asked", async (t) => {
  const { linkedclaw, received } = await provider(t, () => ({}));
  const register = (input: string) => linkedclaw(["provider", "register", "-"], { input });
  for (const text of ["[]", "slug: Not A Slug", "agentName: x", "a: [", "slug: x\nslug: y"]) {
    assert.equal(errorOf(await register(text)).code, "invalid_listing", text);
  }
  const nobody = await linkedclaw(["provider", "register", "nobody"]);
  assert.equal(errorOf(nobody).code, "file_not_found");
  for (const price of ["free", "50", "-1 per_call", "1.5 per_call", "5 per_hour"]) {
    errorOf(await linkedclaw(["provider", "register", "shouter", "--pricing", price]), 2);
  }
  assert.deepEqual(received, []);
});

test("a refused registration leaves the file as it was", async (t) => {
  const { linkedclaw, file } = await provider(t, () => ({
    status: 409,
    body: { detail: "This slug is taken.", code: "slug_taken" },
  }));
  const finished = await linkedclaw(["provider", "register", "shouter", "--pricing", "5 per_call"]);
  assert.equal(errorOf(finished).code, "slug_taken");
  assert.equal(readFileSync(file, "utf8"), LISTING);
});

test("an update sends the fields it is given", async (t) => {
  const { linkedclaw, received } = await provider(t, () => ({ body: { agent_id: "agt_9" } }));
  answerOf(await linkedclaw(["provider", "update", "agt_9", "--body", '{"description":"x"}']));
  answerOf(await linkedclaw(["provider", "update", "agt_9", "--body", "-"], { input: "{}" }));
  errorOf(await linkedclaw(["provider", "update", "agt_9", "--body", "[]"]), 2);
  assert.deepEqual(
    received.map(({ method, body }) => [method, body]),
    [
      ["PATCH", '{"description":"x"}'],
      ["PATCH", "{}"],
    ],
  );
});

test("own listings are asked for, online or not", async (t) => {
  const { linkedclaw, received } = await provider(t, () => ({ body: [] }));
  assert.deepEqual(answerOf(await linkedclaw(["provider", "listings"])), []);
  assert.equal(received[0]?.url.search, "?owner=me&status=all");
});

test("a daemon needs an agent, a key and exactly one handler", async (t) => {
  const { linkedclaw } = await provider(t, () => ({}));
  const run = (...more: string[]) => linkedclaw(["provider", "run", "shouter", ...more]);
  assert.equal(errorOf(await run(), 2).code, "config_error");
  assert.equal(errorOf(await run("--handler-cmd", "cat")).code, "provider_unconfigured");
  errorOf(await run("--handler-cmd", "cat", "--max-concurrent-runs", "0"), 2);
});

const status = (slug: string, fields: object) => JSON.stringify({ slug, ...fields });

test("status tells a daemon that lives from one that died without a word", async (t) => {
  const seen = { agent_id: "agt_9", status: "online", last_heartbeat_at: "2026-01-01T00:00:00Z" };
  const { linkedclaw, directory, file } = await provider(t, () => ({ body: seen }));
  writeFileSync(file, `${LISTING}agentId: agt_9\n`);
  const statusFile = join(directory, "shouter.status.json");
  const daemon = async () => {
    const [one] = answerOf(await linkedclaw(["provider", "status"])) as Record<string, unknown>[];
    assert.deepEqual([one?.slug, one?.cloud_status], ["shouter", "online"]);
    return one?.daemon;
  };
  assert.equal(await daemon(), "never started");
  const now = new Date().toISOString();
  writeFileSync(
    statusFile,
    status("shouter", { pid: process.pid, updated_at: now, ws_state: "online" }),
  );
  assert.equal(await daemon(), "running");
  writeFileSync(
    statusFile,
    status("shouter", { pid: 2 ** 22 + 1, updated_at: now, ws_state: "online" }),
  );
  assert.equal(await daemon(), "silent", "its process is gone");
  const long = "2020-01-01T00:00:00Z";
  writeFileSync(
    statusFile,
    status("shouter", { pid: process.pid, updated_at: long, ws_state: "online" }),
  );
  assert.equal(await daemon(), "silent", "it has not written for long");
  writeFileSync(
    statusFile,
    status("shouter", { pid: process.pid, updated_at: now, ws_state: "stopped" }),
  );
  assert.equal(await daemon(), "stopped");
  writeFileSync(statusFile, "{half");
  assert.equal(await daemon(), "never started");
});

test("status shows what daemons say of themselves also where no server answers", async (t) => {
  const { linkedclaw, file } = await provider(t, () => undefined);
  writeFileSync(file, `${LISTING}agentId: agt_9\n`);
  const finished = await linkedclaw(["provider", "status", "shouter"], {
    env: { LINKEDCLAW_CLOUD_URL: "http://127.0.0.1:1" },
  });
  const [one] = answerOf(finished) as { cloud_error: { code: string } }[];
  assert.equal(one?.cloud_error.code, "relay_unreachable");
});
