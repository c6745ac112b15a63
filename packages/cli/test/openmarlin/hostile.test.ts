/** Servers that are none, or mean ill: clear words, the right exit code, and a key that goes nowhere else. */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { type TestContext, test } from "node:test";
import { type Answer, listen, startCloud } from "../support.ts";
import { desk, KEY } from "./scripts.ts";

/** One command of each kind, and what they have in common: they need an answer. */
const COMMANDS = [
  ["registration_session", ["status", "--session-id", "regsess_1"]],
  ["platform_request", ["executions", "--body-json", '{"instruction":"x"}']],
  ["platform_request", ["tasks-watch", "--task-id", "task_1"]],
  ["platform_request", ["models"]],
  ["billing", ["create-topup", "--amount", "1"]],
  ["billing", ["activity"]],
] as const;

/** Runs each command against a server, and gives what each said in its one line. */
async function oneLineOfEach(t: TestContext, url: string, env = {}): Promise<string[]> {
  const one = desk(t, { OPENMARLIN_SERVER_URL: url, OPENMARLIN_PLATFORM_API_KEY: KEY, ...env });
  const lines: string[] = [];
  for (const [script, args] of COMMANDS) {
    const { code, stdout, stderr } = await one.run(script, args);
    assert.deepEqual([code, stdout], [1, ""], `${args[0]}: ${stderr}`);
    assert.match(stderr, /^[^\n]+\n$/, args[0]);
    assert.ok(stderr.length < 10_000, args[0]);
    assert.doesNotMatch(stderr, /native code/);
    lines.push(stderr);
  }
  return lines;
}

const PAGE = `<!doctype html><title>Sign in to the network</title>${"<p>Welcome</p>".repeat(1000)}`;

const refusing: readonly (readonly [string, Answer, RegExp])[] = [
  ["a page", { headers: { "content-type": "text/html" }, body: PAGE }, /bytes of text\/html/],
  [
    "a page with an error",
    { status: 502, headers: { "content-type": "text/html" }, body: PAGE },
    /HTTP 502 .*bytes of text\/html/,
  ],
  ["an error without a word", { status: 500, body: "" }, /HTTP 500 .*nothing/],
  [
    "an error without end",
    { status: 400, body: { error: "e".repeat(100_000), message: "m".repeat(1_000_000) } },
    /HTTP 400 e+…/,
  ],
  [
    "an error by a name of ours",
    { status: 400, body: { error: "constructor" } },
    /HTTP 400 constr/,
  ],
  ["a list", { body: [] }, /not with a JSON object|without/],
  ["an error as an object", { status: 400, body: { error: { code: "x" } } }, /HTTP 400 /],
];

for (const [what, answer, why] of refusing) {
  test(`a server that answers with ${what} is told in one line`, async (t) => {
    const cloud = await startCloud(t, ({ url }) =>
      // Whatever an execution answers with is its answer, unless it is a page.
      what === "a list" && url.pathname === "/v1/executions" ? { status: 500 } : answer,
    );
    for (const line of await oneLineOfEach(t, cloud.url)) {
      if (what !== "a list") assert.match(line, why);
      assert.doesNotMatch(line, /<p>|Welcome/);
    }
  });
}

test("where a server leads elsewhere nobody follows, with a key least of all", async (t) => {
  const elsewhere = await startCloud(t, () => ({}));
  for (const status of [301, 302, 303, 307, 308]) {
    const headers = { location: `${elsewhere.url}/v1/stolen` };
    const cloud = await startCloud(t, () => ({ status, headers, body: "" }));
    const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
    const { code, stderr } = await one.platform("models");
    assert.equal(code, 1);
    assert.match(stderr, /^HTTP 3\d\d GET [^\n]*redirects are not followed\.\n$/);
  }
  const cloud = await startCloud(t, () => ({ status: 302, headers: { location: elsewhere.url } }));
  for (const line of await oneLineOfEach(t, cloud.url)) assert.match(line, /are not followed/);
  assert.deepEqual(elsewhere.received, []);
});

async function withServer(t: TestContext, listener: RequestListener): Promise<string> {
  return listen(t, createServer(listener));
}

test("a server that never answers, or never ends, is not waited for without end", async (t) => {
  const soon = { OPENMARLIN_REQUEST_TIMEOUT_SECONDS: "0.5" };
  const silent = await withServer(t, () => undefined);
  for (const line of await oneLineOfEach(t, silent, soon)) assert.match(line, /no end in 0\.5 s/);
  const endless = await withServer(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write(": still here\n\n"), 20);
    response.on("close", () => clearInterval(timer));
  });
  for (const line of await oneLineOfEach(t, endless, soon)) assert.match(line, /no end in 0\.5 s/);
});

