/** Where the scripts learn what they are told: OpenMarlin contract §3.1, R1. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startMarlin } from "./marlin.ts";
import { desk, KEY } from "./scripts.ts";

function configure(home: string, entry: unknown): string {
  mkdirSync(join(home, ".openclaw"), { recursive: true });
  const path = join(home, ".openclaw", "openclaw.json");
  writeFileSync(path, JSON.stringify({ skills: { entries: { openmarlin: entry } } }));
  return path;
}

/** What a dry run of `models` says, which asks nobody for anything. */
async function preview(one: ReturnType<typeof desk>, args: readonly string[], env = {}) {
  return one.run("platform_request", ["models", "--dry-run", "--json", ...args], env);
}

test("a flag comes before the environment, that before the configuration, that before what is built in", async (t) => {
  const one = desk(t);
  const built = (await preview(one, [])).json;
  assert.deepEqual(
    [built.server_url, built.server_url_source],
    ["http://127.0.0.1:8787", "built-in-default"],
  );
  const env = {
    OPENMARLIN_SERVER_URL: "http://127.0.0.1:1",
    OPENMARLIN_DEFAULT_PROVIDER_ID: "node-c",
    OPENMARLIN_DEFAULT_ROUTING_LABELS: '{"a":"b"}',
    OPENMARLIN_PLATFORM_API_KEY: KEY,
  };
  const path = configure(one.home, { apiKey: "claw_wsk_legacy", env });
  const configured = (await preview(one, [])).json;
  const source = `openclaw-config:${path}`;
  assert.deepEqual(
    [configured.server_url, configured.server_url_source, configured.api_key_source],
    ["http://127.0.0.1:1", source, "env-or-flag"],
  );
  assert.deepEqual(
    [configured.provider_override, configured.provider_source, configured.labels],
    ["node-c", source, { a: "b" }],
  );
  const inEnv = {
    OPENMARLIN_SERVER_URL: " http://127.0.0.1:2/ ",
    OPENMARLIN_DEFAULT_PROVIDER_ID: " ",
  };
  const told = (await preview(one, [], inEnv)).json;
  assert.deepEqual(
    [told.server_url, told.server_url_source],
    ["http://127.0.0.1:2", "process-env"],
  );
  assert.equal(told.provider_override, "node-c", "a blank variable is none");
  const flagged = (await preview(one, ["--server-url", "http://127.0.0.1:3"], inEnv)).json;
  assert.deepEqual(
    [flagged.server_url, flagged.server_url_source],
    ["http://127.0.0.1:3", "flag-or-arg"],
  );
});

test("a configuration that cannot be read is none, and a key beside env is none either", async (t) => {
  const one = desk(t);
  const path = configure(one.home, { apiKey: "claw_wsk_legacy" });
  assert.equal((await preview(one, [])).json.api_key_source, null);
  writeFileSync(path, "{ // not JSON");
  assert.equal((await preview(one, [])).json.server_url_source, "built-in-default");
});

test("OPENCLAW_STATE_DIR moves the files, and not the configuration", async (t) => {
  const one = desk(t, { OPENCLAW_STATE_DIR: "~/elsewhere" });
  const { json } = await preview(one, []);
  assert.ok(
    json.api_key_error.includes(join(one.home, "elsewhere/agents/main/agent/auth-profiles.json")),
  );
  configure(one.home, { env: { OPENMARLIN_SERVER_URL: "http://127.0.0.1:9" } });
  assert.equal((await preview(one, [])).json.server_url, "http://127.0.0.1:9");
});

// biome-ignore format: read as a table
const ADDRESSES = [
  ["http://127.0.0.1:1/v1",         /like http:\/\/127\.0\.0\.1:1\./],
  ["https://a.example/?x=1",        /like https:\/\/a\.example\./],
  ["https://a.example/#x",          /like https:\/\/a\.example\./],
  ["https://me:pw@a.example",       /like https:\/\/a\.example\./],
  ["https://a.example\\@b.example", /bare origin/],
  ["ftp://a.example",               /bare origin/],
  ["a.example",                     /bare origin/],
  ["http://",                       /bare origin/],
  ["http://a b",                    /bare origin/],
  ["https://OpenMarlin.ai",         /website/],
  ["http://openmarlin.ai/",         /website/],
] as const;

