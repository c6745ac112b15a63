/** Our files and those of a client in Python are the same files: OpenMarlin contract §3.2. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { isPythonMissing, runClient } from "../../../server/test/openmarlin/support.ts";
import { type JsonObject, parseJson } from "../../src/openmarlin/json.ts";
import { canonicalJson, lineOfJson, prettyJson } from "../../src/openmarlin/json-text.ts";
import { fingerprintOf } from "../../src/openmarlin/submission.ts";
import { POOR, startMarlin, WORKSPACE } from "./marlin.ts";
import { desk, KEY } from "./scripts.ts";

const CLIENT = dirname(
  fileURLToPath(import.meta.resolve("../../../server/test/openmarlin/client.py")),
);

/** What Python says to each line of `lines`. */
function python(program: string, lines: readonly string[]): string[] {
  const source = `import json, sys\nsys.path.insert(0, ${JSON.stringify(CLIENT)})\n${program}`;
  const input = lines.map((line) => JSON.stringify(line)).join("\n");
  const said = execFileSync("python3", ["-B", "-c", source], { input, encoding: "utf8" });
  return said
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as string);
}

const EACH = "for line in sys.stdin:\n  text = json.loads(line)\n  value = json.loads(text)\n";

/** Whatever JSON there is, with numbers as odd as people write them. */
const documents = fc
  .json({ maxDepth: 4, stringUnit: "binary" })
  .map((text) => text.replaceAll(/(?<=[[:,])\d+(?=[\],}])/g, (digits) => `${digits}.0`));
const floats = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value));

test("we spell every document as Python spells it, byte by byte", (t) => {
  if (isPythonMissing(t)) return;
  const texts = [...fc.sample(documents, 300), ...fc.sample(floats, 300)];
  const forms = [
    [canonicalJson, 'separators=(",", ":")'],
    [lineOfJson, ""],
    [prettyJson, "indent=2"],
  ] as const;
  for (const [spell, form] of forms) {
    const theirs = python(
      `${EACH}  print(json.dumps(json.dumps(value, sort_keys=True, ${form})))`,
      texts,
    );
    texts.forEach((text, index) => {
      assert.equal(spell(parseJson(text)), theirs[index], text);
    });
  }
});

test("the same request has the same fingerprint here and there, whole numbers or not", (t) => {
  if (isPythonMissing(t)) return;
  const [serverUrl, secret] = ["http://127.0.0.1:8787", KEY];
  const bodies = [
    '{"kind":"video","input":{"prompt":"Ein Flugzeug — 飛行機 \\ud83d\\udee9","duration_ms":5000}}',
    '{"kind":"video","input":{"prompt":"x","duration_ms":5000.0},"metadata":{"z":1e-7,"a":null}}',
    '{"metadata":null,"input":{"media_urls":["https://a/b?c=d&e"],"prompt":"x"},"kind":"video"}',
  ];
  const theirs = python(
    `import client_state\n${EACH}  print(json.dumps(client_state.request_fingerprint(${JSON.stringify(serverUrl)}, ${JSON.stringify(secret)}, value)))`,
    bodies,
  );
  const ours = bodies.map((body) =>
    fingerprintOf({ serverUrl, secret, body: parseJson(body) as JsonObject }),
  );
  assert.deepEqual(ours, theirs);
  assert.equal(new Set(ours).size, 3);
});

async function both(t: TestContext) {
  const marlin = await startMarlin(t);
  const one = desk(t, { OPENMARLIN_SERVER_URL: marlin.url });
  const theirs = (...args: string[]) => runClient({ url: marlin.url }, args, one.home);
  return { marlin, theirs, ...one };
}

/** A profile of another program's, with everything that has to stay. */
const OTHERS = `{
  "lastGood": {
    "anthropic": "anthropic:default"
  },
  "profiles": {
    "anthropic:default": {
      "expires": 1767225600000,
      "key": "sk-\\u00fc",
      "ratio": 1.0,
      "type": "api_key"
    },
    "openmarlin-platform:default": {
      "key": "${KEY}",
      "metadata": {},
      "provider": "openmarlin-platform",
      "type": "api_key"
    }
  },
  "version": 3
}
`;

