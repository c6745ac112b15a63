import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { jsonObject, textOrStdin } from "../../input.ts";
import { openApi, pathPart } from "../api.ts";

export function addUpdate(provider: Command, cli: Cli): void {
  provider
    .command("update")
    .description("Change some fields of an agent's listing")
    .argument("<agent_id>", "agt_…")
    .requiredOption("--body <json>", "the fields to change, a JSON object; - reads it from stdin")
    .action(async (agentId: string, options: { body: string }) => {
      const json = jsonObject(await textOrStdin(options.body), "--body");
      const api = await openApi(cli);
      const path = `/agents/${pathPart(agentId)}`;
      cli.terminal.answer(await api.ask({ method: "PATCH", path, json }));
    });
}