test("an address that is more than an origin is refused, and a key goes nowhere", async (t) => {
  const one = desk(t);
  for (const [address, why] of ADDRESSES) {
    const args = ["models", "--server-url", address, "--api-key", KEY];
    const { code, stdout, stderr } = await one.platform(...args);
    assert.deepEqual([code, stdout], [1, ""], address);
    assert.match(stderr, why);
    assert.equal(stderr.split("\n").length, 2, stderr);
    assert.doesNotMatch(stderr, /pw@/);
  }
  const { code } = await one.registration("--server-url", "http://127.0.0.1:1/v1", "create");
  assert.equal(code, 1);
});

test("where nobody answers it is told which server that was, and how another is named", async (t) => {
  const one = desk(t, {
    OPENMARLIN_PLATFORM_API_KEY: KEY,
    OPENMARLIN_SERVER_URL: "http://127.0.0.1:1",
  });
  for (const { code, stdout, stderr } of await Promise.all([
    one.platform("models", "--json"),
    one.billing("activity"),
    one.registration("create"),
  ])) {
    assert.deepEqual([code, stdout], [1, ""]);
    const [first, ...help] = stderr.split("\n");
    assert.equal(first, "No server answers at http://127.0.0.1:1: the connection was refused.");
    assert.match(
      help.join("\n"),
      /http:\/\/127\.0\.0\.1:1 \(process-env\)[\s\S]*http:\/\/127\.0\.0\.1:8787[\s\S]*openclaw\.json/,
    );
  }
});

test("labels of the settings that are none, and agents that lead elsewhere, are refused", async (t) => {
  const marlin = await startMarlin(t);
  const one = desk(t, { OPENMARLIN_SERVER_URL: marlin.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const body = ["executions", "--body-json", '{"instruction":"x"}'];
  for (const labels of ["[]", "{", '{"a":1}', '{"a":" "}', '{" ":"a"}', "tier=basic"]) {
    const env = { OPENMARLIN_DEFAULT_ROUTING_LABELS: labels };
    const { code, stderr } = await one.run("platform_request", body, env);
    assert.equal(code, 1, labels);
    assert.match(stderr, /^OPENMARLIN_DEFAULT_ROUTING_LABELS \(process-env\) has to be [^\n]*\n$/);
  }
  await refusesAgents(t, one);
  assert.deepEqual(marlin.received, []);
});

async function refusesAgents(_: TestContext, one: ReturnType<typeof desk>): Promise<void> {
  for (const agent of ["..", "../../x", "a/b", "a\\b"]) {
    const { code, stderr } = await one.billing("history", "--agent-id", agent);
    assert.equal(code, 1, agent);
    assert.match(stderr, /is no name of an agent/);
  }
}

test("a key with something in it that could end a header is none", async (t) => {
  const marlin = await startMarlin(t);
  const one = desk(t, { OPENMARLIN_SERVER_URL: marlin.url });
  for (const key of ["claw_wsk_a\r\nx: y", "claw wsk", "claw_wsk_ü"]) {
    const { code, stderr } = await one.billing("balance", "--api-key", key);
    assert.equal(code, 1);
    assert.equal(stderr, "The API key has characters in it that no key has.\n");
  }
  assert.deepEqual(marlin.received, []);
});

test("every command explains itself", async (t) => {
  const one = desk(t);
  const programs = {
    registration_session: ["create", "status", "watch", "issue-api-key", "bootstrap"],
    platform_request: ["executions", "tasks-submit", "tasks-status", "tasks-watch", "models"],
    billing: [
      ...["explain-402", "create-topup", "balance", "history", "activity", "referral-link"],
      ...["status", "watch"],
    ],
  } as const;
  for (const [program, commands] of Object.entries(programs)) {
    const name = program as keyof typeof programs;
    const whole = await one.run(name, ["--help"]);
    assert.equal(whole.code, 0);
    for (const command of commands) {
      assert.match(whole.stdout, new RegExp(`^  ${command} `, "m"));
      const { code, stdout, stderr } = await one.run(name, [command, "-h"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /--json/);
    }
  }
});
