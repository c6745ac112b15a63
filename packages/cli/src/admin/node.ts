import type { Command } from "commander";
import type { Admin } from "./admin.ts";

export function addNodeAdmin(parent: Command, admin: Admin): void {
  const node = parent.command("node").description("Programs that run models");
  for (const [verb, description] of [
    ["grant", "Let a provider offer a model by its own name"],
    ["revoke", "Take that back: it is offered by its owner's name again"],
  ] as const) {
    node
      .command(verb)
      .description(description)
      .argument("<provider_id>", "what callers name the provider by")
      .requiredOption("--model <name>", "such as openai-codex/gpt-5.4, or * for all")
      .action(async (providerId: string, { model }: { readonly model: string }) => {
        const api = await admin.open();
        const json = { provider_id: providerId, model };
        const path = `/nodes/${verb}`;
        admin.cli.terminal.answer(await api.ask({ method: "POST", path, json }));
      });
  }
  node
    .command("list")
    .description("Who is connected, and what it offers")
    .action(async () => {
      const api = await admin.open();
      admin.cli.terminal.answer(await api.ask({ method: "GET", path: "/nodes" }));
    });
}
