import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { openApi } from "../api.ts";
import { activate } from "./activation.ts";
import { drawSession } from "./session.ts";
import { requireSessionId } from "./state.ts";

export function addActivate(program: Command, cli: Cli): void {
  program
    .command("activate")
    .description("Ask a session's provider to take it, after hire left it pending")
    .argument("<session_id>", "ses_…")
    .action(async (sessionId: string) => {
      const api = await openApi(cli);
      const asked = activate(api, requireSessionId(sessionId));
      const answer = await cli.terminal.waiting("asking the provider", asked);
      cli.terminal.answer(answer, ({ session }, page) =>
        drawSession(page, session, `${cli.name} send ${sessionId} "…"`),
      );
    });
}
