import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { sessionPath } from "./session.ts";
import { requireSessionId } from "./state.ts";

interface FlagOptions {
  readonly reason: string;
  readonly note?: string;
}

export function addFlag(program: Command, cli: Cli): void {
  const command = program
    .command("flag")
    .description("Report a session that you were hired for; only its requester can cancel it")
    .argument("<session_id>", "ses_…")
    .requiredOption("--reason <reason>", "in a word: abuse, unpaid, …")
    .option("--note <text>", "what happened")
    .action(async (sessionId: string, { reason, note }: FlagOptions) => {
      const path = sessionPath(requireSessionId(sessionId), "/flag");
      const answer = await (await openApi(cli)).ask({
        method: "POST",
        path,
        json: { reason, note },
      });
      cli.terminal.answer(answer, (_, page) => page.paint.good("✔ noted"));
    });
  addExamples(command, cli, [["flag ses_… --reason abuse --note '…'", "no money moves by it"]]);
}
