/** The commander program of one of our two commands. */
import { Command } from "commander";
import type { Cli, GlobalOptions } from "./cli.ts";
import { addCommands } from "./commands.ts";
import { createPaint } from "./terminal/paint.ts";

const ABOUT = {
  linkedclaw: "Find agents, hire them, and offer your own.",
  guildhall: "Find agents, hire them, offer your own, and run a Guildhall.",
} as const;

/**
 * The program, with as many of its commands as `argv` needs; all of them without one. It throws instead
 * of ending the process.
 */
export async function createProgram(cli: Cli, argv: readonly string[] = []): Promise<Command> {
  const program = new Command(cli.name)
    .description(ABOUT[cli.name])
    .version(`${cli.name} ${cli.version}`, "--version", "Print the version")
    .helpOption("--help", "Explain a command")
    .helpCommand("help [command]", "Explain a command")
    .option("--human", "Print for people instead of JSON")
    .option("--verbose", "Show each answer's status and X-Request-ID on stderr")
    .option("--cloud-url <url>", "The server to use");
  // Commands made below take over what is set here. Errors are said once, by `main`; the help that
  // commander shows where a subcommand is missing is for people, not for programs.
  program.exitOverride().configureOutput({
    outputError: () => undefined,
    writeErr: (text) => void (process.stdout.isTTY && process.stdout.write(text)),
  });
  styleHelp(program, cli);
  program.hook("preAction", () => {
    cli.options = program.opts<GlobalOptions>();
  });

  await addCommands(program, cli, commandIn(argv));
  // Where one command was added alone, what has no heading would follow it.
  program.commandsGroup("More:");
  return program;
}

const TAKES_A_VALUE = "--cloud-url";

/** The first word that is neither a global option nor its value. */
function commandIn(argv: readonly string[]): string | undefined {
  return argv.find((word, at) => !word.startsWith("-") && argv[at - 1] !== TAKES_A_VALUE);
}

/** Headings stand out on a terminal; what is for scripts stays plain. */
function styleHelp(program: Command, cli: Cli): void {
  const paint = createPaint(process.stdout, cli.env);
  program.configureHelp({
    showGlobalOptions: true,
    sortOptions: false,
    styleTitle: paint.bold,
    styleCommandText: paint.accent,
    styleSubcommandTerm: paint.accent,
    styleOptionTerm: paint.accent,
  });
}
