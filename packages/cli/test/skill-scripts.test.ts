/** The scripts of the skills, with an npm, a sudo and a linkedclaw that do as they are told. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { shows } from "./scenarios/checklist.ts";
import { temporaryDirectory } from "./support.ts";

const SKILLS = fileURLToPath(new URL("../../../skills/", import.meta.url));
const SCRIPTS = join(SKILLS, "linkedclaw-requester", "scripts");
/** What the scripts use of a machine, beside what is under test. */
const TOOLS = [
  ...["sh", "jq", "awk", "sort", "head", "tail", "tr", "date", "sleep", "env", "cat", "mkdir"],
  ...["printf", "chmod", "rm", "wc"],
];

/** Installs a linkedclaw of the version it is told to, or fails as it is told to; `pack` and `view` tell a version. */
const NPM = `#!/bin/sh
echo "$*" >> "$HOME/npm.log"
case "$1" in
  pack) [ -n "\${NEWEST:-}" ] && printf '[{"version":"%s"}]' "$NEWEST"; exit 0 ;;
  view) [ -n "\${NEWEST:-}" ] && echo "$NEWEST"; exit 0 ;;
esac
echo "npm warn EBADENGINE that does no harm" >&2
bin=$GLOBAL_BIN how=$GLOBAL
if [ "$3" = --prefix ]; then bin=$4/bin how=$OWN; fi
if [ -n "\${AS_ROOT:-}" ]; then how=ok; fi
case "$how" in
  ok) mkdir -p "$bin"; printf '#!/bin/sh\\necho "cli $VERSION"\\n' > "$bin/linkedclaw"; chmod +x "$bin/linkedclaw" ;;
  eacces) printf 'npm error code EACCES\\nnpm error permission "denied"\\n' >&2; exit 243 ;;
  *) printf 'npm error %s\\nlast "line"\\n' "$(printf 'x%.0s' $(seq 1 300 2>/dev/null || echo 1))" >&2; exit 1 ;;
esac
`;
const SUDO = `#!/bin/sh
echo "sudo $*" >> "$HOME/npm.log"
[ "$1" = -n ] || exit 1
shift
AS_ROOT=1 exec "$@"
`;

interface Machine {
  /** The version of the linkedclaw that is there already, or `broken`. */
  readonly present?: string;
  readonly lacks?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: string;
}

