/** What `--help` says below a command's options: how it is used, in lines that can be copied. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { createPaint } from "../terminal/paint.ts";

/** A command line without the program's name, and what it is good for. */
export type Example = readonly [line: string, meaning: string];

/** Adds examples to a command's help, and below them what else has to be known. */
export function addExamples(
  command: Command,
  cli: Cli,
  examples: readonly Example[],
  more?: string,
): void {
  const paint = createPaint(process.stdout, cli.env);
  const lines = examples.flatMap(([line, meaning]) => [
    `  ${paint.dim(`# ${meaning}`)}`,
    `  ${cli.name} ${line}`,
  ]);
  const text = [
    `\n${paint.bold("Examples:")}`,
    ...lines,
    ...(more === undefined ? [] : ["", more]),
  ];
  command.addHelpText("after", text.join("\n"));
}
