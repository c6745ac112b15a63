/**
 * A program of the skill: a name, commands, and how they end.
 *
 *   0  done, also where the news is bad: a task that failed, a payment that did not come
 *   1  it did not work; why is on stderr
 *   2  it was not said correctly
 *   3  the registration has expired
 */
import { Failure, isFailure, messageOf } from "../failure.ts";
import {
  checkRequired,
  type Flag,
  Flags,
  type FlagTable,
  readFlags,
  shown,
  splitAtCommand,
} from "./flags.ts";
import { Output } from "./output.ts";

export interface Surroundings {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
}

export interface Command {
  readonly about: string;
  readonly flags: FlagTable;
  /** Resolves with the exit code. */
  run(surroundings: Surroundings): Promise<number>;
}

export interface Program {
  readonly name: string;
  readonly about: string;
  /** Flags that stand before the command. */
  readonly before: FlagTable;
  readonly commands: Readonly<Record<string, Command>>;
}

/** Runs the program of this process and leaves its exit code. */
export async function main(program: Program): Promise<void> {
  const { argv, env, stdout, stderr } = process;
  const output = new Output(stdout, stderr);
  // Whoever stops reading early has what they wanted.
  stdout.on("error", () => process.exit(0));
  const code = await runProgram(program, argv.slice(2), env, output);
  process.exitCode = code;
}

async function runProgram(
  program: Program,
  args: readonly string[],
  env: Surroundings["env"],
  output: Output,
): Promise<number> {
  const { before, command: name, after } = splitAtCommand(program.before, args);
  const command =
    name !== undefined && Object.hasOwn(program.commands, name)
      ? program.commands[name]
      : undefined;
  try {
    if (isHelp(before)) return help(output, programHelp(program));
    if (name === undefined) throw new Failure("usage_error", "Name a command.", { exitCode: 2 });
    if (!command)
      throw new Failure("usage_error", `There is no command ${shown(name)}.`, { exitCode: 2 });
    if (isHelp(after)) return help(output, commandHelp(program, name, command));
    const given = new Map<string, readonly string[]>();
    readFlags(program.before, before, given);
    readFlags(command.flags, after, given);
    checkRequired(command.flags, given);
    const flags = new Flags({ ...program.before, ...command.flags }, given);
    return await command.run({ flags, env, output });
  } catch (error) {
    if (isFailure(error, "usage_error")) {
      output.note(usageLine(program, name, command));
      output.note(`${program.name}: ${error.message}`);
      return error.exitCode;
    }
    output.note(error instanceof Failure ? error.message : `Unexpected: ${messageOf(error)}`);
    if (error instanceof Failure && error.hint !== undefined) output.note(error.hint);
    return 1;
  }
}

function isHelp(args: readonly string[]): boolean {
  return args.includes("--help") || args.includes("-h");
}

function help(output: Output, text: string): number {
  output.line(text);
  return 0;
}

function usageLine({ name, before, commands }: Program, word?: string, command?: Command): string {
  const first = `usage: node scripts/${name}.mjs ${Object.keys(before).map(optional(before)).join("")}`;
  if (word === undefined || !command) return `${first}{${Object.keys(commands).join(",")}} …`;
  const flags = Object.entries(command.flags);
  const needed = flags.filter(([, flag]) => flag.isRequired);
  const words = needed.map(([flag, { value }]) => ` --${flag} ${value}`);
  return `${first}${word}${words.join("")}${needed.length < flags.length ? " [options]" : ""}`;
}

function optional(table: FlagTable): (name: string) => string {
  return (name) => `[--${name}${table[name]?.value ? ` ${table[name].value}` : ""}] `;
}

function programHelp(program: Program): string {
  const commands = Object.entries(program.commands).map(([name, { about }]) => [name, about]);
  return [
    usageLine(program),
    ...["", program.about, "", "Commands:"],
    ...aligned(commands),
    ...["", "Each command explains itself with --help."],
  ].join("\n");
}

function commandHelp(program: Program, name: string, command: Command): string {
  const options = Object.entries(command.flags).map(([flag, about]) => [
    `--${flag}${about.value ? ` ${about.value}` : ""}`,
    aboutFlag(about),
  ]);
  return [
    usageLine(program, name, command),
    "",
    command.about,
    "",
    "Options:",
    ...aligned(options),
  ].join("\n");
}

function aboutFlag({ about, choices, isRequired, otherwise }: Flag): string {
  const facts = [
    ...(choices ? [choices.join(" or ")] : []),
    ...(isRequired ? ["required"] : []),
    ...(otherwise === undefined ? [] : [`otherwise ${otherwise}`]),
  ];
  return facts.length === 0 ? about : `${about} (${facts.join("; ")})`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", about = ""]) => `  ${name.padEnd(width)}  ${about}`);
}
