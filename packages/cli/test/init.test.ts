/** Skills are given to the hosts of agents that a machine has. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { answerOf, errorOf, shell } from "./support.ts";

interface Answer {
  readonly installed: readonly {
    readonly host: string;
    readonly skill: string;
    readonly state: string;
  }[];
  readonly context: readonly { readonly path: string; readonly state: string }[];
}

test("each host that is there gets the skill, whole, once", async (t) => {
  const { home, linkedclaw } = shell(t);
  assert.equal(errorOf(await linkedclaw(["init"])).code, "no_host_found");
  for (const name of [".claude", ".codex"]) mkdirSync(join(home, name));
  writeFileSync(join(home, ".codex", "AGENTS.md"), "# Mine\n\nBe brief.");

  const first = answerOf(await linkedclaw(["init"])) as Answer;
  assert.deepEqual(
    first.installed.map(({ host, skill, state }) => [host, skill, state]),
    [
      ["claude-code", "linkedclaw-requester", "new"],
      ["codex", "linkedclaw-requester", "new"],
    ],
  );
  const skill = join(home, ".claude", "skills", "linkedclaw-requester");
  assert.match(readFileSync(join(skill, "SKILL.md"), "utf8"), /^---\nname: linkedclaw-requester\n/);
  assert.ok(statSync(join(skill, "scripts", "install-cli.sh")).mode & 0o100, "it can be run");
  const agents = readFileSync(join(home, ".codex", "AGENTS.md"), "utf8");
  assert.match(agents, /^# Mine\n\nBe brief\.\n\n<!-- linkedclaw: begin -->\n/);
  assert.ok(agents.includes(join(home, ".codex", "skills", "linkedclaw-requester", "SKILL.md")));
  assert.ok(!existsSync(join(home, ".gemini")), "what is not there is not made");

  const again = answerOf(await linkedclaw(["init"])) as Answer;
  const states = [...again.installed, ...again.context].map(({ state }) => state);
  assert.deepEqual(states, ["unchanged", "unchanged", "unchanged"]);
});

test("an older skill is replaced, with all of its files; a link is left alone", async (t) => {
  const { home, linkedclaw } = shell(t);
  const skills = join(home, ".openclaw", "skills");
  mkdirSync(join(skills, "linkedclaw-requester", "references"), { recursive: true });
  writeFileSync(join(skills, "linkedclaw-requester", "references", "old.md"), "old");
  mkdirSync(join(home, "mine"));
  symlinkSync(join(home, "mine"), join(skills, "linkedclaw-provider"));
  const { installed } = answerOf(await linkedclaw(["init", "--provider"])) as Answer;
  assert.deepEqual(
    installed.map(({ skill, state }) => [skill, state]),
    [
      ["linkedclaw-requester", "updated"],
      ["linkedclaw-provider", "linked"],
    ],
  );
  assert.ok(!existsSync(join(skills, "linkedclaw-requester", "references", "old.md")));
  assert.deepEqual(readdirSync(join(home, "mine")), []);
  assert.deepEqual(readdirSync(skills).sort(), ["linkedclaw-provider", "linkedclaw-requester"]);
});

test("OpenMarlin's skill comes along where it is asked for, and its scripts run from there", async (t) => {
  const { home, linkedclaw, startScript } = shell(t);
  mkdirSync(join(home, ".openclaw"));
  const { installed } = answerOf(await linkedclaw(["init", "--openmarlin"])) as Answer;
  assert.deepEqual(
    installed.map(({ skill, state }) => [skill, state]),
    [
      ["linkedclaw-requester", "new"],
      ["openmarlin", "new"],
    ],
  );
  const skill = join(home, ".openclaw", "skills", "openmarlin");
  assert.match(readFileSync(join(skill, "SKILL.md"), "utf8"), /^---\nname: openmarlin\n/);
  const history = startScript(join(skill, "scripts", "billing.mjs"), ["history", "--json"]);
  const { code, stdout } = await history.finished;
  assert.deepEqual([code, JSON.parse(stdout).ok], [0, true]);
});

test("a host that is named is served where it says it is; AGENTS.md can be left alone", async (t) => {
  const { home, linkedclaw } = shell(t);
  const env = { CODEX_HOME: join(home, "elsewhere") };
  const args = ["init", "--host", "codex", "gemini", "--no-context"];
  const { installed, context } = answerOf(await linkedclaw(args, { env })) as Answer;
  assert.deepEqual(
    installed.map(({ host }) => host),
    ["gemini", "codex"],
  );
  assert.deepEqual(context, []);
  assert.deepEqual(readdirSync(join(home, "elsewhere")), ["skills"]);
  assert.ok(existsSync(join(home, ".gemini", "skills", "linkedclaw-requester", "SKILL.md")));

  const file = join(home, "elsewhere", "AGENTS.md");
  writeFileSync(file, "A <!-- linkedclaw: begin -->old<!-- linkedclaw: end --> Z\n");
  const later = answerOf(await linkedclaw(["init", "--host", "codex"], { env })) as Answer;
  assert.deepEqual(later.context, [{ host: "codex", path: file, state: "updated" }]);
  assert.match(readFileSync(file, "utf8"), /^A <!-- linkedclaw: begin -->\n[\s\S]+end --> Z\n$/);
  errorOf(await linkedclaw(["init", "--host", "emacs"]), 2);
});
