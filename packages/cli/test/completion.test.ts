/** What a real shell offers when somebody presses Tab, with our scripts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { shell, temporaryDirectory } from "./support.ts";

/** `last` is the last word that is hoped for. */
type Complete = (script: string, line: string, directory: string, last: string) => string;

/** What each shell offers for a line, in words. */
const SHELLS: Readonly<Record<string, Complete>> = { bash, zsh, fish };

// biome-ignore format: read as a table
const LINES = [
  ["guildhall inv",               ["invoke"]],
  ["guildhall provider r",        ["register", "run"]],
  ["guildhall search text --int", ["--intent", "--interaction-mode"]],
  ["guildhall admin member ro",   ["role"]],
  ["guildhall provider run x --max-s", ["--max-sessions", "--max-stake"]],
  ["guildhall upload some-fi",    ["some-file.pdf"]],
] as const;

for (const [name, complete] of Object.entries(SHELLS)) {
  test(`${name} completes commands, options and files`, async (t) => {
    if (isMissing(t, name)) return;
    const { guildhall } = shell(t);
    const { code, stdout, stderr } = await guildhall(["completion", name]);
    assert.equal(code, 0, stderr);
    for (const word of ["invoke", "--max-credits", "mark-paid", "--handler-cmd"]) {
      assert.ok(stdout.includes(word), word);
    }
    const directory = temporaryDirectory(t);
    const script = join(directory, "script");
    writeFileSync(script, stdout);
    writeFileSync(join(directory, "some-file.pdf"), "");
    for (const [line, expected] of LINES) {
      const offered = complete(script, line, directory, expected.at(-1) ?? "");
      for (const word of expected) assert.ok(offered.includes(word), `${line}: ${offered}`);
      assert.doesNotMatch(offered, /error|unknown|not found|unrecognized/i, line);
    }
    const foreign = complete(script, "guildhall provider r", directory, "run");
    assert.ok(!foreign.includes("some-file.pdf"), "no files where a command has to follow");
  });
}

/** As with other programs that tests use: skipped where it is missing, unless it has to be there. */
function isMissing(t: TestContext, name: string): boolean {
  if (spawnSync(name, ["--version"]).status === 0) return false;
  if (process.env.REQUIRE_SERVICES === "1") throw new Error(`there is no ${name} here`);
  t.skip(`no ${name}`);
  return true;
}

function bash(script: string, line: string, directory: string): string {
  const words = line.split(" ");
  // Where a function offers nothing, `-o default` has the shell complete a file's name.
  return said("bash", directory, [
    "-c",
    `source ${script}; COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _guildhall
     [[ \${COMPREPLY[*]} ]] || { complete -p guildhall | grep -q -- '-o default' && compgen -f -- ${words.at(-1)}; }
     echo "\${COMPREPLY[*]}"`,
  ]);
}

/** At a terminal of its own, as completion in zsh needs one: what is on it after Tab. */
function zsh(script: string, line: string, directory: string, last: string): string {
  const typed = `
    zmodload zsh/zpty
    zpty z 'TERM=dumb zsh -f -i'
    zpty -w z "PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ${script}; setopt auto_list no_list_ambiguous; echo READ''Y"
    until zpty -r -t z more && [[ $more == *READY* ]]; do sleep 0.05; done
    zpty -n -w z '${line}'$'\\t\\t'
    all=
    for i in {1..400}; do
      zpty -r -t z more && all+=$more
      [[ $all == *${last}* ]] && break
      sleep 0.05
    done
    print -r -- $all`;
  // What a terminal is told beside the text.
  return stripVTControlCharacters(said("zsh", directory, ["-f", "-c", typed])).replaceAll("\b", "");
}

function fish(script: string, line: string, directory: string): string {
  return said("fish", directory, ["-c", `source ${script}; complete -C '${line}'`]);
}

function said(program: string, cwd: string, args: readonly string[]): string {
  const env = { PATH: process.env.PATH, HOME: cwd, LANG: "C.UTF-8" };
  const { stdout, stderr } = spawnSync(program, args, {
    cwd,
    env,
    encoding: "utf8",
    timeout: 60_000,
  });
  return stdout + stderr;
}
