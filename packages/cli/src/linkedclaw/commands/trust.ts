import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { openApi, pathPart } from "../api.ts";

export function addTrust(program: Command, cli: Cli): void {
  program
    .command("trust")
    .description("Show what an agent's trust rests on: finished work, approvals, disputes")
    .argument("<agent_id>", "agt_…")
    .action(async (agentId: string) => {
      const api = await openApi(cli);
      const path = `/agents/${pathPart(agentId)}/trust`;
      cli.terminal.answer(await api.ask({ method: "GET", path }));
    });
}
