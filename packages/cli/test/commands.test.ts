/** Every command there is: what all of them have in common, and that the page about them is true. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Command } from "commander";
import { createCli } from "../src/cli.ts";
import { createProgram } from "../src/program.ts";
import { createTerminal } from "../src/terminal/terminal.ts";
import { KEY } from "./session-cloud.ts";
import { answerOf, errorOf, shell, startCloud } from "./support.ts";

const PAGE = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
/** Commands that answer without a server, or talk to somebody else. */
const LOCAL = new Set(["config show", "config set", "completion", "init", "provider run"]);
const AT_ONCE = 4;

function programOf(name: "linkedclaw" | "guildhall"): Promise<Command> {
  return createProgram(createCli(name, "1.0.0", {}, createTerminal({})));
}

/** Commands that do something, by their path: `sessions list`. */
function leavesOf(command: Command, path = ""): [path: string, command: Command][] {
  return command.commands
    .filter((one) => one.name() !== "help")
    .flatMap((one): [string, Command][] => {
      const own = `${path} ${one.name()}`.trim();
      // A command with subcommands may also do something by itself.
      const isLeaf = one.commands.length === 0 || one.registeredArguments.length > 0;
      return [...(isLeaf ? [[own, one] as [string, Command]] : []), ...leavesOf(one, own)];
    });
}

/** A command line that is said correctly, with nothing in it that means anything. */
function lineOf(path: string, command: Command): string[] {
  const argument = (name: string, choices: readonly string[] | undefined) =>
    choices?.[0] ?? WORDS[name] ?? "ses_1";
  return [
    ...path.split(" "),
    ...command.registeredArguments
      .filter(({ required }) => required)
      .map((one) => argument(one.name(), one.argChoices)),
    ...command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap((one) => [one.long ?? "", one.argChoices?.[0] ?? WORDS[one.name()] ?? "1"]),
    ...(MORE[path] ?? []),
  ];
}

const WORDS: Readonly<Record<string, string>> = {
  input: "{}",
  body: "{}",
  task: "{capability: x, target_providers: 1, credits_per_provider: 1, mandate_id: mnd_1}",
  path: new URL("../package.json", import.meta.url).pathname,
  file: new URL("../package.json", import.meta.url).pathname,
  listing: "-",
};
const MORE: Readonly<Record<string, readonly string[]>> = {
  search: ["x"],
  login: ["--paste"],
  extend: ["--tier"],
  "gig-task accept": ["--agent-id", "agt_1"],
  "gig-task submit": ["--agent-id", "agt_1"],
  "provider pick": ["--agent-id", "agt_1"],
  "provider submit": ["--agent-id", "agt_1"],
  "provider status": ["-"],
};
const STDIN: Readonly<Record<string, string>> = {
  login: KEY,
  "provider register": "slug: x",
  "provider status": "slug: x\nagentId: agt_1",
};

test("whatever a server answers, a command that fails says it in one line, and no key with it", async (t) => {
  const cloud = await startCloud(t, () => ({
    status: 500,
    body: { detail: `It broke: ${KEY}`, code: "internal", key: KEY, nested: { text: `${KEY}!` } },
  }));
  const one = shell(t, { LINKEDCLAW_CLOUD_URL: cloud.url, LINKEDCLAW_API_KEY: KEY });
  const leaves = leavesOf(await programOf("linkedclaw")).filter(([path]) => !LOCAL.has(path));
  assert.ok(leaves.length > 40, `only ${leaves.length} commands were found`);
  const work = [...leaves];
  const next = async (): Promise<void> => {
    for (let leaf = work.pop(); leaf; leaf = work.pop()) {
      const [path, command] = leaf;
      const before = cloud.received.length;
      const input = STDIN[path] ?? "";
      const finished = await one.linkedclaw([...lineOf(path, command), "--verbose"], { input });
      const said = finished.stdout + finished.stderr;
      if (path === "provider status") answerOf(finished);
      else {
        const error = errorOf(finished);
        assert.equal(error.code, "internal", `${path}: ${said}`);
        assert.equal(error.http_status, 500);
      }
      assert.ok(cloud.received.length > before, `${path} asked nobody`);
      assert.doesNotMatch(said, /aVeryLong/, path);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
});

test("every command explains itself, and says what each of its words and options is", async () => {
  for (const [path, command] of leavesOf(await programOf("guildhall"))) {
    assert.ok(command.description().length > 10, `${path} has no description`);
    for (const argument of command.registeredArguments) {
      const said = argument.description || argument.argChoices;
      assert.ok(said, `${path}: <${argument.name()}> is not explained`);
    }
    for (const option of command.options) {
      assert.ok(option.hidden || option.description, `${path}: ${option.flags} is not explained`);
    }
  }
});

test("guildhall has every command of linkedclaw, and help costs nothing", async (t) => {
  const own = leavesOf(await programOf("guildhall")).map(([path]) => path);
  const theirs = leavesOf(await programOf("linkedclaw")).map(([path]) => path);
  assert.deepEqual(
    theirs.filter((path) => !own.includes(path)),
    [],
  );
  const { code, stdout, stderr } = await shell(t).guildhall(["hire", "--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /Examples:\n {2}# .+\n {2}guildhall hire agt_…/);
});

test("the page about the commands names each of them, and nothing that there is not", async () => {
  const [block = ""] = /(?<=## Commands\n\n```\n)[^`]+/.exec(PAGE) ?? [];
  const leaves = leavesOf(await programOf("guildhall"));
  const shown = leaves.filter(([path, command]) => !isHidden(command) && !path.startsWith("admin"));
  const missing = shown.map(([path]) => path).filter((path) => !names(block, path));
  assert.deepEqual(missing, []);

  const options = new Set(leaves.flatMap(([, { options: all }]) => all.map(({ long }) => long)));
  for (const option of (await programOf("guildhall")).options) options.add(option.long);
  const named = PAGE.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? [];
  const known = (flag: string) => options.has(flag) || OF_OTHERS.has(flag);
  assert.deepEqual(
    named.filter((flag) => !known(flag)),
    [],
  );
});

/** Options of other programs, and those that every command has. */
const OF_OTHERS = new Set(["--help", "--no-install", "--acp"]);

/** `gig-task create … | get …`: a word of a group stands somewhere behind the group's name. */
function names(block: string, path: string): boolean {
  const words = path.split(" ");
  const pattern = words.map((word) => `\\b${word}\\b`).join("[^\\n]*?");
  return new RegExp(pattern).test(block);
}

function isHidden(command: Command): boolean {
  return (command as unknown as { _hidden: boolean })._hidden;
}
