/** Completion scripts for shells, made from the commands that there are. */
import { Argument, type Command } from "commander";
import type { Cli } from "./cli.ts";

const SCRIPTS = { bash, zsh, fish } as const;
type Shell = keyof typeof SCRIPTS;

export function addCompletion(program: Command, cli: Cli): void {
  const shells = Object.keys(SCRIPTS);
  program
    .command("completion")
    .description("Print a completion script, e.g. for: source <(linkedclaw completion bash)")
    .addArgument(new Argument("<shell>").choices(shells))
    .action((shell: Shell) => cli.terminal.text(SCRIPTS[shell](program.name(), wordsOf(program))));
}

/** What may follow each path of words: `provider` is followed by `run`, `status`, … */
interface Words {
  readonly path: string;
  readonly words: readonly string[];
  readonly isLeaf: boolean;
}

function wordsOf(command: Command, path = ""): Words[] {
  const global = command.parent === null ? [] : rootOf(command).options;
  const own = command.commands.map((one) => one.name());
  const options = [...command.options, ...global].flatMap((option) => option.long ?? []);
  const below = command.commands.flatMap((one) => wordsOf(one, `${path} ${one.name()}`.trim()));
  const words = [...own, ...options, "--help"];
  return [{ path, words, isLeaf: own.length === 0 }, ...below];
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function bash(name: string, words: readonly Words[]): string {
  const cases = deepestFirst(words).map(
    (one) => `    ${pattern(one)}) words="${one.words.join(" ")}" ;;`,
  );
  return `_${name}() {
  local word path="" words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}") )
}
complete -o default -F _${name} ${name}`;
}

/** Sourced, or as a file in `fpath`. A parameter `path` would be the shell's own `PATH`. */
function zsh(name: string, words: readonly Words[]): string {
  const cases = deepestFirst(words).map(
    (one) =>
      `    ${pattern(one)}) offered=(${one.words.join(" ")})${one.isLeaf ? " files=1" : ""} ;;`,
  );
  return `#compdef ${name}
_${name}() {
  local word said="" files=""
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) break ;; *) said="\${said:+$said }$word" ;; esac
  done
  case "$said" in
${cases.join("\n")}
  esac
  compadd -a offered
  if [[ -n "$files" && "$PREFIX" != -* ]]; then _files; fi
}
if [[ "$funcstack[1]" == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi`;
}

function fish(name: string, words: readonly Words[]): string {
  const cases = deepestFirst(words).map(({ path, isLeaf, words: offered }) => {
    const files = isLeaf ? "\n      __fish_complete_path (commandline -ct)" : "";
    const matched = isLeaf ? `'${path}' '${path} *'` : `'${path}'`;
    return `    case ${matched}\n      printf '%s\\n' ${offered.join(" ")}${files}`;
  });
  return `function __fish_complete_${name}
  set -l said
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and break
    set said $said $word
  end
  switch "$said"
${cases.join("\n")}
  end
end
complete -c ${name} -f -a '(__fish_complete_${name})'`;
}

function deepestFirst(words: readonly Words[]): Words[] {
  return words.toSorted((one, other) => other.path.length - one.path.length);
}

/** After a whole command come its arguments, which nobody can list; its options may still follow. */
function pattern({ path, isLeaf }: Words): string {
  return isLeaf ? `"${path}"|"${path} "*` : `"${path}"`;
}
