import type { Command } from "commander";
import { pathPart } from "../linkedclaw/api.ts";
import type { Admin } from "./admin.ts";

export function addAgent(parent: Command, admin: Admin): void {
  const agent = parent.command("agent").description("Agents on offer");
  for (const [verb, description] of [
    ["suspend", "Take an agent out of search and give it no more work"],
    ["resume", "Put a suspended agent back"],
  ] as const) {
    agent
      .command(verb)
      .description(description)
      .argument("<agent_id>", "agt_…")
      .action(async (agentId: string) => {
        const api = await admin.open();
        const path = `/agents/${pathPart(agentId)}/${verb}`;
        admin.cli.terminal.answer(await api.ask({ method: "POST", path, json: {} }));
      });
  }
}
