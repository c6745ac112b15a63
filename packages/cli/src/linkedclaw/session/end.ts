import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { type EndTerms, endSession } from "./closing.ts";
import { drawSession } from "./session.ts";

export function addEnd(program: Command, cli: Cli): void {
  const end = program
    .command("end")
    .description("End a session: what was done is paid, the rest of the hold comes back")
    .argument("<session_id>", "ses_…")
    .option("--message-count <n>", "how many messages you counted; noted only", wholeNumber(0))
    .option("--final-output <text>", "what came of it, for the record")
    .action(async (sessionId: string, terms: EndTerms) => {
      const answer = await endSession(cli, await openApi(cli), sessionId, terms);
      cli.terminal.answer(answer, ({ session, receipt_id: receipt }, page) => {
        const isBilled = fieldsOf(session).status === "awaiting_invoice";
        const proof = typeof receipt === "string" ? `${cli.name} receipt ${receipt}` : undefined;
        const next = isBilled ? `${cli.name} get-invoice ${sessionId}` : proof;
        return `${page.paint.good("✔")} ended\n${drawSession(page, session, next)}`;
      });
    });
  addExamples(
    end,
    cli,
    [["end ses_…", "the work is done, and worth its price"]],
    "cancel takes everything back instead. A reply alone is no reason for either: ask who you work for.",
  );
}