function machine(t: TestContext, { present, lacks = [], env = {}, config }: Machine) {
  const home = temporaryDirectory(t);
  const [tools, early, global] = ["tools", "early", "global"].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [tools, early, global]) mkdirSync(directory);
  for (const tool of TOOLS) {
    const found = (process.env.PATH ?? "").split(":").map((directory) => join(directory, tool));
    const path = found.find(existsSync);
    if (path !== undefined && !lacks.includes(tool)) symlinkSync(path, join(tools, tool));
  }
  const place = (path: string, text: string) => {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  if (!lacks.includes("npm")) place(join(tools, "npm"), NPM);
  place(join(tools, "sudo"), SUDO);
  const says = present === "broken" ? "exit 1" : `echo "cli ${present}"`;
  if (present !== undefined) place(join(early, "linkedclaw"), `#!/bin/sh\n${says}\n`);
  if (config !== undefined) {
    mkdirSync(join(home, ".linkedclaw"));
    writeFileSync(join(home, ".linkedclaw", "config.yaml"), config);
  }
  const path = lacks.includes("global on PATH") ? [tools, early] : [early, global, tools];
  const surroundings = {
    ...{ HOME: home, PATH: path.join(":"), GLOBAL_BIN: global },
    ...{ GLOBAL: "ok", OWN: "ok", VERSION: "1.2.3", ...env },
  };
  const run = (script: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("/bin/sh", [join(SCRIPTS, script), ...args], {
      env: surroundings,
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  };
  const log = () => {
    const file = join(home, "npm.log");
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  };
  return { home, early, run, log, place };
}

const PACKAGE = "http://127.0.0.1:8787/cli.tgz";
const INSTALL = `install -g ${PACKAGE}`;
const ASK = `pack --dry-run --json ${PACKAGE}`;
const UPDATE = { LINKEDCLAW_UPDATE: "1" };
const HOME = "HOME";
const OWN = `install -g --prefix ${HOME}/.npm-global ${PACKAGE}`;

type Case = readonly [string, Machine, Readonly<Record<string, unknown>>, readonly string[]];

// biome-ignore format: read as a table
const MATRIX: readonly Case[] = [
  ["it is there",                       { present: "0.2.6" },                                               { installed: true, method: "already-installed", version: "0.2.6" }, []],
  ["it is there, and npm is not",       { present: "0.2.6", lacks: ["npm"] },                               { installed: true, method: "already-installed", version: "0.2.6" }, []],
  ["it is there and the newest",        { present: "1.2.3", env: { ...UPDATE, NEWEST: "1.2.3" } },          { installed: true, method: "already-installed", version: "1.2.3" }, [ASK]],
  ["it is newer than the newest",       { present: "1.10.0", env: { ...UPDATE, NEWEST: "1.9.0" } },         { installed: true, method: "already-installed", version: "1.10.0" }, [ASK]],
  ["nobody can say which is the newest",{ present: "1.0.0", env: UPDATE },                                  { installed: true, method: "already-installed", version: "1.0.0" }, [ASK]],
  ["a newer one cannot be installed",   { present: "1.0.0", env: { ...UPDATE, NEWEST: "1.2.3", GLOBAL: "x" } }, { installed: true, method: "already-installed", version: "1.0.0", update_skipped: /^1\.2\.3 / }, [ASK, INSTALL]],
  ["a newer one does not come first",   { present: "1.0.0", env: { ...UPDATE, NEWEST: "1.2.3" } },          { installed: true, method: "already-installed", version: "1.0.0", update_skipped: /PATH/ }, [ASK, INSTALL]],
  ["nothing is there",                  {},                                                                 { installed: true, method: "global", version: "1.2.3" }, [INSTALL]],
  ["what is there does not run",        { present: "broken" },                                              { installed: false, method: "global", error: /does not run/ }, [INSTALL]],
  ["npm is not there",                  { lacks: ["npm"] },                                                 { installed: false, method: "none", error: "npm not found on PATH; install Node.js first" }, []],
  ["jq is not there",                   { lacks: ["jq"] },                                                  { installed: false, method: "none", error: /^jq not found/ }, []],
  ["npm's place is another's",          { env: { GLOBAL: "eacces" } },                                      { installed: true, method: "npm-global", version: "1.2.3", path_hint: `export PATH="${HOME}/.npm-global/bin:$PATH"` }, [INSTALL, OWN]],
  ["one's own place is not, either",    { env: { GLOBAL: "eacces", OWN: "eacces" } },                       { installed: false, method: "none", error: /npm error code EACCES npm error permission "denied"$/ }, [INSTALL, OWN]],
  ["as a last resort, where allowed",   { env: { GLOBAL: "eacces", OWN: "eacces", ALLOW_SUDO: "1" } },      { installed: true, method: "sudo", version: "1.2.3" }, [INSTALL, OWN, `sudo -n npm ${INSTALL}`, INSTALL]],
  ["npm fails for another reason",      { env: { GLOBAL: "x" } },                                           { installed: false, method: "none", error: /^x* ?(?:npm error )?.*last "line"$/ }, [INSTALL]],
  ["it is installed where none looks",  { lacks: ["global on PATH"] },                                      { installed: false, method: "global", error: /no linkedclaw on PATH/ }, [INSTALL]],
  ["an older one comes first",          { present: "0.1.0" },                                               { installed: false, method: "stale-on-path", version: "0.1.0", min_version: "0.2.6", found_paths: [`${HOME}/early/linkedclaw`, `${HOME}/global/linkedclaw`], error: /older/ }, [INSTALL]],
  ["the floor is higher",               { env: { LINKEDCLAW_MIN_VERSION: "2.0.0" } },                       { installed: false, method: "stale-on-path", version: "1.2.3", min_version: "2.0.0", found_paths: [`${HOME}/global/linkedclaw`], error: /older/ }, [INSTALL]],
  ["the server is named",               { env: { LINKEDCLAW_CLOUD_URL: "https://hall.example.org/" } },     { installed: true, method: "global", version: "1.2.3" }, ["install -g https://hall.example.org/cli.tgz"]],
  ["the server is stored",              { config: 'apiKey: k\ncloudUrl: "https://stored.example.org"\n' },  { installed: true, method: "global", version: "1.2.3" }, ["install -g https://stored.example.org/cli.tgz"]],
  ["a package is named",                { present: "1.0.0", env: { ...UPDATE, LINKEDCLAW_CLI_PACKAGE: "our-cli@latest" } }, { installed: true, method: "already-installed", version: "1.0.0" }, ["view our-cli@latest version"]],
];

for (const [name, about, expected, asked] of MATRIX) {
  test(`install-cli.sh: ${name}`, (t) => {
    const { home, run, log } = machine(t, about);
    const { code, stdout } = run("install-cli.sh");
    assert.match(stdout, /^[^\n]+\n$/, "one line");
    const answer = JSON.parse(stdout.replaceAll(home, HOME)) as Record<string, unknown>;
    assert.equal(code, expected.installed === true ? 0 : 1);
    for (const [field, value] of Object.entries(expected)) {
      if (value instanceof RegExp) assert.match(String(answer[field]), value);
      else assert.deepEqual(answer[field], value, field);
    }
    assert.deepEqual(Object.keys(answer).sort(), Object.keys(expected).sort());
    assert.ok(String(answer.error ?? "").length <= 200);
    assert.deepEqual(
      log().map((line) => line.replaceAll(home, HOME)),
      asked,
    );
  });
}

shows(27);
test("install-cli.sh: what it updates is what is found", (t) => {
  const env = { ...UPDATE, NEWEST: "1.2.3", VERSION: "1.2.3" };
  const { home, run, place } = machine(t, { env });
  place(join(home, "global", "linkedclaw"), '#!/bin/sh\necho "cli 1.0.0"\n');
  assert.deepEqual(JSON.parse(run("install-cli.sh").stdout), {
    installed: true,
    method: "updated",
    version: "1.2.3",
    from: "1.0.0",
  });
});

test("both skills install in the same way", () => {
  const text = (skill: string) => readFileSync(join(SKILLS, skill, "scripts", "install-cli.sh"));
  assert.ok(text("linkedclaw-provider").equals(text("linkedclaw-requester")));
  for (const skill of ["linkedclaw-provider", "linkedclaw-requester"]) {
    for (const script of readdirSync(join(SKILLS, skill, "scripts"))) {
      const { status } = spawnSync("/bin/sh", ["-n", join(SKILLS, skill, "scripts", script)]);
      assert.equal(status, 0, script);
    }
  }
});

/** Gives one record after the other, the last for ever, and fails where a record is `fail`. */
function withTask(t: TestContext, ...records: readonly (object | "fail")[]) {
  const made = machine(t, { present: "1.0.0" });
  records.forEach((record, index) => {
    const text = record === "fail" ? record : JSON.stringify(record);
    writeFileSync(join(made.home, `record-${index + 1}`), text);
  });
  made.place(
    join(made.early, "linkedclaw"),
    `#!/bin/sh
echo "$*" >> "$HOME/asked.log"
n=$(wc -l < "$HOME/asked.log"); n=$((n))
[ $n -gt ${records.length} ] && n=${records.length}
record=$(cat "$HOME/record-$n")
if [ "$record" = fail ]; then echo '{"error":{"code":"not_found"}}' >&2; exit 1; fi
printf '%s\\n' "$record"
`,
  );
  const asked = () => readFileSync(join(made.home, "asked.log"), "utf8").trimEnd().split("\n");
  return { wait: (...args: string[]) => made.run("gig-task-wait.sh", ...args), asked };
}

test("gig-task-wait.sh: ends when it has come so far", (t) => {
  const none = { task_id: "gig_1", completed_count: 0 };
  const one = { task_id: "gig_1", completed_count: 1, status: "open" };
  const { wait, asked } = withTask(t, {}, none, one);
  const { code, stdout, stderr } = wait("gig_1", "--poll-seconds", "1");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(JSON.parse(stdout), one);
  assert.deepEqual(asked(), Array(3).fill("gig-task get gig_1"));
});

test("gig-task-wait.sh: after its time it gives the latest, and does not sleep past it", (t) => {
  const record = { task_id: "gig_1", accepted_count: 2, approved_count: null };
  const { wait } = withTask(t, record);
  const startedMs = performance.now();
  const until = ["--until", "accepted_count=3", "--total-seconds", "1", "--poll-seconds", "600"];
  const { code, stdout } = wait("gig_1", ...until);
  assert.ok(performance.now() - startedMs < 60_000);
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), record);
  assert.equal(wait("gig_1", "--until", "accepted_count=2", "--total-seconds", "0").code, 0);
  assert.equal(wait("gig_1", "--until", "approved_count=1", "--total-seconds", "0").code, 1);
});

test("gig-task-wait.sh: a task that cannot be read is said", (t) => {
  const { code, stdout } = withTask(t, "fail").wait("gig_1");
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), { error: { code: "not_found" } });
});

test("gig-task-wait.sh: what is not asked correctly is refused", (t) => {
  const { wait } = withTask(t, {});
  for (const args of [
    [],
    ["gig_1", "gig_2"],
    ["gig_1", "--until"],
    ["gig_1", "--until", "status=1"],
    ["gig_1", "--until", "completed_count"],
    ["gig_1", "--until", "completed_count=-1"],
    ["gig_1", "--total-seconds", "ten"],
    ["gig_1", "--poll-seconds", "0"],
    ["gig_1", "--forever"],
  ]) {
    const { code, stdout, stderr } = wait(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.equal(JSON.parse(stderr).error.code, "usage_error");
  }
});
