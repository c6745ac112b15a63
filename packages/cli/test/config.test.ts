/** The configuration: who may read it, what it looks like, what wins. LinkedClaw contract §3. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { answerOf, errorOf, type Shell, shell, startCloud } from "./support.ts";

const KEY = "lc_aVeryLongKeyThatNobodyMaySee0123456789";

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

function writeConfig({ config }: Shell, text: string, fileMode = 0o600, directoryMode = 0o700) {
  mkdirSync(config, { recursive: true, mode: 0o700 });
  writeFileSync(join(config, "config.yaml"), text);
  chmodSync(join(config, "config.yaml"), fileMode);
  chmodSync(config, directoryMode);
}

test("directory and file are made for nobody else to read", async (t) => {
  const { linkedclaw, config } = shell(t);
  assert.deepEqual(answerOf(await linkedclaw(["config", "set", "agentId", "agt_1"])), { ok: true });
  assert.equal(modeOf(config), 0o700);
  assert.equal(modeOf(join(config, "config.yaml")), 0o600);
  assert.deepEqual(readdirSync(config), ["config.yaml"], "nothing unfinished is left");
});

// biome-ignore format: read as a table
const LOOSE = [
  [ "a file that the world may read",       0o644, 0o700 ],
  [ "a file that the group may read",       0o640, 0o700 ],
  [ "a file that the world may write",      0o602, 0o700 ],
  [ "a directory that the world may enter", 0o600, 0o755 ],
  [ "a directory that the group may list",  0o600, 0o740 ],
] as const;

for (const [what, fileMode, directoryMode] of LOOSE) {
  test(`${what} is refused, and nothing is asked or changed`, async (t) => {
    const cloud = await startCloud(t, () => ({}));
    const one = shell(t);
    writeConfig(one, `apiKey: ${KEY}\ncloudUrl: ${cloud.url}\n`, fileMode, directoryMode);
    const commands = [
      ["whoami"],
      ["credits"],
      ["config", "show"],
      ["config", "set", "agentId", "agt_1"],
      ["login", "--api-key", KEY],
    ];
    for (const finished of await Promise.all(commands.map((args) => one.linkedclaw(args)))) {
      const error = errorOf(finished);
      assert.equal(error.code, "config_insecure_permissions");
      assert.match(error.hint ?? "", /^Run: chmod [67]00 '/);
    }
    assert.deepEqual(cloud.received, []);
    assert.equal(readFileSync(join(one.config, "config.yaml"), "utf8").includes("agt_1"), false);
  });
}

test("the key is one line from the first column on, however the file was written", async (t) => {
  for (const text of ["", "{agentId: agt_1}\n", "agentId: agt_1\napiKey: >-\n  folded\n  text\n"]) {
    const one = shell(t);
    writeConfig(one, text);
    answerOf(await one.linkedclaw(["config", "set", "apiKey", KEY]));
    const written = readFileSync(join(one.config, "config.yaml"), "utf8");
    const line = written.split("\n").find((candidate) => candidate.startsWith("apiKey:"));
    assert.equal(line?.split(/\s+/)[1]?.replaceAll('"', ""), KEY);
    assert.equal(parse(written).apiKey, KEY);
  }
});

test("setting a value keeps what else is in the file, comments too", async (t) => {
  const one = shell(t);
  writeConfig(one, "# mine\nagentId: agt_1 # the one\ntheirs: 7\n");
  answerOf(await one.linkedclaw(["config", "set", "cloudUrl", "https://hall.example.org/"]));
  assert.equal(
    readFileSync(join(one.config, "config.yaml"), "utf8"),
    "# mine\nagentId: agt_1 # the one\ntheirs: 7\ncloudUrl: https://hall.example.org\n",
  );
});

test("a value comes from stdin where it is -", async (t) => {
  const one = shell(t);
  answerOf(await one.linkedclaw(["config", "set", "apiKey", "-"], { input: `${KEY}\n` }));
  assert.equal(parse(readFileSync(join(one.config, "config.yaml"), "utf8")).apiKey, KEY);
});

// biome-ignore format: read as a table
const BAD_VALUES = [
  [ "agentId",     "two\nlines" ],
  [ "agentId",     "" ],
  [ "a b",         "x" ],
  [ "__proto__",   "x" ],
  [ "cloudUrl",    "ftp://hall" ],
] as const;

for (const [name, value] of BAD_VALUES) {
  test(`${name} = ${JSON.stringify(value)} is not stored`, async (t) => {
    const one = shell(t);
    errorOf(await one.linkedclaw(["config", "set", "--", name, value]), 2);
    assert.equal(answerOf(await one.linkedclaw(["config", "show"])) !== undefined, true);
  });
}

for (const text of ["- a\n- list\n", "just text\n", "a: [1\n", "apiKey: x\napiKey: y\n"]) {
  test(`a file that is no configuration is not guessed at: ${JSON.stringify(text)}`, async (t) => {
    const one = shell(t);
    writeConfig(one, text);
    assert.equal(errorOf(await one.linkedclaw(["config", "show"])).code, "config_invalid");
    assert.equal(
      errorOf(await one.linkedclaw(["config", "set", "agentId", "agt_1"])).code,
      "config_invalid",
    );
    assert.equal(readFileSync(join(one.config, "config.yaml"), "utf8"), text);
  });
}

test("flag beats environment beats file beats the running server beats the default", async (t) => {
  const one = shell(t);
  const show = async (args: readonly string[] = [], env = {}) =>
    answerOf(await one.linkedclaw(["config", "show", ...args], { env })) as Record<string, unknown>;
  const cloudOf = async (...given: Parameters<typeof show>) => {
    const { cloudUrl, sources } = await show(...given);
    return [cloudUrl, (sources as Record<string, string>).cloudUrl];
  };
  assert.deepEqual(await cloudOf(), ["http://127.0.0.1:8787", "default"]);
  mkdirSync(join(one.home, "data"));
  writeFileSync(join(one.home, "data", "server.json"), '{"url":"http://127.0.0.1:4001"}');
  assert.deepEqual(await cloudOf(), ["http://127.0.0.1:4001", "running server"]);
  writeConfig(one, "cloudUrl: http://127.0.0.1:4002\n");
  assert.deepEqual(await cloudOf(), ["http://127.0.0.1:4002", "file"]);
  const env = { LINKEDCLAW_CLOUD_URL: "http://127.0.0.1:4003" };
  assert.deepEqual(await cloudOf([], env), ["http://127.0.0.1:4003", "environment"]);
  assert.deepEqual(await cloudOf(["--cloud-url", "http://127.0.0.1:4004"], env), [
    "http://127.0.0.1:4004",
    "flag",
  ]);
});

test("a relay that was stored for one server is not used with another", async (t) => {
  const one = shell(t);
  writeConfig(one, "cloudUrl: https://one.example\nrelayUrl: wss://relay.one.example/ws\n");
  const show = async (...args: string[]) =>
    (answerOf(await one.linkedclaw(["config", "show", ...args])) as { relayUrl: string }).relayUrl;
  assert.equal(await show(), "wss://relay.one.example/ws");
  assert.equal(await show("--cloud-url", "https://two.example"), "wss://two.example/ws");
});

test("config show says where the file is, and shortens the key", async (t) => {
  const one = shell(t);
  writeConfig(one, `apiKey: ${KEY}\nagentId: agt_1\ntheirs: x\n`);
  const shown = answerOf(await one.linkedclaw(["config", "show"])) as Record<string, unknown>;
  assert.equal(shown.apiKey, "lc_…6789");
  assert.equal(shown.agentId, "agt_1");
  assert.equal(shown.theirs, "x");
  assert.equal(shown.config_exists, true);
  assert.equal(shown.config_path, join(one.config, "config.yaml"));
});

test("a server.json that is half written is as good as none", async (t) => {
  const one = shell(t);
  mkdirSync(join(one.home, "data"));
  writeFileSync(join(one.home, "data", "server.json"), '{"url":"http://127');
  const { cloudUrl } = answerOf(await one.linkedclaw(["config", "show"])) as { cloudUrl: string };
  assert.equal(cloudUrl, "http://127.0.0.1:8787");
});
