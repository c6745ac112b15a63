/** How every command speaks: LinkedClaw contract §9.1. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, errorOf, shell, startCloud } from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";
const CREDITS = { balance: 100, escrowed: 25, available: 75, currency: "credits" };

test("the last word of --version is the version", async (t) => {
  const { linkedclaw, guildhall } = shell(t);
  for (const run of [linkedclaw, guildhall]) {
    const { code, stdout } = await run(["--version"]);
    assert.equal(code, 0);
    assert.match(stdout.trim().split(/\s+/).at(-1) ?? "", /^\d+\.\d+\.\d+$/);
  }
});

test("every command explains itself, and its global options", async (t) => {
  const { guildhall } = shell(t);
  for (const args of [[], ["search"], ["provider", "run"], ["admin", "member", "create"]]) {
    const { code, stdout, stderr } = await guildhall([...args, "--help"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Usage: guildhall/);
    assert.match(stdout, /--human/);
    assert.equal(stderr, "");
  }
});

test("help shows a default as it is typed, and how the main commands are used", async (t) => {
  const { guildhall } = shell(t);
  for (const args of [["gig-task", "wait"], ["admin", "upstream", "add"], ["invoke"], ["search"]]) {
    const { stdout } = await guildhall([...args, "--help"]);
    assert.doesNotMatch(stdout, /default: [[{]/, args.join(" "));
    assert.match(stdout, /Examples:/, args.join(" "));
  }
});

// biome-ignore format: read as a table
const MISTAKES = [
  [ "an unknown command",           ["broadcast"],                                    /unknown command/ ],
  [ "an unknown subcommand",        ["provider", "walk"],                             /unknown command/ ],
  [ "no command",                   [],                                               /no command/ ],
  [ "no subcommand",                ["config"],                                       /no command/ ],
  [ "an unknown option",            ["credits", "--nonsense"],                        /unknown option/ ],
  [ "an argument too many",         ["credits", "more"],                              /too many arguments/ ],
  [ "an argument that is missing",  ["show"],                                         /missing required argument/ ],
  [ "an option that is missing",    ["invoke", "agt_x", "--input", "{}"],             /--capability/ ],
  [ "neither slug nor intent",      ["search"],                                       /capability, or --intent/ ],
  [ "an unknown order",             ["search", "x", "--sort", "size"],                /choices/ ],
  [ "an unknown state of a session", ["sessions", "list", "--status", "bogus"],       /choices are pending/ ],
  [ "an unknown state of a task",   ["gig-task", "list", "--status", "bogus"],        /choices are open/ ],
  [ "a limit that is no number",    ["search", "x", "--limit", "ten"],                /whole number/ ],
  [ "a limit below zero",           ["search", "x", "--limit", "-1"],                 /whole number/ ],
  [ "a timeout that is too short",  ["invoke", "a", "--capability", "c", "--input", "{}", "--timeout", "4"],   /from 5 to 300/ ],
  [ "a timeout that is too long",   ["invoke", "a", "--capability", "c", "--input", "{}", "--timeout", "301"], /from 5 to 300/ ],
  [ "both kinds of manifest",       ["invoke", "a", "--capability", "c", "--input", "{}", "--manifest", "{}", "--manifest-id", "mft_x"], /cannot be used with/ ],
  [ "an input that is no JSON",     ["invoke", "a", "--capability", "c", "--input", "{"],  /not JSON/ ],
  [ "an input that is no object",   ["invoke", "a", "--capability", "c", "--input", "[]"], /JSON object/ ],
  [ "two ways to log in",           ["login", "--device", "--paste"],                 /cannot be used with/ ],
  [ "both kinds of handler",        ["provider", "run", "x", "--handler-cmd", "a", "--handler-http", "http://b"], /mutually exclusive/ ],
  [ "a name in another spelling",   ["config", "set", "cloud_url", "http://127.0.0.1:1"], /not the name of a value/ ],
  [ "a server that is no address",  ["credits", "--cloud-url", "nowhere"],            /not the address of a server/ ],
] as const;

for (const [what, args, message] of MISTAKES) {
  test(`${what} is a mistake of the command line: exit code 2`, async (t) => {
    const finished = await shell(t).linkedclaw(args);
    assert.match(errorOf(finished, 2).message, message);
    assert.equal(finished.stderr.split("\n").length, 2, "stderr is one line");
  });
}

test("a slip of the finger is answered with the command that was meant", async (t) => {
  const { linkedclaw } = shell(t);
  assert.equal(errorOf(await linkedclaw(["serch", "x"]), 2).hint, "Did you mean search?");
  assert.match(errorOf(await linkedclaw(["invok"]), 2).hint ?? "", /invoke/);
});

test("without a key a command fails before it asks anybody", async (t) => {
  const cloud = await startCloud(t, () => ({}));
  const { linkedclaw, config } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url });
  for (const args of [["whoami"], ["credits"], ["search", "x"]]) {
    const error = errorOf(await linkedclaw(args));
    assert.equal(error.code, "invalid_api_key");
    assert.match(error.hint ?? "", /login/);
  }
  const { config_exists, config_path } = errorOf(await linkedclaw(["whoami"]));
  assert.deepEqual([config_exists, config_path], [false, `${config}/config.yaml`]);
  assert.deepEqual(cloud.received, []);
});

test("an answer is one line of JSON, or a page for people", async (t) => {
  const cloud = await startCloud(t, () => ({ body: CREDITS }));
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  assert.deepEqual(answerOf(await linkedclaw(["credits"])), CREDITS);
  assert.equal(cloud.received[0]?.headers.authorization, `Bearer ${KEY}`);
  const { stdout, stderr } = await linkedclaw(["credits", "--human"]);
  assert.equal(stdout, "available  75 credits\nheld       25 credits\nbalance    100 credits\n");
  assert.equal(stderr, "");
});

test("a line of JSON stays one for readers that take U+2028 for its end", async (t) => {
  const cloud = await startCloud(t, () => ({ body: { text: "a\u2028b\u009bc\nd" } }));
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const finished = await linkedclaw(["credits"]);
  assert.deepEqual(answerOf(finished), { text: "a\u2028b\u009bc\nd" });
  assert.doesNotMatch(finished.stdout, /[\u2028\u009b]/);
});

// biome-ignore format: read as a table
const REFUSALS = [
  // body                                                                    code                  why
  [ { detail: "No.", code: "ceiling_exceeded", chain_id: "chn_1" },          "ceiling_exceeded",   "code" ],
  [ { detail: "No.", error_code: "resume_window_exceeded" },                 "resume_window_exceeded", "error_code" ],
  [ { detail: { code: "x", message: "No." } },                               "x",                  "code in detail" ],
  [ { error: { code: "conflict", message: "No." } },                         "conflict",           "our own API's" ],
  [ { error: "invalid_grant", error_description: "No." },                    "invalid_grant",      "OAuth's" ],
  [ { detail: "No." },                                                       "http_402",           "none" ],
] as const;

for (const [body, code, why] of REFUSALS) {
  test(`a server's refusal is passed on by its code: ${why}`, async (t) => {
    const headers = { "retry-after": "7" };
    const cloud = await startCloud(t, () => ({ status: 402, headers, body }));
    const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
    const error = errorOf(await linkedclaw(["credits"]));
    assert.equal(error.code, code);
    assert.equal(error.message, "No.");
    assert.deepEqual([error.http_status, error.request_id, error.retry_after], [402, "req_1", 7]);
    if ("chain_id" in body) assert.equal(error.chain_id, body.chain_id);
  });
}

test("an answer that is no JSON is not taken for one", async (t) => {
  const cloud = await startCloud(t, () => ({ body: "<html>a proxy</html>" }));
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  assert.equal(errorOf(await linkedclaw(["credits"])).code, "bad_response");
});

test("where no server answers, the error says where, why, and what to do", async (t) => {
  const { linkedclaw } = shell(t, { LINKEDCLAW_API_KEY: KEY });
  const error = errorOf(await linkedclaw(["credits", "--cloud-url", "http://127.0.0.1:1"]));
  assert.equal(error.code, "relay_unreachable");
  assert.match(error.message, /127\.0\.0\.1:1.*refused/);
  assert.match(error.hint ?? "", /flag.*npm start/);
});

test("--verbose shows each answer's X-Request-ID", async (t) => {
  const cloud = await startCloud(t, () => ({ body: CREDITS }));
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const finished = await linkedclaw(["credits", "--verbose"]);
  answerOf(finished);
  const { event, request_id, status } = JSON.parse(finished.stderr);
  assert.deepEqual([event, request_id, status], ["answered", "req_1", 200]);
});

test("no key is ever shown, wherever a server or a mistake puts it", async (t) => {
  const other = "gld_0123456789abcdefghijABCDEFGHIJ";
  const cloud = await startCloud(t, ({ url }) =>
    url.pathname.endsWith("credits")
      ? { body: { echoed: KEY, other, nested: { text: `x ${KEY} y` } } }
      : { status: 400, body: { detail: `bad key ${KEY}`, code: "bad", key: KEY } },
  );
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const commands = [
    ["credits"],
    ["credits", "--human"],
    ["whoami", "--verbose"],
    ["whoami", "--human"],
    ["config", "show"],
    ["config", "show", "--human"],
    ["show", KEY],
    ["nonsense", KEY],
    ["login", `--api-key=${KEY}`, "--nonsense"],
    ["login", "--api-key", KEY],
    ["credits", "--cloud-url", `http://127.0.0.1:1/${KEY}`],
  ];
  for (const finished of await Promise.all(commands.map((args) => linkedclaw(args)))) {
    const said = finished.stdout + finished.stderr;
    assert.notEqual(said, "");
    assert.doesNotMatch(said, /aVeryLong|0123456789abcdefghij/);
  }
});

test("a short key is not shown either", async (t) => {
  const cloud = await startCloud(t, () => ({ status: 401, body: { detail: "lc_short is bad" } }));
  const { linkedclaw } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url });
  const { stdout, stderr } = await linkedclaw(["login", "--api-key", "lc_short"]);
  assert.doesNotMatch(stdout + stderr, /lc_short/);
});

test("whoever stops reading early sees no error", async (t) => {
  const cards = Array.from({ length: 50 }, () => ({ description: "x".repeat(20_000) }));
  const cloud = await startCloud(t, () => ({ body: cards }));
  const { start } = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const { child, finished } = start("linkedclaw", ["search", "x", "--limit", "0"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  assert.equal((await finished).stderr, "");
});
