import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { wholeNumber } from "../../input.ts";
import { addExamples } from "../help.ts";
import { addInstall } from "./install.ts";
import type { ServeOptions } from "./serve.ts";

/** Enough for a conversation; what is not used comes back. */
const MESSAGES_DEFAULT = 20;
const MESSAGES_MAX = 10_000;

export function addAcp(program: Command, cli: Cli): void {
  const acp = program
    .command("acp")
    .description("Hire from an editor, or another host that speaks the Agent Client Protocol");
  const serve = acp
    .command("serve")
    .description("Be that agent on stdin and stdout; hosts start this, people rarely do")
    .requiredOption("--agent <agent_id>", "whom to hire: agt_…")
    .option("--capability <name>", "what for; needed where it offers several things")
    .addOption(
      new Option("--max-messages <n>", "messages that are paid for at once")
        .argParser(wholeNumber(1, MESSAGES_MAX))
        .default(MESSAGES_DEFAULT),
    )
    .action(async (options: ServeOptions) => {
      // What it loads is of no use to other commands.
      const { serve: run } = await import("./serve.ts");
      await run(cli, options);
    });
  addExamples(serve, cli, [["acp serve --agent agt_…", "until the host closes its input"]]);
  addInstall(acp, cli);
}