function writeProfiles(state: string, text: string): string {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const path = join(state, "auth-profiles.json");
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

test("what we write, the Python client reads, and the other way round", async (t) => {
  if (isPythonMissing(t)) return;
  const { platform, billing, theirs, state, file, marlin } = await both(t);
  writeProfiles(state, OTHERS);

  const body = [
    "--body-json",
    '{"kind":"video","input":{"prompt":" A plane – ✈ ","duration_ms":5000}}',
  ];
  const keyOf = () => JSON.parse(marlin.received.at(-1)?.body ?? "").idempotency_key;
  assert.equal((await platform("tasks-submit", ...body)).code, 0);
  const ours = keyOf();
  const again = await theirs("tasks-submit", ...body);
  assert.equal(again.code, 0, again.said);
  assert.equal(keyOf(), ours, "they found our key");
  const other = ["--body-json", '{"kind":"video","input":{"prompt":"A train."}}'];
  assert.equal((await theirs("tasks-submit", ...other)).code, 0);
  const second = keyOf();
  assert.equal((await platform("tasks-submit", ...other)).code, 0);
  assert.equal(keyOf(), second, "we found theirs");

  await billing("explain-402", "--response-json", JSON.stringify(POOR));
  await billing("create-topup", "--amount", "5");
  const history = await theirs("history", "--workspace-id", WORKSPACE);
  assert.equal(history.printed.sessions[0].topup_session_id, "topup_1");
  assert.equal((await theirs("create-topup", "--amount", "2.5")).code, 0);
  const all = (await billing("history", "--json")).json;
  assert.equal(all.sessions.length, 2);
  assert.equal((await theirs("balance")).code, 0);
  const kept = JSON.parse(file("billing-state.json")).workspaces[WORKSPACE];
  assert.equal(kept.last_balance_snapshot.source, "authoritative_balance_api");

  // Whoever wrote last: Python would write each file just as it is.
  for (const name of readdirSync(state)) {
    const text = file(name);
    const [theirSpelling] = python(
      `${EACH}  print(json.dumps(json.dumps(value, sort_keys=True, indent=2) + "\\n"))`,
      [text],
    );
    assert.equal(text, theirSpelling, name);
  }
});

test("our last word on a balance is spelled as theirs", async (t) => {
  if (isPythonMissing(t)) return;
  const { billing, state, file, theirs } = await both(t);
  writeProfiles(state, OTHERS);
  const lack = {
    ...POOR,
    current_balance: { amount: 0, unit: "credits" },
    required_balance: { amount: 1, unit: "credits" },
  };
  const response = ["--response-json", JSON.stringify(lack)];
  const spelled = () => file("billing-state.json").replaceAll(/(?<="observed_at": )"[^"]+"/g, "…");
  await billing("explain-402", ...response);
  const ours = spelled();
  assert.match(ours, /"amount": 0\.0,/);
  assert.equal((await theirs("explain-402", ...response)).code, 0);
  assert.equal(spelled(), ours);
  await billing("balance");
  const ourBalance = spelled();
  await theirs("balance");
  assert.equal(spelled(), ourBalance);
});

test("a key that either of us stored is the other's as well; other profiles stay as they are", async (t) => {
  if (isPythonMissing(t)) return;
  const { billing, state, marlin, theirs, file } = await both(t);
  writeProfiles(state, OTHERS);
  const asked = await billing("balance", "--json");
  assert.equal(asked.json.api_key_source, `auth-profiles:${join(state, "auth-profiles.json")}`);
  assert.equal(marlin.received.at(-1)?.headers.authorization, `Bearer ${KEY}`);
  assert.equal((await theirs("balance")).printed.api_key_source, asked.json.api_key_source);
  assert.equal(file("auth-profiles.json"), OTHERS, "looking a key up changes nothing");
});

test("without a key there is an empty store, as the Python client leaves it", async (t) => {
  if (isPythonMissing(t)) return;
  const { billing, file, theirs, state, marlin } = await both(t);
  const { code, stderr } = await billing("balance");
  assert.equal(code, 1);
  assert.match(stderr, /^There is no API key: [^\n]*registration_session\.mjs create\n$/);
  const ours = file("auth-profiles.json");
  assert.equal(statSync(join(state, "auth-profiles.json")).mode & 0o777, 0o600);
  assert.equal(statSync(state).mode & 0o777, 0o700);
  await theirs("balance", "--agent-id", "other");
  assert.equal(readFileSync(join(state, "../../other/agent/auth-profiles.json"), "utf8"), ours);
  assert.deepEqual(marlin.received, []);
});

test("an empty file is a store without anything in it; leftovers of others are no keys", async (t) => {
  const { billing, state, file, marlin } = await both(t);
  writeProfiles(state, "");
  assert.match((await billing("balance")).stderr, /no API key/);
  assert.deepEqual(JSON.parse(file("auth-profiles.json")), { profiles: {}, version: 1 });
  for (const profile of [
    { type: "oauth", key: KEY },
    { type: "api_key", key: " " },
    { type: "api_key", key: 5 },
    "text",
  ]) {
    writeProfiles(state, JSON.stringify({ profiles: { "openmarlin-platform:default": profile } }));
    assert.match((await billing("balance")).stderr, /no API key/, JSON.stringify(profile));
  }
  writeProfiles(state, JSON.stringify({ profiles: { mine: { type: "api_key", key: KEY } } }));
  assert.equal((await billing("balance", "--profile-id", "mine")).code, 0);
  assert.match((await billing("balance", "--profile-id", "__proto__")).stderr, /no API key/);
  assert.equal(marlin.received.length, 1);
});

test("a key that another server issued is sent where it was told, with a warning", async (t) => {
  const { billing, state, marlin } = await both(t);
  const profile = (server_url: string) => ({ type: "api_key", key: KEY, metadata: { server_url } });
  const write = (server_url: string) =>
    writeProfiles(
      state,
      JSON.stringify({ profiles: { "openmarlin-platform:default": profile(server_url) } }),
    );
  write("https://hall.example.org");
  const { code, stderr } = await billing("balance", "--json");
  assert.equal(code, 0);
  assert.equal(
    stderr,
    `Warning: the stored key was issued by https://hall.example.org, and is sent to ${marlin.url} (process-env).\n`,
  );
  write(`${marlin.url}/`);
  assert.equal((await billing("balance", "--json")).stderr, "");
});

test("files that cannot be read or written are told in one line, and stay as they are", async (t) => {
  const { platform, billing, state, marlin, run } = await both(t);
  const submit = [
    "tasks-submit",
    "--body-json",
    '{"kind":"video","input":{"prompt":"x"}}',
    "--api-key",
    KEY,
  ];
  const broken = [
    ["{", /is not JSON: it ends too early/],
    ["[]", /is not a store: it is not a JSON object/],
    ['{"submissions":[]}', /is not a store: "submissions" is not a JSON object/],
  ] as const;
  mkdirSync(state, { recursive: true });
  const path = join(state, "task-state.json");
  for (const [text, why] of broken) {
    writeFileSync(path, text);
    const { code, stderr } = await platform(...submit);
    assert.equal(code, 1);
    assert.match(stderr, why);
    assert.equal(stderr.split("\n").length, 2, stderr);
    assert.equal(readFileSync(path, "utf8"), text);
  }
  writeProfiles(state, "nonsense");
  assert.match(
    (await billing("balance")).stderr,
    /auth-profiles\.json is not JSON: there is something unexpected/,
  );
  assert.deepEqual(marlin.received, [], "nothing was sent");

  writeFileSync(join(state, "..", "file"), "");
  const nowhere = { OPENCLAW_STATE_DIR: join(state, "..", "file") };
  const unwritable = await run("platform_request", submit, nowhere);
  assert.equal(unwritable.code, 1);
  assert.match(
    unwritable.stderr,
    /^\S+task-state\.json cannot be (?:read|written): ENOTDIR[^\n]*\n$/,
  );
  assert.deepEqual(marlin.received, []);
  // What is only remembered hinders nobody.
  const bought = await run("billing", ["create-topup", "--amount", "1", "--api-key", KEY], nowhere);
  assert.equal(bought.code, 0);
  assert.match(bought.stderr, /billing-state\.json cannot be (?:read|written)/);
  assert.match(bought.stdout, /Checkout URL: https:/);
  assert.deepEqual(
    readdirSync(state).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("many at the same moment leave a file that is whole, and nothing beside it", async (t) => {
  const { billing, state, file } = await both(t);
  const bought = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((amount) =>
      billing("create-topup", "--amount", `${amount}`, "--api-key", KEY),
    ),
  );
  assert.deepEqual(
    bought.map(({ code }) => code),
    [0, 0, 0, 0, 0, 0],
  );
  const { topup_sessions } = JSON.parse(file("billing-state.json")).workspaces[WORKSPACE];
  assert.ok(Object.keys(topup_sessions).length > 0);
  assert.deepEqual(readdirSync(state), ["billing-state.json"]);
});
