import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { type CancelTerms, cancelSession } from "./closing.ts";
import { drawSession } from "./session.ts";

export function addCancel(program: Command, cli: Cli): void {
  const cancel = program
    .command("cancel")
    .description("Cancel a session: the hold comes back. Saying it twice does no harm")
    .argument("<session_id>", "ses_…")
    .option("--mandate-id <id>", "the mandate that this is done under: mnd_…")
    .option("--idempotency-key <key>", "of an earlier try; another request under it is refused")
    .action(async (sessionId: string, terms: CancelTerms) => {
      const answer = await cancelSession(cli, await openApi(cli), sessionId, terms);
      cli.terminal.answer(answer, (value, page) => drawSession(page, value));
    });
  addExamples(
    cancel,
    cli,
    [["cancel ses_…", "the price is above the budget, or nobody answers"]],
    "end pays for what was done instead.",
  );
}
