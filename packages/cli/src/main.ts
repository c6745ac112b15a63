/** Where both commands start. `bin/launch.mjs` calls `main` on a Node that can run it. */
import { CommanderError } from "commander";
import { type CliName, createCli } from "./cli.ts";
import { Failure, messageOf, usageFailure } from "./failure.ts";
import { ownPackage } from "./own-package.ts";
import { createProgram } from "./program.ts";
import { createTerminal, type Terminal } from "./terminal/terminal.ts";

/** How commander says that a command with subcommands was given none. */
const HELP_SHOWN = "commander.help";

/** Runs one command and sets the exit code: 0 done, 1 failed, 2 not said correctly. */
export async function main(name: CliName, argv: readonly string[] = process.argv.slice(2)) {
  const terminal = createTerminal(process.env);
  leaveQuietlyWhenNobodyReads(process.stdout);
  // Looked for here as well as by commander, so that a mistake on the command line is said likewise.
  terminal.isHuman = argv.includes("--human");
  try {
    const cli = createCli(name, ownPackage().version, process.env, terminal);
    const program = await createProgram(cli, argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = report(error, terminal);
  }
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // A person has just read the help instead.
  if (error instanceof CommanderError && error.code === HELP_SHOWN && process.stdout.isTTY)
    return 0;
  const failure = failureOf(error);
  terminal.fail(failure);
  return failure.exitCode;
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof CommanderError && error.code === HELP_SHOWN) {
    return usageFailure("no command was given", "See what there is with --help.");
  }
  if (error instanceof CommanderError) {
    const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
    return usageFailure(message, suggestion?.replace(/^\((.*)\)$/, "$1"));
  }
  return new Failure("internal", messageOf(error), {
    hint: "This is a bug of ours; please report it with the command that you ran.",
    cause: error,
  });
}

/** `linkedclaw search … | head -1` closes our stdout early; that is no failure of ours. */
function leaveQuietlyWhenNobodyReads(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}