test("an answer of any size is not taken in", async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, "x");
  const flood = await withServer(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", more);
    more();
  });
  for (const line of await oneLineOfEach(t, flood)) assert.match(line, /more than 33554432 bytes/);
});

test("a connection that is cut, before or within an answer, is told as that", async (t) => {
  const cut = await withServer(t, (_, response) => response.destroy());
  const one = desk(t, { OPENMARLIN_SERVER_URL: cut, OPENMARLIN_PLATFORM_API_KEY: KEY });
  assert.match((await one.platform("models")).stderr, /^No server answers at [^\n]*cut\.\n/);
  const half = await withServer(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": 100 });
    response.write('{"data":[');
    setTimeout(() => response.destroy(), 50);
  });
  const other = desk(t, { OPENMARLIN_SERVER_URL: half, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const { code, stdout, stderr } = await other.platform("models");
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /cut|aborted/);
});

const ESCAPES = "\u001b]0;owned\u0007\u001b[2J\u202e\r\u009b31m";

test("what a server says neither drives the terminal nor breaks a line", async (t) => {
  const cloud = await startCloud(t, ({ url, method }) =>
    url.pathname.endsWith("models")
      ? { status: 400, body: { error: `bad\n${ESCAPES}`, message: `a\nb${ESCAPES}` } }
      : {
          body: {
            ...{ registration_session_id: `x${ESCAPES}\ny`, state: "completed" },
            ...{ topup_session_id: `t${ESCAPES}`, workspace_id: "ws_1", status: ESCAPES },
            handoff: { type: "device", device_code: `c${ESCAPES}` },
            method,
          },
        },
  );
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const said = await Promise.all([
    one.platform("models"),
    one.registration("status", "--session-id", "x"),
    one.billing("create-topup", "--amount", "1"),
    one.billing("status", "--session-id", "t", "--json"),
  ]);
  for (const { stdout, stderr } of said) {
    const shown = stdout + stderr;
    assert.deepEqual(
      [..."\u001b\u0007\u202e\r\u009b"].filter((sign) => shown.includes(sign)),
      [],
    );
  }
  assert.equal(said[0]?.stderr.split("\n").length, 2);
  assert.match(said[1]?.stdout ?? "", /^Session ID: x\S* y$/m);
});

test("a key that a server says back is not shown", async (t) => {
  const cloud = await startCloud(t, ({ url }) =>
    url.pathname.endsWith("models")
      ? { status: 401, body: { error: "invalid_api_key", message: `Not ${KEY}.` } }
      : { body: { request_id: "r", output: `you sent ${KEY}` } },
  );
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const body = ["--body-json", '{"instruction":"x"}'];
  const said = await Promise.all([
    one.platform("models"),
    one.platform("models", "--json"),
    one.platform("executions", ...body),
    one.platform("executions", ...body, "--json"),
    one.platform("executions", ...body, "--dry-run"),
    one.billing("balance", "--nonsense", KEY),
    one.billing("balance", `--api-key${KEY}`),
    one.billing(KEY),
  ]);
  for (const { stdout, stderr } of said) {
    assert.notEqual(stdout + stderr, "");
    assert.doesNotMatch(stdout + stderr, /KeyThatNobody/);
  }
  assert.match(said[2]?.stdout ?? "", /claw_wsk_\\u2026ijkl/);
  assert.equal(said[3]?.json.response.output, "you sent claw_wsk_…ijkl");
});

test("whoever stops reading early sees no error", async (t) => {
  const data = Array.from({ length: 20_000 }, (_, index) => ({
    id: `a/model-${index}`,
    providers: [{ provider_id: "node-a", model_providers: [] }],
  }));
  const cloud = await startCloud(t, () => ({ body: { data } }));
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const { child, finished } = one.start("platform_request", ["models"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  assert.equal((await finished).stderr, "");
});

test("an answer that is large is printed whole", async (t) => {
  const output = "é".repeat(3_000_000);
  const cloud = await startCloud(t, () => ({ body: { request_id: "r", output } }));
  const one = desk(t, { OPENMARLIN_SERVER_URL: cloud.url, OPENMARLIN_PLATFORM_API_KEY: KEY });
  const { json } = await one.platform("executions", "--body-json", '{"instruction":"x"}', "--json");
  assert.equal(json.response.output, output);
});
