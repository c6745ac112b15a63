/** `registration_session` against a whole server of ours: OpenMarlin contract §4, §10.1, R4. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isPythonMissing, runClient } from "../../../server/test/openmarlin/support.ts";
import { type Hall, inEachHall } from "../hall.ts";
import { type Answer, startCloud, until } from "../support.ts";
import { type Desk, desk } from "./scripts.ts";

const SLOWLY = ["--interval-seconds", "0.1", "--timeout-seconds", "120"];
const ID = /regsess_[\w-]+/;

inEachHall("an agent registers, and has a key that is stored", async (t, hall) => {
  await t.test("by a code that a person compares", () => byDevice(t, hall));
  await t.test("by a page that comes back", () => byBrowser(t, hall));
  await t.test("a registration that expires ends with 3", () => expires(t, hall));
  await t.test("a key is not lost where it cannot be stored", () => isNotLost(t, hall));
});

function at(t: TestContext, hall: Hall, env: Readonly<Record<string, string>> = {}): Desk {
  return desk(t, { OPENMARLIN_SERVER_URL: hall.server.url, ...env });
}

function approve(hall: Hall, code: string): Promise<unknown> {
  return hall.server.admin("POST", "/handoffs/approve", { code, email: "ada@example.org" });
}

async function byDevice(t: TestContext, hall: Hall): Promise<void> {
  const { registration, start, file, state } = at(t, hall);
  const created = await registration("create");
  assert.equal(created.code, 0, created.stderr);
  const [code = ""] = /\b[A-Z]+-[A-Z]+-\d\d\b/.exec(created.stdout) ?? [];
  const [id = ""] = ID.exec(created.stdout) ?? [];
  assert.match(
    created.stdout,
    /^Session ID: \S+\nState: pending_external_auth\nAuth flow: device\nProvider: workos\nCreated at: \S+\nExpires at: \S+\nHandoff type: device\nDevice code: \S+\nBrowser URL: \S+\nWaiting /,
  );
  assert.match(created.stdout, /No browser could be opened here\. Open this page in one: http/);
  assert.ok(created.stdout.includes(`- Use device code: ${code}\n`));
  const next = /^ {2}node (\S+registration_session\.mjs) watch --session-id (\S+)$/m.exec(
    created.stdout,
  );
  assert.ok(next && existsSync(next[1] ?? ""), created.stdout);
  assert.equal(next[2], id);

  const session = ["--session-id", id];
  assert.match((await registration("status", ...session)).stdout, /State: pending_external_auth/);
  const early = await registration("issue-api-key", ...session, "--store");
  assert.deepEqual([early.code, early.stdout], [1, ""]);
  assert.match(early.stderr, /^The registration is pending_external_auth; [^\n]*\n$/);
  const late = await registration("watch", ...session, "--timeout-seconds", "0");
  assert.deepEqual([late.code, late.stdout], [1, ""]);
  assert.match(
    late.stderr,
    /still pending_external_auth after 0 s\. To go on: node .* watch --session-id regsess_/,
  );

  const waiting = start("registration_session", ["bootstrap", ...session, "--store", ...SLOWLY]);
  await approve(hall, code);
  const { code: exit, stdout, stderr } = await waiting.finished;
  assert.deepEqual([exit, stderr], [0, ""]);
  const { profiles } = JSON.parse(file("auth-profiles.json"));
  const profile = profiles["openmarlin-platform:default"];
  assert.match(profile.key, /^claw_wsk_/);
  assert.ok(!stdout.includes(profile.key), "the key is not shown");
  assert.ok(stdout.includes(`Secret: claw_wsk_…${profile.key.slice(-4)}\n`), stdout);
  assert.ok(stdout.includes(`Stored:\n  Auth store: ${join(state, "auth-profiles.json")}\n`));
  assert.doesNotMatch(stdout, /Export:/);
  assert.match(
    stdout,
    /State: completed\n[\s\S]*Completion:\n {2}Account ID: acct_\w+\n {2}New account: true\n {2}Workspace ID: ws_\w+\n {2}Workspace: ada \(ada\)\n {2}Provider: workos\n/,
  );
  const { server_url, workspace_slug, label, status } = profile.metadata;
  assert.deepEqual(
    [server_url, workspace_slug, label, status],
    [hall.server.url, "ada", "OpenClaw bootstrap", "active"],
  );
  assert.equal(statSync(join(state, "auth-profiles.json")).mode & 0o777, 0o600);

  const again = await registration("issue-api-key", ...session);
  assert.equal(again.code, 1);
  assert.match(
    again.stderr,
    /^HTTP 409 api_key_already_issued POST http\S+: \{"error": "api_key_already_issued", "message": [^\n]*\}\n$/,
  );
  const done = await registration("watch", ...session, "--json");
  assert.deepEqual([done.code, done.json.state], [0, "completed"]);
}

async function byBrowser(t: TestContext, hall: Hall): Promise<void> {
  const one = at(t, hall);
  const browser = join(one.home, "browser");
  const opened = join(one.home, "opened");
  writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`);
  chmodSync(browser, 0o755);
  const args = ["create", "--auth-flow", "workos_callback"];
  const created = await one.run("registration_session", args, { BROWSER: browser });
  assert.match(created.stdout, /Handoff type: browser\nCallback state: \S+\nBrowser URL: /);
  assert.match(created.stdout, /A browser was opened at http/);
  assert.doesNotMatch(created.stdout, /device code/i);
  await until(() => existsSync(opened) && readFileSync(opened, "utf8") !== "", "it is opened");
  assert.ok(created.stdout.includes(`Browser URL: ${readFileSync(opened, "utf8")}\n`));
  const [id = ""] = ID.exec(created.stdout) ?? [];
  await approve(hall, id);

  const issued = await one.registration("issue-api-key", "--session-id", id, "--label", "");
  const [, secret = ""] = /^Secret: (claw_wsk_\w+)$/m.exec(issued.stdout) ?? [];
  assert.ok(issued.stdout.endsWith(`Export:\n  export OPENMARLIN_PLATFORM_API_KEY=${secret}\n`));
  assert.match(issued.stdout, /^Label: openmarlin-skill\/1\.0$/m, "named after what asked");
  assert.ok(!existsSync(one.state), "nothing was stored");
}

async function expires(t: TestContext, hall: Hall): Promise<void> {
  const { registration } = at(t, hall);
  const created = (await registration("create", "--json")).json;
  const id = created.registration_session_id;
  for (let count = 0; count < 10; count++) {
    const response = await fetch(`${hall.server.url}/v1/registration/sessions/${id}/api-keys`, {
      method: "POST",
      body: JSON.stringify({ device_code: "wrong" }),
    });
    await response.text();
  }
  const session = ["--session-id", id];
  for (const command of ["status", "watch"]) {
    const { code, json } = await registration(command, ...session, "--json");
    assert.deepEqual([code, json.state], [3, "expired"], command);
  }
  const late = await registration("bootstrap", ...session, "--json");
  assert.deepEqual([late.code, late.stdout], [1, ""]);
  assert.match(late.stderr, /^The registration has expired\. Start another: node /);
  const unknown = await registration("status", "--session-id", "regsess_nobody");
  assert.match(unknown.stderr, /^HTTP 404 registration_session_not_found GET /);
}

async function isNotLost(t: TestContext, hall: Hall): Promise<void> {
  const one = at(t, hall);
  writeFileSync(join(one.home, "file"), "");
  const created = (await one.registration("create", "--json")).json;
  await approve(hall, created.handoff.device_code);
  const session = ["--session-id", created.registration_session_id];
  const nowhere = { OPENCLAW_STATE_DIR: join(one.home, "file") };
  const bootstrap = ["bootstrap", ...session, "--store", "--json"];
  const failed = await one.run("registration_session", bootstrap, nowhere);
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /^\S+auth-profiles\.json cannot be [^\n]*\n$/);
  const { code, json } = await one.run("registration_session", bootstrap);
  assert.equal(code, 0, "the key was not fetched before, and is there still");
  assert.deepEqual(Object.keys(json), ["issued", "session", "stored"]);
  assert.match(json.issued.secret, /^claw_wsk_/);
  assert.deepEqual(json.stored, {
    auth_store_path: join(one.state, "auth-profiles.json"),
    ...{ profile_id: "openmarlin-platform:default", agent_id: "main" },
  });
}

test("--server-url stands before the command, and nowhere else", async (t) => {
  const one = desk(t);
  const { code, stderr } = await one.registration("create", "--server-url", "http://127.0.0.1:1");
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^usage: node scripts\/registration_session\.mjs \[--server-url URL\] create \[options\]\n/,
  );
  const cloud = await startCloud(t, () => ({
    body: { registration_session_id: "r", state: "expired" },
  }));
  const named = await one.registration(
    "--server-url",
    cloud.url,
    "status",
    "--session-id",
    "a/b c",
  );
  assert.equal(named.code, 3);
  assert.equal(cloud.received[0]?.url.pathname, "/v1/registration/sessions/a%2Fb%20c");
  assert.equal(cloud.received[0]?.headers.authorization, undefined);
});

test("a dry run of a registration starts none", async (t) => {
  const cloud = await startCloud(t, () => ({ body: { openapi: "3.1.0" } }));
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url });
  const { code, json } = await one.registration("create", "--dry-run", "--json");
  assert.equal(code, 0);
  assert.deepEqual(json, {
    ...{ ok: true, dry_run: true, command: "create", auth_flow: "device" },
    ...{ server_url: cloud.url, server_url_source: "process-env" },
    connectivity: { ok: true, url: `${cloud.url}/openapi.json`, status: 200 },
  });
  const watch = await one.registration("bootstrap", "--session-id", "r_1", "--dry-run", "--json");
  assert.equal(watch.json.session_id, "r_1");
  assert.ok(cloud.received.every(({ url }) => url.pathname === "/openapi.json"));
});

const PENDING = { registration_session_id: "regsess_1", state: "pending_external_auth" };
const DONE = {
  ...{ registration_session_id: "regsess_1", state: "completed" },
  handoff: { type: "device", device_code: "BLUE-FROG-12" },
};

test("only pages of the web are opened", async (t) => {
  for (const url of [
    "file:///etc/passwd",
    "javascript:alert(1)",
    "--help",
    "http://[",
    "https:evil",
  ]) {
    const handoff = { type: "browser", callback_state: "s", authorization_url: url };
    const cloud = await startCloud(t, () => ({ status: 201, body: { ...PENDING, handoff } }));
    const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url });
    const browser = join(one.home, "browser");
    writeFileSync(browser, `#!/bin/sh\ntouch '${join(one.home, "opened")}'\n`, { mode: 0o755 });
    const { code, stdout } = await one.run("registration_session", ["create"], {
      BROWSER: browser,
    });
    assert.equal(code, 0);
    assert.match(stdout, /no address of the web, and it was not opened/);
    assert.ok(!existsSync(join(one.home, "opened")), url);
  }
  const cloud = await startCloud(t, () => ({ status: 201, body: PENDING }));
  const { stdout } = await desk(t, { OPENMARLIN_SERVER_URL: cloud.url }).registration("create");
  assert.match(stdout, /Browser URL: <none given by the server>\n/);
});

// biome-ignore format: read as a table
const ANSWERS: readonly (readonly [string, readonly string[], Answer, RegExp])[] = [
  ["no session",           [],          { body: { state: "completed" } },                  /no registration session/],
  ["no key",               [],          { body: { secret: "claw_wsk_x" } },                /has no api_key/],
  ["a key without secret", ["--store"], { body: { api_key: { key_id: "key_1" } } },        /has no secret/],
];

for (const [what, flags, answer, why] of ANSWERS) {
  test(`a server that answers with ${what} is told as that`, async (t) => {
    const cloud = await startCloud(t, ({ method }) =>
      method === "POST" || what === "no session" ? answer : { body: DONE },
    );
    const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url });
    const args = ["issue-api-key", "--session-id", "regsess_1", ...flags];
    const { code, stdout, stderr } = await one.registration(...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, why);
  });
}

test("a secret that is no word of a shell's is one in the line that is to be copied", async (t) => {
  const secret = "a'; touch /tmp/owned; '";
  const cloud = await startCloud(t, ({ method }) =>
    method === "POST" ? { body: { api_key: {}, secret } } : { body: DONE },
  );
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url });
  const { stdout } = await one.registration("issue-api-key", "--session-id", "regsess_1");
  assert.ok(
    stdout.includes(`OPENMARLIN_PLATFORM_API_KEY='a'\\''; touch /tmp/owned; '\\'''\n`),
    stdout,
  );
});

inEachHall("what we stored, the Python client uses, and the other way round", async (t, hall) => {
  if (isPythonMissing(t)) return;
  const one = at(t, hall);
  const theirs = (...args: string[]) => runClient(hall.server, args, one.home);
  const register = async (run: (...args: string[]) => Promise<unknown>, profile: string) => {
    const created = (await one.registration("create", "--json")).json;
    await approve(hall, created.handoff.device_code);
    const session = ["--session-id", created.registration_session_id];
    await run("bootstrap", ...session, "--store", "--json", "--profile-id", profile);
  };
  await register((...args) => one.registration(...args), "ours");
  const ours = one.file("auth-profiles.json");
  await register((...args) => theirs(...args.filter((arg) => arg !== "--json")), "theirs");
  const { profiles } = JSON.parse(one.file("auth-profiles.json"));
  assert.deepEqual(Object.keys(profiles).sort(), ["ours", "theirs"]);
  assert.deepEqual(Object.keys(profiles.ours.metadata), Object.keys(profiles.theirs.metadata));
  assert.deepEqual(JSON.parse(ours).profiles.ours, profiles.ours);
  for (const profile of ["ours", "theirs"]) {
    const args = ["balance", "--dry-run", "--json", "--profile-id", profile];
    const { json } = await one.billing(...args);
    assert.equal(json.api_key_source, `auth-profiles:${join(one.state, "auth-profiles.json")}`);
  }
});
